"""Takes models of options, gives Connect's definition of each word; never looks at what is wrong with a value."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from wellhead.api import SourceConnector
from wellhead.config.connector import ConnectorSettings
from wellhead.config.describe import default_text
from wellhead.config.lists import listed
from wellhead.config.model import word_of
from wellhead.config.predicates import PREDICATES
from wellhead.config.secrets import is_secret_type, looks_secret
from wellhead.config.single import CLASS
from wellhead.config.transforms import TRANSFORMS
from wellhead.config.words import extra_of
from wellhead.rest.grouping import dependents_of, group_of, importance_of, width_of

_COLLECTIONS: Final = (list, tuple, set, frozenset)
_TITLES: Final = {
    "name": "Connector name",
    CLASS: "Connector class",
    "tasks.max": "Tasks max",
    "transforms": "Transforms",
    "predicates": "Predicates",
}
_WELL_KNOWN: Final = {"topic.creation.default": ("partitions", "replication.factor")}
_READS: Final = {
    "INT": re.compile(r"[+-]?\d+"),
    "LONG": re.compile(r"[+-]?\d+"),
    "DOUBLE": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE),
    "BOOLEAN": re.compile(r"true|false|yes|no|on|off|[tfyn10]", re.IGNORECASE),
}


@dataclass(frozen=True, slots=True)
class Definition:
    """One word as a form shows it; `recommended` are the values to choose from, none when any will do."""

    name: str
    type: str
    required: bool
    default: str | None
    documentation: str
    group: str
    order: int
    recommended: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Give it as Connect does."""
        return {
            "name": self.name,
            "type": self.type,
            "required": self.required,
            "default_value": self.default,
            "importance": importance_of(self.name, required=self.required),
            "documentation": self.documentation,
            "group": self.group,
            "order_in_group": self.order,
            "width": width_of(self.name, self.type),
            "display_name": _TITLES.get(self.name) or self.name,
            "dependents": dependents_of(self.name),
        }

    def read(self, text: str | None) -> str | None:
        """Give a value's text, or None when it cannot be of this type."""
        pattern = _READS.get(self.type)
        if text is None or pattern is None or "${" in text:
            return text
        return text if pattern.fullmatch(text.strip()) else None


def framework_options(
    source: SourceConnector, classes: Iterable[str], config: Mapping[str, str | None] | None = None
) -> Iterator[Definition]:
    """Yield the words every connector has, with the source's own defaults for them."""
    counts: dict[str, int] = {}
    for word, info in _words(ConnectorSettings, "", config or {}):
        group = group_of(word)
        counts[group] = counts.get(group, 0) + 1
        recommended = tuple(classes) if word == CLASS else None
        default = source.defaults.get(word)
        text = None if default is None else _text(default)
        yield _definition(word, info, group, counts[group], recommended=recommended, default=text)


def own_options(source: SourceConnector, config: Mapping[str, str | None] | None = None) -> Iterator[Definition]:
    """Yield a source's own words."""
    for order, (word, info) in enumerate(_words(source.config, "", config or {}), 1):
        yield _definition(word, info, source.title, order)


def step_options(config: Mapping[str, str | None]) -> Iterator[Definition]:
    """Yield the words of the transforms and predicates that a configuration lists."""
    for kind, types in (("transforms", TRANSFORMS), ("predicates", PREDICATES)):
        aliases = listed(config.get(kind) or "")
        for alias in aliases if isinstance(aliases, tuple) else ():
            group, start = f"{kind.capitalize()}: {alias}", f"{kind}.{alias}."
            given = (config.get(f"{start}type") or "").strip()
            model: type[BaseModel] | None = types.get(given.rpartition(".")[2].removesuffix("$Value"))
            yield Definition(f"{start}type", "CLASS", True, None, f"Which {kind[:-1]} it is.", group, 1, tuple(types))
            words = _words(model, start, config) if model is not None else iter(())
            others = (each for each in words if each[0] != f"{start}type")
            for order, (word, info) in enumerate(others, 2):
                yield _definition(word, info, group, order)


def _words(model: type[BaseModel], start: str, config: Mapping[str, str | None]) -> Iterator[tuple[str, FieldInfo]]:
    """Yield every word of a model; nested models are taken apart, of open groups the given and the well-known words stand."""
    for name, info in model.model_fields.items():
        word = f"{start}{word_of(name, info)}"
        if extra_of(info).get("internal"):
            continue
        inner = next((kind for kind in _kinds(info.annotation) if issubclass(kind, BaseModel)), None)
        if inner is not None:
            yield from _words(inner, f"{word}.", config)
        elif extra_of(info).get("open"):
            known = [f"{word}.{each}" for each in _WELL_KNOWN.get(word, ())]
            given = [each for each in config if each.startswith(f"{word}.") and each not in known]
            for each in (*known, *given):
                yield each, _ANY
        else:
            yield word, info


_ANY: Final = FieldInfo(annotation=str, default=None, description="Handed on to Kafka as it is.")


def _definition(
    word: str,
    info: FieldInfo,
    group: str,
    order: int,
    *,
    recommended: tuple[str, ...] | None = None,
    default: str | None = None,
) -> Definition:
    required = info.is_required()
    kind = _type(word, info.annotation)
    if default is None and not required and "default_text" not in extra_of(info):
        default = default_text(info) or ("" if kind == "LIST" else None)
    values = _values(info.annotation) if recommended is None else recommended
    return Definition(word, kind, required, default, info.description or "", group, order, values)


def _type(word: str, annotation: Any) -> str:
    kinds = list(_kinds(annotation))
    if any(map(is_secret_type, kinds)) or looks_secret(word):
        return "PASSWORD"
    if bool in kinds:
        return "BOOLEAN"
    if str in kinds:
        return "STRING"
    if int in kinds and float not in kinds:
        return "LONG" if word.endswith((".bytes", "_bytes", ".ms", "_ms")) else "INT"
    if float in kinds:
        return "DOUBLE"
    return "LIST" if any(issubclass(kind, _COLLECTIONS) for kind in kinds) else "STRING"


def _values(annotation: Any) -> tuple[str, ...]:
    """Give the values an option may have, where they can be counted."""
    if annotation is bool:
        return ("true", "false")
    if typing.get_origin(annotation) is typing.Literal:
        return tuple(str(each) for each in typing.get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return tuple(str(each.value) for each in annotation)
    inner = [each for each in typing.get_args(annotation) if each is not type(None)]
    origin = typing.get_origin(annotation)
    is_collection = isinstance(origin, type) and issubclass(origin, (*_COLLECTIONS, dict))
    return () if is_collection else tuple(value for each in inner for value in _values(each))


def _kinds(annotation: Any) -> Iterator[type[Any]]:
    """Yield the classes an annotation allows, not those inside lists and mappings."""
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        yield str
    elif isinstance(origin or annotation, type) and not typing.get_args(annotation):
        yield origin or annotation
    elif isinstance(origin, type) and issubclass(origin, (*_COLLECTIONS, dict, Mapping)):
        yield origin
    else:
        for each in typing.get_args(annotation):
            if isinstance(each, type) or typing.get_origin(each) is not None:
                yield from _kinds(each)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
