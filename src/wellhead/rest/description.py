"""Takes the API's routes, gives its OpenAPI description and a page of it that loads nothing from elsewhere; never names a host."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import Any, Final

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from wellhead.rest.bodies import BackfillRequest, ConfigRequest, CreateRequest, LevelRequest, OffsetsRequest

ABOUT: Final = (
    "Kafka Connect's REST API, as its clients know it, and beside it what Connect has no path for. "
    "Every answer is JSON; a refusal is `{error_code, message}`."
)
NO_BODY: Final = "; no body."
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code{background:#8882;padding:.1em .3em;border-radius:3px}dt{margin-top:.8em}@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}}"
)


def describe(routes: Sequence[BaseRoute], version: str) -> dict[str, Any]:
    """Give the OpenAPI description, bodies included that the routes read themselves."""
    made = get_openapi(title="Wellhead", version=version, description=ABOUT, routes=list(routes))
    schemas = made["components"]["schemas"]
    for shape in (CreateRequest, ConfigRequest, OffsetsRequest, LevelRequest, BackfillRequest):
        own = shape.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= own.pop("$defs", {})
        schemas[shape.__name__] = own
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for _, _, operation in operations(made):
        operation["responses"].pop("422", None)
        for response in operation["responses"].values():
            if response["description"].endswith(NO_BODY):
                response.pop("content", None)  # FastAPI says that everything has one
    made["components"]["securitySchemes"] = {
        "basic": {"type": "http", "scheme": "basic"},
        "bearer": {"type": "http", "scheme": "bearer"},
        "certificate": {"type": "mutualTLS"},
    }
    return made


def operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path and description of each operation, in order."""
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def as_html(description: dict[str, Any]) -> str:
    """Give the description as one page without scripts."""
    told = "".join(_told(*each) for each in operations(description))
    about = html.escape(description["info"]["description"])
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Wellhead REST API</title><style>{_STYLE}</style>'
        f'<h1>Wellhead REST API</h1><p>{about}</p><p><a href="openapi.json">openapi.json</a></p><dl>{told}</dl></html>'
    )


def _told(method: str, path: str, operation: dict[str, Any]) -> str:
    given = [each for each in operation.get("parameters", ()) if each["in"] == "query"]
    lines = [
        operation.get("description", ""),
        *(f"?{each['name']}: {each.get('description', '')}" for each in given),
        "Answers " + ", ".join(operation["responses"]),
    ]
    shown = "<br>".join(html.escape(line) for line in lines)
    return f"<dt><code>{method} {html.escape(path)}</code></dt><dd>{shown}</dd>"
