"""Takes a cluster, who may ask it, and the metrics page, gives the whole REST API as one application; never listens itself."""

from __future__ import annotations

import importlib.metadata
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from wellhead.errors import WellheadError
from wellhead.rest.access import Access
from wellhead.rest.answers import Answer, of_error, plain_refusal, refusal
from wellhead.rest.contract import ApiError, ClusterApi, Role
from wellhead.rest.description import as_html, describe
from wellhead.rest.gate import Gate
from wellhead.rest.health import Metrics
from wellhead.rest.routes import backfills, connectors, insight, loggers, offsets, plugins, running, server
from wellhead.rest.routes.asking import caller_as

ROUTERS = (
    server.router,
    connectors.router,
    running.router,
    offsets.router,
    plugins.router,
    loggers.router,
    insight.router,
    backfills.router,
)


def create_api(cluster: ClusterApi, access: Access, metrics: Metrics) -> FastAPI:
    """Make the application.

    Args:
        cluster: What answers. Its plain methods are called on the event loop.
        access: Who may ask what.
        metrics: Gives the metrics page and its content type. Called in a thread.

    Every answer is JSON, refusals are `{"error_code", "message"}`. /health, /ready, /live and /metrics are open to everybody;
    `rest.health.create_app` serves these four alone.
    """
    # The description is served by a route of ours, behind the gate; FastAPI's own pages load scripts from elsewhere.
    api = FastAPI(title="Wellhead", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    api.state.cluster = cluster
    api.state.metrics = metrics
    for router in ROUTERS:
        api.include_router(router)
    _add_pages(api)
    _mend_errors(api)
    api.add_middleware(Gate, access=access)
    _let_pages_in(api, access)
    return api


def description() -> dict[str, Any]:
    """Give the OpenAPI description of the API, whatever cluster answers it."""
    routes = [route for router in ROUTERS for route in router.routes]
    return describe(routes, importlib.metadata.version("wellhead"))


def _add_pages(api: FastAPI) -> None:
    made = cache(description)  # it takes longer to make than a worker wants to take for its start

    async def show_description(request: Request) -> Response:
        caller_as(request, Role.READ_ONLY)
        return Answer(made())

    async def show_page(request: Request) -> Response:
        caller_as(request, Role.READ_ONLY)
        return HTMLResponse(
            as_html(made()), headers={"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}
        )

    api.openapi = made  # type: ignore[method-assign]
    api.add_route("/openapi.json", show_description, methods=["GET"])
    api.add_route("/docs", show_page, methods=["GET"])


def _mend_errors(api: FastAPI) -> None:
    """Give every refusal, the framework's own too, Connect's shape; what is unforeseen goes on to the gate."""

    async def of_ours(_request: Request, error: Exception) -> Response:
        return of_error(error)

    async def of_framework(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        if status != 405:  # noqa: PLR2004 - the status for a method there is not
            return plain_refusal(status)
        allow = {"allow": ", ".join(_methods_of(request))}
        return Response(headers=allow) if request.method == "OPTIONS" else plain_refusal(405, allow)

    async def of_parameters(_request: Request, error: Exception) -> Response:
        details = error.errors() if isinstance(error, RequestValidationError) else []
        if any(detail["loc"][0] == "path" for detail in details):
            return plain_refusal(404)  # as Connect: what is no number names no task
        told = (f"{detail['loc'][-1]}: {detail['msg'].replace('Input should be', 'must be')}" for detail in details)
        return refusal(400, "\n".join(told))

    api.add_exception_handler(ApiError, of_ours)
    api.add_exception_handler(WellheadError, of_ours)
    api.add_exception_handler(HTTPException, of_framework)
    api.add_exception_handler(RequestValidationError, of_parameters)


def _methods_of(request: Request) -> list[str]:
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    found = {method for route in routes if route.path_regex.match(request.url.path) for method in route.methods or ()}
    found = found or {"GET"}  # the description and its page
    return sorted(found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set()))


def _let_pages_in(api: FastAPI, access: Access) -> None:
    origins = [each.strip() for each in access.settings.access_control_allow_origin.split(",") if each.strip()]
    if not origins:
        return
    methods = [each.strip() for each in access.settings.access_control_allow_methods.split(",") if each.strip()]
    api.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=methods or ["GET", "POST", "HEAD"],
        allow_headers=["authorization", "content-type"],
    )
