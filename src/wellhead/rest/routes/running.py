"""Takes what is asked about a connector's running, gives its state or the request to change it; never touches its configuration."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from wellhead.rest.answers import Answer, empty
from wellhead.rest.contract import Role
from wellhead.rest.routes.asking import caller_as, cluster_of, described
from wellhead.rest.shapes import ConnectorStatus, TaskState

router = APIRouter(tags=["running"])


@router.get("/connectors/{name}/status", summary="Show what it does", responses=described(200, ConnectorStatus, 404))
async def show_status(request: Request, name: str) -> Response:
    """Give the state of a connector and of its tasks, and the worker of each."""
    caller_as(request, Role.READ_ONLY)
    return Answer(cluster_of(request).status(name))


@router.get("/connectors/{name}/tasks/{task}/status", summary="Show what a task does", responses=described(200, TaskState, 404))
async def show_task_status(request: Request, name: str, task: int) -> Response:
    """Give the state of one task, and its worker."""
    caller_as(request, Role.READ_ONLY)
    return Answer(cluster_of(request).task_status(name, task))


@router.put("/connectors/{name}/pause", status_code=202, summary="Pause", responses=described(202, None, 404))
async def pause(request: Request, name: str) -> Response:
    """Stop polling, keep the tasks."""
    by = caller_as(request, Role.OPERATOR)
    await cluster_of(request).set_target(name, "PAUSED", by=by)
    return empty(202)


@router.put("/connectors/{name}/resume", status_code=202, summary="Resume", responses=described(202, None, 404))
async def resume(request: Request, name: str) -> Response:
    """Start, or go on."""
    by = caller_as(request, Role.OPERATOR)
    await cluster_of(request).set_target(name, "STARTED", by=by)
    return empty(202)


@router.put("/connectors/{name}/stop", status_code=204, summary="Stop", responses=described(204, None, 404))
async def stop(request: Request, name: str) -> Response:
    """End the tasks; only then can cursors be changed."""
    by = caller_as(request, Role.OPERATOR)
    await cluster_of(request).set_target(name, "STOPPED", by=by)
    return empty(204)


@router.post(
    "/connectors/{name}/restart",
    status_code=202,
    summary="Restart",
    responses=described(202, ConnectorStatus, 400, 404) | {204: {"description": "It restarts; no body."}},
)
async def restart(
    request: Request,
    name: str,
    include_tasks: Annotated[bool, Query(alias="includeTasks", description="Restart the tasks, too.")] = False,  # noqa: FBT002 - a query parameter
    only_failed: Annotated[bool, Query(alias="onlyFailed", description="Restart only what has failed.")] = False,  # noqa: FBT002
) -> Response:
    """Restart a connector; with neither parameter without its tasks, and then without a body."""
    by = caller_as(request, Role.OPERATOR)
    planned = await cluster_of(request).restart(name, include_tasks=include_tasks, only_failed=only_failed, by=by)
    return empty(204) if planned is None else Answer(planned, 202)


@router.post(
    "/connectors/{name}/tasks/{task}/restart", status_code=204, summary="Restart a task", responses=described(204, None, 404)
)
async def restart_task(request: Request, name: str, task: int) -> Response:
    """Restart one task."""
    by = caller_as(request, Role.OPERATOR)
    await cluster_of(request).restart_task(name, task, by=by)
    return empty(204)
