"""Takes what is asked about connectors and their configuration, gives the cluster's answer; never changes one's running."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from wellhead.rest.answers import Answer, empty
from wellhead.rest.bodies import ConfigRequest, CreateRequest, read
from wellhead.rest.contract import ApiError, Role, TargetState
from wellhead.rest.routes.asking import body_of, caller_as, cluster_of, described, refuse_strangers
from wellhead.rest.shapes import ConnectorInfo, Names, Tasks, Topics, WordsInfo

router = APIRouter(tags=["connectors"])

_TARGETS: dict[str | None, TargetState] = {"RUNNING": "STARTED", "PAUSED": "PAUSED", "STOPPED": "STOPPED"}
_LOCATION = {"Location": "Where the connector is now."}


@router.get("/connectors", summary="List connectors", responses=described(200, Names))
async def list_connectors(
    request: Request,
    expand: Annotated[
        list[str] | None, Query(description="`status` and `info`, each by itself, for more than names; others give nothing.")
    ] = None,
) -> Response:
    """Give the names of all connectors, or with `expand` what each is and does."""
    caller_as(request, Role.READ_ONLY)
    cluster = cluster_of(request)
    if not expand:
        return Answer(cluster.names())
    expanded: dict[str, dict[str, Any]] = {}
    for name in cluster.names():
        expanded[name] = {}
        try:
            if "status" in expand:
                expanded[name]["status"] = cluster.status(name)
            if "info" in expand:
                expanded[name]["info"] = cluster.connector(name)
        except ApiError:
            continue  # it has no status yet, or is just being deleted
    return Answer(expanded)


@router.post(
    "/connectors",
    status_code=201,
    summary="Make a connector",
    responses=described(201, ConnectorInfo, 400, 409, 413, 415, headers=_LOCATION),
    openapi_extra=body_of(CreateRequest),
)
async def create(request: Request) -> Response:
    """Make a connector and start it, or leave it paused or stopped."""
    by = caller_as(request, Role.ADMIN)
    wanted = await read(request, CreateRequest)
    name = (wanted.name if wanted.name is not None else wanted.config.get("name")) or ""
    made = await cluster_of(request).create(
        name.strip(),
        wanted.config,
        initial_state=_TARGETS.get(wanted.initial_state),
        initial_offsets=None if wanted.initial_offsets is None else [entry.model_dump() for entry in wanted.initial_offsets],
        by=by,
    )
    return Answer(made, 201, {"location": _where(request, made["name"])})


@router.get("/connectors/{name}", summary="Show a connector", responses=described(200, ConnectorInfo, 404))
async def show(request: Request, name: str) -> Response:
    """Give a connector's configuration and tasks."""
    caller_as(request, Role.READ_ONLY)
    return Answer(cluster_of(request).connector(name))


@router.delete("/connectors/{name}", status_code=204, summary="Delete a connector", responses=described(204, None, 400, 404))
async def delete(
    request: Request,
    name: str,
    offsets: Annotated[Literal["delete", "keep"], Query(description="`delete` deletes its cursors, too.")] = "keep",
) -> Response:
    """Stop a connector and delete it; its cursors and topics stay unless `offsets=delete`."""
    by = caller_as(request, Role.ADMIN)
    refuse_strangers(request, ["offsets"])
    await cluster_of(request).delete(name, offsets=offsets == "delete", by=by)
    return empty(204)


@router.get("/connectors/{name}/config", summary="Show a configuration", responses=described(200, WordsInfo, 404))
async def show_config(request: Request, name: str) -> Response:
    """Give a connector's words; secrets are `******`, references stand as they were written."""
    caller_as(request, Role.READ_ONLY)
    return Answer(cluster_of(request).config(name))


@router.put(
    "/connectors/{name}/config",
    summary="Set a configuration, making the connector if need be",
    responses=described(200, ConnectorInfo, 400, 413, 415)
    | {201: {"model": ConnectorInfo, "description": "It was made.", "headers": {"Location": {"schema": {"type": "string"}}}}},
    openapi_extra=body_of(ConfigRequest),
)
async def put_config(request: Request, name: str) -> Response:
    """Set all words of a connector; `******` keeps the stored secret."""
    by = caller_as(request, Role.ADMIN)
    wanted = await read(request, ConfigRequest)
    made, info = await cluster_of(request).put_config(name, wanted.root, by=by)
    return Answer(info, 201, {"location": _where(request, name)}) if made else Answer(info)


@router.patch(
    "/connectors/{name}/config",
    summary="Change a configuration",
    responses=described(200, ConnectorInfo, 400, 404, 413, 415),
    openapi_extra=body_of(ConfigRequest),
)
async def patch_config(request: Request, name: str) -> Response:
    """Set some words of a connector; null takes one away."""
    by = caller_as(request, Role.ADMIN)
    wanted = await read(request, ConfigRequest)
    return Answer(await cluster_of(request).patch_config(name, wanted.root, by=by))


@router.get("/connectors/{name}/tasks", summary="List tasks", responses=described(200, Tasks, 404))
async def list_tasks(request: Request, name: str) -> Response:
    """Give a connector's tasks and their configuration; none while it is stopped."""
    caller_as(request, Role.READ_ONLY)
    return Answer(cluster_of(request).tasks(name))


@router.get("/connectors/{name}/topics", summary="List topics", responses=described(200, Topics, 404))
async def list_topics(request: Request, name: str) -> Response:
    """Give the topics a connector has written to."""
    caller_as(request, Role.READ_ONLY)
    return Answer({name: {"topics": cluster_of(request).topics(name)}})


@router.put("/connectors/{name}/topics/reset", status_code=202, summary="Forget topics", responses=described(202, None, 404))
async def reset_topics(request: Request, name: str) -> Response:
    """Forget which topics a connector has written to; the topics stay."""
    by = caller_as(request, Role.ADMIN)
    await cluster_of(request).reset_topics(name, by=by)
    return empty(202)


def _where(request: Request, name: str) -> str:
    host = request.headers.get("host")
    path = f"/connectors/{quote(name, safe='')}"
    return f"{request.url.scheme}://{host}{path}" if host else path
