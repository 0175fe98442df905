"""Takes what is asked about loggers, gives or sets their levels; never shows what they logged."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from wellhead.rest.answers import Answer, empty
from wellhead.rest.bodies import LevelRequest, read
from wellhead.rest.contract import ApiError, Role
from wellhead.rest.routes.asking import body_of, caller_as, cluster_of, described
from wellhead.rest.shapes import Level, Levels, LoggerNames

router = APIRouter(prefix="/admin/loggers", tags=["loggers"])


@router.get("", summary="List loggers", responses=described(200, Levels))
async def list_loggers(request: Request) -> Response:
    """Give the level of each logger of this worker."""
    caller_as(request, Role.READ_ONLY)
    return Answer(cluster_of(request).loggers())


@router.get("/{logger}", summary="Show a logger", responses=described(200, Level, 404))
async def show_logger(request: Request, logger: str) -> Response:
    """Give the level of one logger of this worker."""
    caller_as(request, Role.READ_ONLY)
    return Answer(cluster_of(request).logger(logger))


@router.put(
    "/{logger}",
    summary="Set a level",
    responses=described(200, LoggerNames, 400, 404, 413, 415) | {204: {"description": "It was set on every worker; no body."}},
    openapi_extra=body_of(LevelRequest),
)
async def set_level(
    request: Request,
    logger: str,
    scope: Annotated[Literal["worker", "cluster"], Query(description="This worker, or all of them.")] = "worker",
) -> Response:
    """Set the level of a logger and of those below it, until the worker restarts."""
    by = caller_as(request, Role.ADMIN)
    wanted = await read(request, LevelRequest)
    if wanted.level is None:
        raise ApiError(400, "Desired 'level' parameter was not specified in request.")
    names = await cluster_of(request).set_logger(logger, wanted.level, scope, by=by)
    return empty(204) if names is None else Answer(names)
