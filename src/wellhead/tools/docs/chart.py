"""Takes the chart's values.yaml and the models of options, gives the schema of its values and the table of its README; never touches prose."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from wellhead import plugins
from wellhead.errors import PermanentError
from wellhead.tools.docs.markdown import between, table
from wellhead.tools.docs.values import values_schema

_LONGEST_DEFAULT_CHARS = 60


def chart_pages(root: Path) -> dict[Path, str]:
    """Give the generated files of the chart of a checkout, by path; none where it has no chart.

    Raises:
        PermanentError: Its README is missing or has no markers, or a value has no comment above it.
    """
    chart = root / "helm" / "wellhead"
    source = chart / "values.yaml"
    if not source.is_file():
        return {}
    text = source.read_text(encoding="utf-8")
    ours = [name for name in plugins.names() if (root / "connectors" / name).is_dir()]
    schema = json.dumps(values_schema(yaml.safe_load(text), ours), indent=1, ensure_ascii=False)
    readme = chart / "README.md"
    if not readme.is_file():
        raise PermanentError(f"{readme} is missing: write one with the markers of the table `values`")
    rows = table(["Value", "Default", "Description"], described(text))
    page = between(readme.read_text(encoding="utf-8"), "values", rows, readme)
    return {chart / "values.schema.json": schema + "\n", readme: page}


def described(text: str) -> Iterator[list[str]]:
    """Yield name, default and description of each value that has a comment above it.

    Raises:
        PermanentError: Something that is no mapping of others has none.
    """
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(node, yaml.MappingNode)
    yield from _rows(node, "", text.splitlines(), yaml.safe_load(text))


def _rows(node: yaml.MappingNode, prefix: str, lines: list[str], values: dict[str, Any]) -> Iterator[list[str]]:
    for key, inner in node.value:
        path, value = f"{prefix}{key.value}", values[key.value]
        comment = _above(lines, key.start_mark.line)
        children = inner.value if isinstance(inner, yaml.MappingNode) else []
        is_apart = bool(children) and (not comment or any(_above(lines, each.start_mark.line) for each, _ in children))
        if comment:
            yield [f"`{path}`", "" if is_apart else _default(value), comment]
        if is_apart:
            yield from _rows(inner, f"{path}.", lines, value)
        elif not comment:
            raise PermanentError(f"values.yaml: {path} has no comment above it; say in a line what it does")


def _above(lines: list[str], at: int) -> str:
    found: list[str] = []
    while at and lines[at - 1].strip().startswith("# "):
        at -= 1
        found.insert(0, lines[at].strip().removeprefix("# "))
    return " ".join(found)


def _default(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return ""
    text = json.dumps(value) if not isinstance(value, str) else value
    return f"`{text}`" if len(text) <= _LONGEST_DEFAULT_CHARS else "see values.yaml"
