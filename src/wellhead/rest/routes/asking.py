"""Takes a request, gives the cluster it is for and its caller if he may; and gives routes their described answers, never their own."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final, cast

from pydantic import BaseModel
from starlette.requests import Request

from wellhead.rest.contract import ApiError, Caller, ClusterApi, Role
from wellhead.rest.shapes import Refusal

REFUSALS: Final = {
    400: "What was sent cannot be used.",
    401: "The caller did not say who they are, or said it wrong.",
    403: "The caller may not do that.",
    404: "There is no such thing.",
    409: "It exists already.",
    413: "The body is too long.",
    415: "The body is not said to be JSON.",
    429: "The client asks too often.",
    500: "Something failed that should not.",
    503: "It cannot be done just now.",
}
OF_ALL: Final = (401, 403, 429, 500, 503)


def cluster_of(request: Request) -> ClusterApi:
    """Give the cluster."""
    return cast("ClusterApi", request.app.state.cluster)


def caller_as(request: Request, needed: Role) -> Caller:
    """Give who asks.

    Raises:
        ApiError: 403: their role is less than `needed`.
    """
    caller: Caller = request.state.caller
    if caller.role < needed:
        raise ApiError(403, f"{caller.name} is {caller.role.word}; this needs the role {needed.word}")
    return caller


def refuse_strangers(request: Request, known: Iterable[str]) -> None:
    """Refuse parameters that are not known, lest a misspelt `dryRun` becomes the deed itself.

    Raises:
        ApiError: 400.
    """
    names = [*known, "forward"]
    for name in request.query_params:
        if name not in names:
            raise ApiError(400, f"unknown parameter {name!r}; known here: {', '.join(known)}")


def described(
    status: int, shape: type[BaseModel] | None, *refusals: int, headers: dict[str, str] | None = None
) -> dict[int | str, dict[str, Any]]:
    """Give the `responses` of a route: its own, and the refusals it may meet."""
    own: dict[str, Any] = {"description": (shape.__doc__ or "") if shape else f"{HTTPStatus(status).phrase}; no body."}
    if shape is not None:
        own["model"] = shape
    if headers:
        own["headers"] = {name: {"description": text, "schema": {"type": "string"}} for name, text in headers.items()}
    found: dict[int | str, dict[str, Any]] = {status: own}
    return found | {code: {"model": Refusal, "description": REFUSALS[code]} for code in sorted({*refusals, *OF_ALL})}


def body_of(shape: type[BaseModel]) -> dict[str, Any]:
    """Give the `openapi_extra` of a route that reads `shape` itself."""
    reference = {"$ref": f"#/components/schemas/{shape.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": reference}}}}
