"""Takes the options of lookups and the words of mappings as the code declares them, gives their reference pages; never touches prose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wellhead import plugins
from wellhead.config.describe import Option, options_of
from wellhead.config.lookup import LookupSettings
from wellhead.consumers.lookup.mapping import Condition, Mapping, Range, Value
from wellhead.consumers.lookup.mappings import load_mapping
from wellhead.consumers.shipped import shipped
from wellhead.tools.docs.markdown import OPTION_HEAD, option_rows, page, table


def lookup_pages(root: Path) -> dict[Path, str]:
    """Give the generated pages of lookups, by path."""
    reference = root / "docs" / "reference"
    ours = [name for name in plugins.names() if (root / "connectors" / name / "lookups").is_dir()]
    return {reference / "lookup-options.md": options_page(), reference / "lookup-mappings.md": mappings_page(ours)}


def options_page() -> str:
    """Give the page of a lookup's options."""
    options = [option for option in options_of(LookupSettings) if option.word != "name"]
    return page(
        "Lookup options",
        [
            (
                "Every lookup has these, under `lookups: <name>:` in a file, beside those of its target, which stand under the target's name: "
                "[target options](target-options.md). On the command line: `--set lookups.<name>.<option>=<value>`. "
                "How to use them: [the guide](../guide/lookups.md)."
            ),
            "",
            *table(OPTION_HEAD, option_rows(options)),
        ],
    )


def mappings_page(connectors: list[str]) -> str:
    """Give the page of a mapping's words, and of the mappings these connectors ship."""
    body = [
        (
            "A mapping is a YAML file that says what one lookup file holds. `wellhead config check` names file, line and field of whatever "
            "is wrong with one. How to write one: [the guide](../guide/lookups.md)."
        ),
        "",
    ]
    for title, model in (("A mapping", Mapping), ("A condition", Condition), ("A value", Value), ("A range", Range)):
        body += [
            f"## {title}",
            "",
            (model.__doc__ or "").split("\n")[0],
            "",
            *table(OPTION_HEAD, option_rows(_flat(model))),
            "",
        ]
    for connector in connectors:
        body += _shipped(connector)
    return page("Lookup mappings", body[:-1])


def _flat(model: type[Mapping | Condition | Value | Range]) -> list[Option]:
    """Give the words of one part; those of the parts inside it have tables of their own."""
    return [option for option in options_of(model) if not set(".[") & set(option.word) or option.word in _words(model)]


def _words(model: type[Mapping | Condition | Value | Range]) -> set[str]:
    return {info.alias or name for name, info in model.model_fields.items()}


def _shipped(connector: str) -> Iterator[str]:
    yield from (f"## Shipped with `{connector}`", "")
    for name in shipped(connector, "lookups"):
        mapping = load_mapping(f"{connector}/{name}").mapping
        yield from (f"### `{connector}/{name}`", "", f"`{mapping.file}`: {mapping.description}", "")
        rows = (
            [f"`{header}`", _told(value), "key" if header in mapping.key else ""] for header, value in mapping.columns.items()
        )
        yield from table(["Column", "From", ""], rows)
        yield ""


def _told(value: Value) -> str:
    """Tell in words where a value comes from."""
    if value.text is not None:
        told = f"the text `{value.text}`"
    elif value.first is not None:
        told = f"the first of {', '.join(f'`{name}`' for name in value.first)}"
    else:
        told = f"`{value.column}`"
    told += f", joined by `{value.join}`" if value.join else ""
    told += f", in {value.case} case" if value.case else ""
    if value.map is not None:
        told += f": {', '.join(f'{was} → {becomes}' for was, becomes in value.map.items())}"
    if value.ranges is not None:
        told += f": {', '.join(f'below {step.below:g} {step.text}' if step.below is not None else f'else {step.text}' for step in value.ranges)}"
    if value.when:
        told += f" where {' and '.join(_asked(condition) for condition in value.when)}"
    return f"{told}; else {_told(value.otherwise)}" if value.otherwise is not None else told


def _asked(condition: Condition) -> str:
    if condition.not_null is not None:
        return f"`{condition.column}` is {'there' if condition.not_null else 'null'}"
    if condition.contains is not None:
        return f"`{condition.column}` has a `{condition.contains}` in it"
    wanted = condition.one_of if condition.one_of is not None else (condition.equals or "",)
    return f"`{condition.column}` is {' or '.join(f'`{text}`' for text in wanted)}"
