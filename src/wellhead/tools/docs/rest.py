"""Takes the REST API's description and its differences from Connect's, gives their pages; never asks a worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wellhead.consumers.attacks.api.app import description as attacks_description
from wellhead.rest.app import description
from wellhead.rest.description import operations
from wellhead.rest.differences import ADDITIONS, DIFFERENCES
from wellhead.rest.routes.asking import OF_ALL, REFUSALS
from wellhead.tools.docs.markdown import page, table


def rest_pages(root: Path) -> dict[Path, str]:
    """Give the text of the pages about REST, by path."""
    reference = root / "docs" / "reference"
    return {
        reference / "rest.md": rest_page(),
        reference / "connect-differences.md": differences_page(),
        reference / "attacks-api.md": attacks_api_page(),
    }


def differences_page() -> str:
    """Give the page of the deliberate differences from Kafka Connect's API."""
    return page(
        "Differences from Kafka Connect's REST API",
        [
            (
                "Wellhead answers as Kafka Connect does, so that its clients work unmodified: the answers of a real Connect 4.3.1 are replayed "
                "in the tests, 91 exchanges, and are the same but for what stands here."
            ),
            "",
            *table(
                ["Where", "Kafka Connect", "Wellhead", "Why"],
                ([f"`{each.key}`", each.connect, each.ours, each.why] for each in DIFFERENCES),
            ),
            "",
            "## Beside Connect's",
            "",
            *table(["Path", "What it does"], ADDITIONS),
        ],
    )


def rest_page() -> str:
    """Give the page of the API: each operation with its parameters, body and answers, then the shapes."""
    described = description()
    body = [
        (
            f"{described['info']['description']} The same is at `/openapi.json` of every worker, for programs, and at `/docs`, for people. "
            "How it differs from Connect's: [differences](connect-differences.md)."
        ),
        "",
    ]
    refused = ([f"`{status}`", REFUSALS[status]] for status in OF_ALL)
    body += ["Besides its own answers, everything but the four probes may answer with a [Refusal](#refusal):", ""]
    body += [*table(["Status", "When"], refused), ""]
    return page("REST API", [*body, *_described(described)])


def attacks_api_page() -> str:
    """Give the page of the API that `wellhead attacks serve` answers, likewise."""
    described = attacks_description()
    about = f"{described['info']['description']} The same is at `/openapi.json`, for programs; how to run it: [guide](../guide/attacks-api.md)."
    return page("Attacks API", [about, "", *_described(described)])


def _described(described: dict[str, Any]) -> list[str]:
    body: list[str] = []
    tag = ""
    for method, path, operation in operations(described):
        if operation["tags"][0] != tag:
            tag = operation["tags"][0]
            body += [f"## {tag.capitalize()}", ""]
        body += [*_operation(method, path, operation), ""]
    body += ["## Shapes", ""]
    for name, schema in sorted(described["components"]["schemas"].items()):
        body += [*_shape(name, schema), ""]
    return body[:-1]


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"### `{method} {path}`"
    yield ""
    yield operation["description"]
    queries = [each for each in operation.get("parameters", ()) if each["in"] == "query"]
    if queries:
        yield ""
        yield from table(
            ["Parameter", "Type", "Description"],
            ([f"`{each['name']}`", _type(each["schema"]), each.get("description", "")] for each in queries),
        )
    if "requestBody" in operation:
        yield ""
        yield f"Body: {_content(operation['requestBody'])}."
    yield ""
    told = [(status, each) for status, each in operation["responses"].items() if not _is_of_all(status, each)]
    rows = ([f"`{status}`", _content(each) or "none", each["description"]] for status, each in told)
    yield from table(["Status", "Answer", "When"], rows)


def _is_of_all(status: str, response: dict[str, Any]) -> bool:
    return int(status) in OF_ALL and response["description"] == REFUSALS[int(status)]


def _content(described: dict[str, Any]) -> str:
    return ", ".join(
        _type(content["schema"]) if content.get("schema") else f"`{kind}`"
        for kind, content in described.get("content", {}).items()
    )


def _shape(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"### {name}"
    yield ""
    yield schema.get("description") or f"One of {_type(schema)}."
    if "properties" in schema:
        required = schema.get("required", ())
        yield ""
        yield from table(
            ["Field", "Type", "Always", "Description"],
            (
                [f"`{field}`", _type(each), "yes" if field in required else "", each.get("description", "")]
                for field, each in schema["properties"].items()
            ),
        )
    elif "type" in schema or "anyOf" in schema:
        yield ""
        yield f"Is {_type(schema)}."


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return " or ".join(f"`{each}`" for each in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(each) for each in schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"mapping to {_type(schema['additionalProperties'])}"
    return str(schema.get("type", "any")).replace("string", "text").replace("object", "mapping")
