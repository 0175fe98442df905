"""Takes a connector's own words as written, gives the mapping its Config validates; never decides what is valid."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from wellhead.config.flatten import nest
from wellhead.config.model import word_of
from wellhead.config.secrets import Hidden, is_secret_type

_COLLECTIONS = (list, tuple, set, frozenset)


def option_fields(config: type[BaseModel]) -> dict[str, FieldInfo]:
    """Give a connector's options by the word an operator writes."""
    return {word_of(name, info): info for name, info in config.model_fields.items()}


def shape(flat: Mapping[str, Any], config: type[BaseModel]) -> dict[str, Any]:
    """Nest dotted words below the option they belong to, and read text as the list or mapping an option wants."""
    fields = option_fields(config)
    return {word: _shaped(value, fields[word].annotation) if word in fields else value for word, value in nest(flat).items()}


def _shaped(value: Any, annotation: Any) -> Any:
    kinds = list(_kinds(annotation))
    if isinstance(value, str):
        if any(is_secret_type(kind) for kind in kinds):
            return value if isinstance(value, Hidden) else Hidden(value)
        parsed = _parsed(value, kinds)
        if isinstance(parsed, str):
            return parsed
        value = _hide(parsed, value) if isinstance(value, Hidden) else parsed
    model = next((kind for kind in kinds if issubclass(kind, BaseModel)), None)
    if isinstance(value, Mapping) and model is not None:
        fields = option_fields(model)
        return {key: _shaped(inner, fields[key].annotation) if key in fields else inner for key, inner in value.items()}
    if isinstance(value, list):
        item_kind = next(iter(_arguments(annotation)), None)
        return [_shaped(item, item_kind) for item in value]
    if isinstance(value, Mapping) and dict in kinds:
        arguments = _arguments(annotation)
        return {key: _shaped(inner, arguments[-1] if arguments else None) for key, inner in value.items()}
    return value


def _parsed(text: str, kinds: list[type[Any]]) -> Any:
    """Read text from a flag or a flat configuration: JSON for mappings, JSON or a comma list for lists."""
    if str in kinds or not any(issubclass(kind, (*_COLLECTIONS, dict, BaseModel)) for kind in kinds):
        return text
    if text.lstrip().startswith(("[", "{")):
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text
    return (
        [item.strip() for item in text.split(",") if item.strip()]
        if any(issubclass(kind, _COLLECTIONS) for kind in kinds)
        else text
    )


def _hide(parsed: Any, source: Hidden) -> Any:
    """Hide every text inside what was parsed from a hidden text."""
    if isinstance(parsed, str):
        return Hidden(parsed, source.reference)
    if isinstance(parsed, dict):
        return {key: _hide(inner, source) for key, inner in parsed.items()}
    return [_hide(inner, source) for inner in parsed] if isinstance(parsed, list) else parsed


def _kinds(annotation: Any) -> typing.Iterator[type[Any]]:
    """Yield the classes an annotation allows at its top level."""
    origin = typing.get_origin(annotation)
    if origin in {typing.Union, types.UnionType}:
        for inner in typing.get_args(annotation):
            yield from _kinds(inner)
    elif origin is typing.Annotated:
        yield from _kinds(typing.get_args(annotation)[0])
    elif isinstance(origin or annotation, type):
        yield origin or annotation


def _arguments(annotation: Any) -> tuple[Any, ...]:
    """Give the type arguments of the first collection an annotation allows."""
    origin = typing.get_origin(annotation)
    if origin in {typing.Union, types.UnionType}:
        return next((found for found in map(_arguments, typing.get_args(annotation)) if found), ())
    if origin is typing.Annotated:
        return _arguments(typing.get_args(annotation)[0])
    return (
        typing.get_args(annotation) if isinstance(origin, type) and issubclass(origin, (*_COLLECTIONS, dict, Mapping)) else ()
    )
