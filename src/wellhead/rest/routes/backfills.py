"""Takes what is asked about backfills, gives them or the request for one; never begins one for a request that is not clear."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from wellhead.rest.answers import Answer
from wellhead.rest.bodies import BackfillRequest, read
from wellhead.rest.contract import Role
from wellhead.rest.routes.asking import body_of, caller_as, cluster_of, described, refuse_strangers
from wellhead.rest.shapes import Entries, Planned

router = APIRouter(tags=["beside Connect's"])

DryRun = Annotated[bool, Query(alias="dryRun", description="Only tell what it would be.")]


@router.get("/connectors/{name}/backfills", summary="List backfills", responses=described(200, Entries, 404))
async def list_backfills(request: Request, name: str) -> Response:
    """Give a connector's backfills, newest first, with how far each is."""
    caller_as(request, Role.READ_ONLY)
    return Answer(await cluster_of(request).backfills(name))


@router.post(
    "/connectors/{name}/backfills",
    summary="Backfill",
    responses=described(201, Planned, 400, 404, 409, 413, 415),
    openapi_extra=body_of(BackfillRequest),
    status_code=201,
)
async def backfill(request: Request, name: str, dry_run: DryRun = False) -> Response:  # noqa: FBT002 - a query parameter
    """Read a span of time again, in a lane beside the live stream that goes first; it ends by itself."""
    by = caller_as(request, Role.OPERATOR if dry_run else Role.ADMIN)
    refuse_strangers(request, ["dryRun"])
    wanted = await read(request, BackfillRequest)
    told = await cluster_of(request).backfill(name, wanted.model_dump(), dry_run=dry_run, by=by)
    return Answer(told, 201)


@router.delete("/connectors/{name}/backfills/{backfill}", summary="Cancel a backfill", responses=described(204, None, 404))
async def cancel(request: Request, name: str, backfill: str) -> Response:
    """End a backfill where it stands; what it has read stays in the topic."""
    by = caller_as(request, Role.ADMIN)
    refuse_strangers(request, [])
    await cluster_of(request).cancel_backfill(name, backfill, by=by)
    return Response(status_code=204)
