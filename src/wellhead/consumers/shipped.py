"""Takes a name such as `vendor/name`, gives the YAML file that connector ships under it, or the path it is; never reads the file."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from pathlib import Path

from wellhead.errors import ConfigError, Problem

_SUFFIXES = (".yaml", ".yml", ".json")


def shipped(connector: str, folder: str) -> dict[str, Path]:
    """Give the files a connector ships in one of its folders, by name."""
    return {path.stem: path for place in _places(connector, folder) for path in sorted(place.glob("*.yaml"))}


def path_of(name: str, folder: str, what: str) -> Path:
    """Find the file of `name`: `<connector>/<name>` for one that a connector ships in `folder`, else a path.

    Args:
        name: As the deployment has it.
        folder: Where connectors keep such files.
        what: What such a file is called in a message.

    Raises:
        ConfigError: No connector ships one of that name.
    """
    if name.endswith(_SUFFIXES):
        return Path(name)
    connector, _, wanted = name.partition("/")
    known = shipped(connector, folder) if connector.isidentifier() else {}
    if wanted in known:
        return known[wanted]
    close = difflib.get_close_matches(wanted, known, n=1)
    if close:
        way_on = f"did you mean {connector}/{close[0]}?"
    elif known:
        way_on = f"{connector} ships: {', '.join(known)}"
    else:
        way_on = "name it <connector>/<name>, or by the path of a .yaml file"
    raise ConfigError(name, [Problem(name, f"there is no such {what}; {way_on}")])


def _places(connector: str, folder: str) -> Iterable[Path]:
    try:
        package = importlib.import_module(f"connectors.{connector}")
    except ImportError:
        return []
    return [Path(place) / folder for place in package.__path__]
