"""Takes what is asked about the worker itself, gives its version, health and metrics; never says a secret to whom it does not know."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from wellhead.rest.answers import Answer
from wellhead.rest.contract import Role
from wellhead.rest.health import answer_health, answer_live, answer_ready
from wellhead.rest.routes.asking import caller_as, cluster_of, described
from wellhead.rest.shapes import HealthInfo, ServerInfo

router = APIRouter(tags=["worker"])

_WELL: dict[int | str, dict[str, Any]] = {
    200: {"model": HealthInfo, "description": "It is well."},
    503: {"model": HealthInfo, "description": "It is starting."},
}


@router.get("/", summary="Show the version", responses=described(200, ServerInfo))
async def show_version(request: Request) -> Response:
    """Give the worker's version and its Kafka cluster."""
    caller_as(request, Role.READ_ONLY)
    return Answer(cluster_of(request).info())


@router.get("/health", summary="Show health", responses={**_WELL, 500: {"model": HealthInfo, "description": "Unhealthy."}})
async def show_health(request: Request) -> Response:
    """Tell whether the worker and all its tasks are well; open to everybody."""
    return answer_health(cluster_of(request).health)


@router.get("/ready", summary="Show readiness", responses=_WELL)
async def show_ready(request: Request) -> Response:
    """Tell whether the worker has started; open to everybody."""
    return answer_ready(cluster_of(request).health)


@router.get("/live", summary="Show life", responses={200: _WELL[200]})
async def show_live() -> Response:
    """Tell that the event loop runs; open to everybody."""
    return answer_live()


@router.get(
    "/metrics", summary="Show metrics", response_class=PlainTextResponse, responses={200: {"description": "Prometheus' text."}}
)
async def show_metrics(request: Request) -> Response:
    """Give the metrics page for Prometheus; open to everybody."""
    page, content_type = await asyncio.to_thread(request.app.state.metrics)
    return Response(page, media_type=content_type)
