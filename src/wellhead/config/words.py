"""Takes a settings model, gives the words an operator may write for it and sorts written words to its fields; never validates values."""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from wellhead.config.model import word_of
from wellhead.errors import Problem

_PREFIX = "WELLHEAD_"

# Kubernetes gives every pod the addresses of all services; one named wellhead-kafka must not become a librdkafka setting.
_SERVICE_LINK = re.compile(r"_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)$")


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a model.

    Attributes:
        text: The word, such as `group.id`; of a group, what stands before its dot, such as `kafka`.
        name: The field's Python name.
        field: The field.
        group: None for a plain word, the model of a nested group, or `dict` when any word may follow.
    """

    text: str
    name: str
    field: FieldInfo
    group: type[Any] | None


def words_of(model: type[BaseModel]) -> dict[str, Word]:
    """Give the words of a model, in the order of its fields, by text; internal fields are left out."""
    found = [
        Word(word_of(name, info), name, info, _group_of(info))
        for name, info in model.model_fields.items()
        if not extra_of(info).get("internal")
    ]
    return {word.text: word for word in found}


def all_words(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Word]]:
    """Yield every word in full, groups that are models taken apart: `http.proxy.url`, not `http`."""
    for word in words_of(model).values():
        text = f"{prefix}{word.text}"
        if word.group is not None and issubclass(word.group, BaseModel):
            yield from all_words(word.group, f"{text}.")
        else:
            yield text, word


def required_words(info: FieldInfo) -> dict[str, str]:
    """Give the words a group cannot do without, with their descriptions."""
    words: dict[str, str] = extra_of(info).get("required_words", {})
    return words


def extra_of(info: FieldInfo) -> dict[str, Any]:
    """Give what a field says about itself besides its type: `internal`, `required_words`, `default_text`, `open`."""
    return info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}


def _group_of(info: FieldInfo) -> type[Any] | None:
    kind = typing.get_origin(info.annotation) or info.annotation
    return kind if isinstance(kind, type) and issubclass(kind, (dict, BaseModel)) else None


def gather(flat: Mapping[str, Any], model: type[BaseModel]) -> tuple[dict[str, Any], list[str]]:
    """Sort flat words to the model's fields.

    Returns:
        The values by top-level word, groups as mappings; and the words that belong to none.
    """
    words = words_of(model)
    gathered: dict[str, Any] = {}
    unknown: list[str] = []
    for text, value in flat.items():
        word, rest = _find(text, words)
        if word is None:
            unknown.append(text)
        elif not rest:
            gathered[word.text] = _unset_when_empty(value, word.field)
        else:
            gathered.setdefault(word.text, {})[rest] = value
    for word in words.values():
        if word.text in gathered and word.group is not None and issubclass(word.group, BaseModel):
            gathered[word.text], inner = gather(gathered[word.text], word.group)
            unknown += [f"{word.text}.{text}" for text in inner]
    return gathered, unknown


def _find(text: str, words: Mapping[str, Word]) -> tuple[Word | None, str]:
    exact = words.get(text)
    if exact is not None and exact.group is None:
        return exact, ""
    for end in (found.start() for found in reversed(list(re.finditer(r"\.", text)))):
        word = words.get(text[:end])
        if word is not None and word.group is not None and text[end + 1 :]:
            return word, text[end + 1 :]
    return None, ""


def _unset_when_empty(value: Any, info: FieldInfo) -> Any:
    """Flags and environment have no null: an empty text unsets an option that may be unset."""
    return None if value == "" and type(None) in typing.get_args(info.annotation) else value


def from_environment(environ: Mapping[str, str], model: type[BaseModel]) -> dict[str, str]:
    """Give the words set by environment variables: `WELLHEAD_GROUP_ID` is `group.id`; others under the prefix are not ours."""
    words = words_of(model)
    plain = {variable_of(text): text for text, word in words.items() if word.group is None}
    groups = {variable_of(text) + "_": text for text, word in words.items() if word.group is not None}
    flat: dict[str, str] = {}
    for variable, value in sorted(environ.items()):
        if variable in plain:
            flat[plain[variable]] = value
            continue
        start = next((start for start in groups if variable.startswith(start) and variable != start), None)
        if start is not None and not _SERVICE_LINK.search(variable):
            flat[f"{groups[start]}.{variable.removeprefix(start).lower().replace('_', '.')}"] = value
    return flat


def variable_of(word: str) -> str:
    """Give the environment variable that sets a word."""
    return _PREFIX + word.upper().replace(".", "_")


def misspelt_variables(environ: Mapping[str, str], model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Yield variables that set nothing but look much like one that would, with that one."""
    known = [variable_of(text) for text, word in words_of(model).items() if word.group is None]
    for variable in sorted(environ):
        if variable.startswith(_PREFIX) and variable not in known and not _SERVICE_LINK.search(variable):
            close = difflib.get_close_matches(variable, known, n=1, cutoff=0.9)
            if close:
                yield variable, close[0]


def unknown_word(path: str, text: str, known: Iterable[str], *, otherwise: str) -> Problem:
    """Give the problem of a word nobody knows, with the closest known one, or else the next step."""
    close = difflib.get_close_matches(text, list(known), n=1, cutoff=0.6)
    return Problem(
        f"{path}.{text}" if path else text,
        f"unknown option; did you mean {close[0]}?" if close else f"unknown option; {otherwise}",
    )
