"""Takes what is asked about connector classes, gives their options and what a configuration would mean; never stores one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from wellhead.rest.answers import Answer
from wellhead.rest.bodies import ConfigRequest, read
from wellhead.rest.contract import Role
from wellhead.rest.routes.asking import body_of, caller_as, cluster_of, described
from wellhead.rest.shapes import Definitions, Plugins, Validation

router = APIRouter(tags=["plug-ins"])

ConnectorsOnly = Annotated[bool, Query(alias="connectorsOnly", description="False: transforms and predicates, too.")]


@router.get("/connector-plugins", summary="List connector classes", responses=described(200, Plugins, 400))
async def list_plugins(
    request: Request,
    connectors_only: ConnectorsOnly = True,  # noqa: FBT002 - a query parameter
) -> Response:
    """Give the classes that can be configured."""
    caller_as(request, Role.READ_ONLY)
    return Answer(cluster_of(request).plugins(connectors_only=connectors_only))


@router.get("/connector-plugins/{plugin}/config", summary="List options", responses=described(200, Definitions, 404))
async def show_options(request: Request, plugin: str) -> Response:
    """Give the options of a class."""
    caller_as(request, Role.READ_ONLY)
    return Answer(cluster_of(request).plugin_config(plugin))


@router.put(
    "/connector-plugins/{plugin}/config/validate",
    summary="Check a configuration",
    responses=described(200, Validation, 400, 413, 415),
    openapi_extra=body_of(ConfigRequest),
)
async def validate(request: Request, plugin: str) -> Response:
    """Give each option with its value and what is wrong with it; 200 whether anything is or not."""
    caller_as(request, Role.OPERATOR)
    wanted = await read(request, ConfigRequest)
    return Answer(await cluster_of(request).validate(plugin, wanted.root))
