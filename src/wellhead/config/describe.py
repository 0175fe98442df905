"""Takes a model of options, gives one row for each: word, type, default, description; never a value anyone configured."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from wellhead.config.model import word_of
from wellhead.config.words import extra_of, required_words, words_of

_NAMES: Mapping[Any, str] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "boolean",
    Path: "path",
    datetime: "date and time",
    date: "date",
    timedelta: "duration",
    SecretStr: "secret",
    Any: "any",
    type(None): "unset",
}
_LIMITS = (("gt", "> {}"), ("ge", "≥ {}"), ("lt", "< {}"), ("le", "≤ {}"))


@dataclass(frozen=True, slots=True)
class Option:
    """One option as a reader sees it.

    Attributes:
        word: What to write.
        type: Its type and bounds in words.
        default: Its default in words; `required` when it has none; empty when unset.
        description: What it does.
        required: Whether it must be given.
    """

    word: str
    type: str
    default: str
    description: str
    required: bool

    def as_json(self) -> dict[str, Any]:
        """Give it as a JSON object."""
        return asdict(self)


def options_of(model: type[BaseModel], prefix: str = "") -> list[Option]:
    """Give the options of a model in order; nested models are taken apart, groups show the words they cannot do without."""
    return list(_options(model, prefix, frozenset()))


def _options(model: type[BaseModel], prefix: str, parents: frozenset[type[BaseModel]]) -> Iterator[Option]:
    words = {word.name: word for word in words_of(model).values()}
    for name, info in model.model_fields.items():
        if name not in words:
            continue
        word = f"{prefix}{word_of(name, info)}"
        inner, step = _inner_model(info.annotation)
        if inner is not None and inner not in parents | {model}:
            if step or not info.description or not _is_plain_group(info):
                yield _option(word, info)
            yield from _options(inner, f"{word}{step}.", parents | {model})
            continue
        for needed, description in required_words(info).items():
            yield Option(f"{word}.{needed}", "text", "required", description, required=True)
        yield _option(f"{word}.*" if extra_of(info).get("open") else word, info)


def _is_plain_group(info: FieldInfo) -> bool:
    # A nested model that is always there adds nothing but its own options.
    return isinstance(info.annotation, type) and not info.is_required()


def _option(word: str, info: FieldInfo) -> Option:
    required = info.is_required() and not required_words(info)
    limits = [template.format(_plain(limit)) for name, template in _LIMITS if (limit := _limit(info, name)) is not None]
    kind = ", ".join([type_text(info.annotation), *limits])
    return Option(word, kind, "required" if required else default_text(info), info.description or "", required)


def _limit(info: FieldInfo, name: str) -> Any:
    return next((getattr(each, name) for each in info.metadata if getattr(each, name, None) is not None), None)


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def default_text(info: FieldInfo) -> str:
    """Give the default of an option in words; empty when it is unset."""
    text = extra_of(info).get("default_text")
    if text is not None:
        return str(text)
    value = info.default
    if info.default_factory is not None:
        # A factory of settings or collections is cheap and pure; one that looks at the machine carries a default_text.
        value = info.default_factory()  # type: ignore[call-arg]
    if value is None or value is PydanticUndefined or isinstance(value, BaseModel):
        return ""
    return _value_text(value)


def _value_text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return "******" if value.get_secret_value() else ""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple, set, frozenset)):
        items = [_value_text(item) for item in value]
        return ",".join(sorted(items) if isinstance(value, (set, frozenset)) else items)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_value_text(inner)}" for key, inner in value.items())
    return _plain(value)


def type_text(annotation: Any) -> str:
    """Give a type in words an operator knows: `text`, `integer`, `list of text`, `poll or interval`."""
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if annotation in _NAMES:
        return _NAMES[annotation]
    if origin is typing.Annotated:
        return type_text(arguments[0])
    if origin in {typing.Union, types.UnionType}:
        return " or ".join(dict.fromkeys(type_text(each) for each in arguments if each is not type(None)))
    if origin is typing.Literal:
        return " or ".join(f"`{each}`" for each in arguments)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{each.value}`" for each in annotation)
    kind = origin or annotation
    if isinstance(kind, type) and issubclass(kind, (list, tuple, set, frozenset)):
        return f"list of {type_text(arguments[0])}" if arguments else "list"
    if isinstance(kind, type) and issubclass(kind, (dict, Mapping, BaseModel)):
        return "mapping"
    return getattr(kind, "__name__", "text").lower()


def _inner_model(annotation: Any) -> tuple[type[BaseModel] | None, str]:
    """Give the model inside an annotation and how its words are reached: directly, in a list (`[]`), or by key (`.*`)."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    origin = typing.get_origin(annotation)
    for argument in typing.get_args(annotation):
        found, step = _inner_model(argument)
        if found is not None:
            is_kind = isinstance(origin, type)
            if is_kind and issubclass(origin, (list, tuple, set, frozenset)):
                return found, f"[]{step}"
            return found, f".*{step}" if is_kind and issubclass(origin, (dict, Mapping)) else step
    return None, ""
