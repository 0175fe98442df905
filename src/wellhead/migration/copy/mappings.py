"""Takes the name or path of a mapping, gives it checked; every problem names the file and the field."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from wellhead.config.files import parse
from wellhead.config.problems import problems_of
from wellhead.consumers.shipped import path_of
from wellhead.errors import ConfigError, Problem
from wellhead.migration.copy.mapping import Mapping

IDENTITY = "identity"
_FOLDER = "migrations"


def load_mapping(name: str) -> Mapping:
    """Load a mapping: `identity`, `<connector>/<name>` for one that a connector ships, else a path.

    Raises:
        ConfigError: There is no such mapping, or something is wrong with it.
    """
    own = Path(__file__).parent / "identity.yaml"
    path = own if name == IDENTITY else path_of(name, _FOLDER, "mapping of documents")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or "cannot be read").lower() if isinstance(error, OSError) else "is not UTF-8 text"
        advice = "name a mapping as identity, <connector>/<name> or by its path"
        raise ConfigError(name, [Problem(str(path), f"{reason}; {advice}")]) from error
    content, problems = parse(text, str(path))
    try:
        mapping = Mapping.model_validate(content)
    except ValidationError as error:
        raise ConfigError(name, [*problems, *problems_of(error, Mapping, str(path))]) from None
    if problems:
        raise ConfigError(name, problems)
    return mapping
