"""Takes what answers questions, who may ask and the health and metrics pages, gives the read API as one application; never listens itself."""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from wellhead.consumers.attacks.api.answering import Answering
from wellhead.consumers.attacks.api.routes import QUERIES, router
from wellhead.errors import PermanentError, TemporaryError
from wellhead.rest.access import Access
from wellhead.rest.answers import Answer, of_error, plain_refusal, refusal
from wellhead.rest.contract import ApiError, Role
from wellhead.rest.description import operations
from wellhead.rest.gate import Gate
from wellhead.rest.health import Health, Metrics
from wellhead.rest.routes.asking import caller_as

ABOUT: Final = (
    "Attacks, their hits, and counts of both, from one store or shifted between two. Every answer is JSON and names the store it is from; "
    "a refusal is `{error_code, message}`. Times are epoch milliseconds."
)
# Both stores may be waited for, one after the other.
_REQUEST_SECS: Final = 2 * 60 + 10
_RETRY_SECS: Final = 2.0


def create_api(answering: Answering, access: Access, health: Health, metrics: Metrics) -> FastAPI:
    """Make the application.

    Args:
        answering: What answers.
        access: Who may ask; every role may read.
        health: Gives `status`, `message` and detail; called on the event loop.
        metrics: Gives the metrics page and its content type; called in a thread.
    """
    api = FastAPI(title="Wellhead attacks", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    api.state.answering, api.state.health, api.state.metrics = answering, health, metrics
    api.include_router(router)
    made = cache(description)

    async def show_description(request: Request) -> Response:
        caller_as(request, Role.READ_ONLY)
        return Answer(made())

    api.openapi = made  # type: ignore[method-assign]
    api.add_route("/openapi.json", show_description, methods=["GET"])
    _mend_errors(api)
    api.add_middleware(Gate, access=access, request_secs=_REQUEST_SECS)
    return api


def description() -> dict[str, Any]:
    """Give the OpenAPI description of the API."""
    made = get_openapi(
        title="Wellhead attacks", version=importlib.metadata.version("wellhead"), description=ABOUT, routes=router.routes
    )
    schemas = made["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for _, _, operation in operations(made):
        operation["responses"].pop("422", None)
    made["components"]["securitySchemes"] = {
        "basic": {"type": "http", "scheme": "basic"},
        "bearer": {"type": "http", "scheme": "bearer"},
        "certificate": {"type": "mutualTLS"},
    }
    return made


def _mend_errors(api: FastAPI) -> None:
    async def of_ours(_request: Request, error: Exception) -> Response:
        return of_error(error)

    async def of_temporary(_request: Request, error: Exception) -> Response:
        after_secs = error.after_secs if isinstance(error, TemporaryError) else None
        return refusal(503, str(error), {"retry-after": str(math.ceil(after_secs or _RETRY_SECS))})

    async def of_permanent(_request: Request, error: Exception) -> Response:
        return refusal(502, str(error))

    async def of_framework(_request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return plain_refusal(status, {"allow": "GET, HEAD"} if status == 405 else None)  # noqa: PLR2004 - a method there is not

    async def of_parameters(request: Request, error: Exception) -> Response:
        details = error.errors() if isinstance(error, RequestValidationError) else []
        model = QUERIES.get(request.scope.get("endpoint"))  # type: ignore[arg-type]
        known = [] if model is None else [str(field.validation_alias or name) for name, field in model.model_fields.items()]
        return refusal(400, "\n".join(dict.fromkeys(_told(detail, known) for detail in details)))

    api.add_exception_handler(ApiError, of_ours)
    api.add_exception_handler(TemporaryError, of_temporary)
    api.add_exception_handler(PermanentError, of_permanent)
    api.add_exception_handler(HTTPException, of_framework)
    api.add_exception_handler(RequestValidationError, of_parameters)


def _told(detail: Mapping[str, Any], known: list[str]) -> str:
    """Say of one parameter what is wrong with it and what may stand there; its value is not repeated."""
    name = next((str(part) for part in detail["loc"][1:] if isinstance(part, str)), "")
    if detail["type"] == "extra_forbidden":
        shown = name[:40] if name.isprintable() else "?"
        return f"{shown}: unknown parameter; known here: {', '.join(known)}"
    message = detail["msg"].replace("Input should be", "must be").replace("String should have", "must have")
    message = message.replace("Tuple should have", "must have").replace(", unable to parse string as an integer", "")
    return f"{name}: {message}" if name else message
