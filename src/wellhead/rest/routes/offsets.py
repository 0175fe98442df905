"""Takes what is asked about cursors, gives them or the request to change them; never changes one for a request that is not clear."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from wellhead.rest.answers import Answer
from wellhead.rest.bodies import OffsetsRequest, read
from wellhead.rest.contract import Role
from wellhead.rest.refusals import no_offsets_given
from wellhead.rest.routes.asking import body_of, caller_as, cluster_of, described, refuse_strangers
from wellhead.rest.shapes import Done, Offsets

router = APIRouter(tags=["offsets"])

DryRun = Annotated[bool, Query(alias="dryRun", description="Only tell what would change.")]


@router.get("/connectors/{name}/offsets", summary="Show cursors", responses=described(200, Offsets, 404))
async def show_offsets(request: Request, name: str) -> Response:
    """Give a connector's cursors, each with its age and where its history is."""
    caller_as(request, Role.READ_ONLY)
    return Answer({"offsets": await cluster_of(request).offsets(name)})


@router.patch(
    "/connectors/{name}/offsets",
    summary="Set cursors",
    responses=described(200, Done, 400, 404, 413, 415),
    openapi_extra=body_of(OffsetsRequest),
)
async def alter_offsets(request: Request, name: str, dry_run: DryRun = False) -> Response:  # noqa: FBT002 - a query parameter
    """Set some cursors of a stopped connector; null resets one."""
    by = caller_as(request, Role.OPERATOR if dry_run else Role.ADMIN)
    refuse_strangers(request, ["dryRun"])
    wanted = await read(request, OffsetsRequest)
    if not wanted.offsets:
        raise no_offsets_given()
    entries = [entry.model_dump() for entry in wanted.offsets]
    return Answer(await cluster_of(request).alter_offsets(name, entries, dry_run=dry_run, by=by))


@router.delete("/connectors/{name}/offsets", summary="Reset cursors", responses=described(200, Done, 400, 404))
async def reset_offsets(request: Request, name: str, dry_run: DryRun = False) -> Response:  # noqa: FBT002 - a query parameter
    """Reset all cursors of a stopped connector: it starts as if it never ran."""
    by = caller_as(request, Role.OPERATOR if dry_run else Role.ADMIN)
    refuse_strangers(request, ["dryRun"])
    return Answer(await cluster_of(request).reset_offsets(name, dry_run=dry_run, by=by))
