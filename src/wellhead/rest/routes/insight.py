"""Takes what Connect has no path for: why, what was, what was left out, and back; never in the way of a path of Connect's."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from wellhead.rest.answers import Answer
from wellhead.rest.contract import Role
from wellhead.rest.routes.asking import caller_as, cluster_of, described, refuse_strangers
from wellhead.rest.shapes import ConnectorInfo, Entries, Explained

router = APIRouter(tags=["beside Connect's"])

Limit = Annotated[int, Query(ge=1, le=1000, description="Most entries.")]


@router.get("/connectors/{name}/explain", summary="Explain", responses=described(200, Explained, 404))
async def explain(request: Request, name: str) -> Response:
    """Tell who runs a connector, where its cursors stand and how fresh they are, what went wrong last, and what to do now."""
    caller_as(request, Role.READ_ONLY)
    return Answer(await cluster_of(request).explain(name))


@router.get("/connectors/{name}/runs", summary="List runs", responses=described(200, Entries, 400, 404))
async def list_runs(request: Request, name: str, limit: Limit = 20) -> Response:
    """Give a connector's last runs, newest first."""
    caller_as(request, Role.READ_ONLY)
    return Answer(await cluster_of(request).runs(name, limit))


@router.get("/connectors/{name}/dead-letters", summary="List dead letters", responses=described(200, Entries, 400, 404))
async def list_dead_letters(request: Request, name: str, limit: Limit = 20) -> Response:
    """Give a connector's last dead letters, newest first, without their bytes."""
    caller_as(request, Role.READ_ONLY)
    return Answer(await cluster_of(request).dead_letters(name, limit))


@router.get("/connectors/{name}/versions", summary="List versions", responses=described(200, Entries, 404))
async def list_versions(request: Request, name: str) -> Response:
    """Give the kept versions of a connector's configuration, newest first."""
    caller_as(request, Role.READ_ONLY)
    return Answer(cluster_of(request).versions(name))


@router.put("/connectors/{name}/rollback", summary="Roll back", responses=described(200, ConnectorInfo, 400, 404))
async def rollback(
    request: Request, name: str, version: Annotated[int, Query(ge=1, description="The version to go back to.")]
) -> Response:
    """Make an old version of a connector's configuration its newest."""
    by = caller_as(request, Role.ADMIN)
    refuse_strangers(request, ["version"])
    return Answer(await cluster_of(request).rollback(name, version, by=by))
