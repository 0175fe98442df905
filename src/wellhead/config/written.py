"""Takes files of connectors, gives each one's words as text, references unresolved, as REST and the config topic have them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wellhead.config.flatten import flatten
from wellhead.config.sources import collect
from wellhead.errors import ConfigError


def connector_words(paths: Sequence[Path], overrides: Sequence[str] = ()) -> dict[str, dict[str, str]]:
    """Give the words of every connector in the files, flags over them, by name.

    Raises:
        ConfigError: A file cannot be read.
    """
    written = collect(paths, overrides)
    if written.problems:
        raise ConfigError(", ".join(map(str, paths)), list(written.problems))
    return {
        name: {
            word: _text(value)
            for word, value in {**flatten(entry)[0], **written.connector_flags.get(name, {})}.items()
            if value is not None
        }
        for name, entry in written.connectors.items()
    }


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and not any(isinstance(item, (list, dict)) or "," in str(item) for item in value):
        return ",".join(_text(item) for item in value)
    return json.dumps(value) if isinstance(value, (list, dict)) else str(value)
