"""Takes text with `${env:NAME}` and `${file:/path:key}` references, gives the text they stand for, hidden; never shows a value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from wellhead.config.properties import parse_properties
from wellhead.config.secrets import Hidden
from wellhead.errors import Problem

_MAX_FILE_BYTES = 1024 * 1024
_TOKEN = re.compile(r"\$\$\{|\$\{(?P<inside>[^{}]*)\}|\$\{")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SYNTAX = (
    "holds '${' that starts no reference; write ${env:NAME}, ${file:/path} or ${file:/path:key}, or $${ for the text itself"
)


class UnresolvedError(ValueError):
    """A reference that stands for nothing; the message names the reference, never a value."""


def resolve(value: Any, path: str, environ: Mapping[str, str]) -> tuple[Any, list[Problem]]:
    """Replace the references in every text inside `value`.

    Returns:
        The same shape, texts that held a reference being `Hidden`; and a problem for each reference that stands for nothing.
    """
    if isinstance(value, str):
        return _resolve_text(value, path, environ)
    problems: list[Problem] = []

    def inner(item: Any, item_path: str) -> Any:
        resolved, found = resolve(item, item_path, environ)
        problems.extend(found)
        return resolved

    if isinstance(value, Mapping):
        return {key: inner(item, f"{path}.{key}") for key, item in value.items()}, problems
    if isinstance(value, list):
        return [inner(item, f"{path}.{index}") for index, item in enumerate(value)], problems
    return value, problems


def _resolve_text(text: str, path: str, environ: Mapping[str, str]) -> tuple[str, list[Problem]]:
    if "${" not in text:
        return text, []
    problems: list[Problem] = []
    references: list[str] = []

    def replace(found: re.Match[str]) -> str:
        if found[0] == "$${":
            return "${"
        try:
            given = _look_up(found["inside"] or "", environ)
        except UnresolvedError as error:
            problems.append(Problem(path, str(error)))
            return ""
        references.append(found[0])
        return given

    resolved = _TOKEN.sub(replace, text)
    return (Hidden(resolved, _shown(references)) if references else resolved), problems


def _shown(references: list[str]) -> str:
    # The text around a reference may be half of a secret, so only the references themselves are shown.
    return " ".join(references)


def _look_up(inside: str, environ: Mapping[str, str]) -> str:
    provider, colon, rest = inside.partition(":")
    look_up = _PROVIDERS.get(provider)
    if not colon or look_up is None:
        raise UnresolvedError(_SYNTAX)
    return look_up(rest, environ)


def _from_env(name: str, environ: Mapping[str, str]) -> str:
    if not _ENV_NAME.fullmatch(name):
        raise UnresolvedError(_SYNTAX)
    if name not in environ:
        raise UnresolvedError(f"${{env:{name}}} is not set in the environment")
    return environ[name]


def _from_file(rest: str, environ: Mapping[str, str]) -> str:  # noqa: ARG001 - every provider is called alike
    where, _, key = rest.partition(":")
    reference = f"${{file:{rest}}}"
    if not where.startswith("/"):
        raise UnresolvedError(f"{reference}: the path must be absolute")
    text = _read(Path(where), reference)
    return _value_of(text, key, Path(where).suffix.lower(), reference) if key else text.strip()


def _read(path: Path, reference: str) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UnresolvedError(f"{reference} cannot be read: {(error.strerror or 'unknown error').lower()}") from None
    if len(content) > _MAX_FILE_BYTES:
        raise UnresolvedError(f"{reference} is larger than {_MAX_FILE_BYTES} bytes, which no secret is")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnresolvedError(f"{reference} is not UTF-8 text") from None


def _value_of(text: str, key: str, suffix: str, reference: str) -> str:
    try:
        found = _pick(_parse(text, suffix), key)
    except (ValueError, yaml.YAMLError, RecursionError):
        # The parser's own message quotes the file, that is, the secrets in it.
        raise UnresolvedError(f"{reference}: the file cannot be parsed") from None
    if found is None:
        raise UnresolvedError(f"{reference}: the file has no such key")
    if isinstance(found, (dict, list)):
        raise UnresolvedError(f"{reference} is not a single value")
    return str(found).lower() if isinstance(found, bool) else str(found)


def _parse(text: str, suffix: str) -> Any:
    if suffix == ".json" or text.lstrip().startswith("{"):
        return json.loads(text)
    if suffix in {".yaml", ".yml"}:
        return yaml.safe_load(text)
    return parse_properties(text)


def _pick(content: Any, key: str) -> Any:
    """Give the value of a key, or of dotted keys one inside the other; None when there is none."""
    if not isinstance(content, Mapping):
        return None
    if key in content:
        return content[key]
    first, dot, rest = key.partition(".")
    return _pick(content.get(first), rest) if dot else None


_PROVIDERS: dict[str, Callable[[str, Mapping[str, str]], str]] = {"env": _from_env, "file": _from_file}
