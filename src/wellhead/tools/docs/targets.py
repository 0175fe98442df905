"""Takes the installed lookup targets, gives the page of their options and the tables in their folders' READMEs; never touches prose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wellhead import plugins
from wellhead.config.describe import options_of
from wellhead.errors import PermanentError
from wellhead.targets import AnyTarget
from wellhead.tools.docs.markdown import OPTION_HEAD, between, marker, option_rows, page, table


def target_pages(root: Path) -> dict[Path, str]:
    """Give the generated pages of the targets that belong to a checkout, by path.

    Raises:
        PermanentError: A target's README is missing or has no markers.
    """
    found = plugins.installed_targets()
    folders = {name: root / "connectors" / name for name in found.names()}
    own = {name: found.load(name) for name in found.names() if folders[name].is_dir() or _is_the_houses(found.module_of(name))}
    pages = {
        folders[name] / "README.md": _readme(folders[name] / "README.md", own[name]) for name in own if folders[name].is_dir()
    }
    return {root / "docs" / "reference" / "target-options.md": _options_page(own), **pages}


def _is_the_houses(module: str) -> bool:
    return module.startswith("wellhead.")


def _readme(path: Path, target: type[AnyTarget]) -> str:
    if not path.is_file():
        raise PermanentError(f"{path} is missing: write one with the marker {marker('options', 'start')}")
    return between(path.read_text(encoding="utf-8"), "options", _described(target), path)


def _options_page(targets: dict[str, type[AnyTarget]]) -> str:
    body = [
        "Lookup files are delivered to the `target: <name>` under `lookups: <lookup>:`; its options stand beside it, as here.",
    ]
    for name, target in targets.items():
        body += ["", f"## `{name}`: {target.title}", "", *_described(target)]
    return page("Target options", body)


def _described(target: type[AnyTarget]) -> Iterator[str]:
    yield from table(OPTION_HEAD, option_rows(options_of(target.config, f"{target.name}.")))
