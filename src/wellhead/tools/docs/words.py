"""Takes models of options, gives JSON schemas of the words an operator may write for them, dotted or nested; never a value's default."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from wellhead.config.model import word_of

Schema = dict[str, Any]

REFERENCE: Final[Schema] = {"type": "string", "pattern": r"\$\{"}
SECRET: Final[Schema] = {"type": "string", "pattern": r"\$\{file:"}
"""A reference to a file of a Secret."""
OPEN: Final = "open"
"""Name of the definition of settings that are handed on to a library."""
_SCALAR: Final[Schema] = {"type": ["string", "number", "boolean", "array", "null"]}
_HIDDEN_WORDS: Final = r"(^|[._])(password|passphrase|secret|token|user\.info|key\.pem|jaas\.config|oauthbearer\.config)$"
_KEPT: Final = frozenset(
    {"type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "pattern"}
    | {"items", "minItems", "maxItems", "anyOf"}
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One word.

    Attributes:
        word: The word, `*` for each name that an operator gives.
        schema: What its value may be.
        required: Whether it must be given.
        is_open: Whether any words may follow it.
    """

    word: str
    schema: Schema
    required: bool = False
    is_open: bool = False


def leaves_of(model: type[BaseModel], prefix: str = "") -> Iterator[Leaf]:
    """Give the words of a model, those of models inside it taken apart."""
    schema = model.model_json_schema(by_alias=True)
    before = {
        word_of(name, model.model_fields[name])
        for decorator in model.__pydantic_decorators__.field_validators.values()
        if decorator.info.mode == "before"
        for name in decorator.info.fields
    }
    yield from _leaves(schema, schema.get("$defs", {}), prefix, before, needed=True)


def _leaves(schema: Schema, known: Mapping[str, Schema], prefix: str, before: set[str], *, needed: bool) -> Iterator[Leaf]:
    required = set(schema.get("required", ()))
    for word, option in schema.get("properties", {}).items():
        if option.get("internal"):
            continue
        must = needed and word in required
        if option.get(OPEN):
            yield Leaf(f"{prefix}{word}", {"$ref": f"#/$defs/{OPEN}"}, is_open=True)
            yield from (
                Leaf(f"{prefix}{word}.{each}", _described(_SCALAR, text), required=must)
                for each, text in option.get("required_words", {}).items()
            )
        elif (inner := _model_in(option, known)) is not None:
            yield from _leaves(inner, known, f"{prefix}{word}.", set(), needed=must)
        elif (inner := _model_in(option.get("additionalProperties"), known)) is not None:
            yield from _leaves(inner, known, f"{prefix}{word}.*.", set(), needed=False)
        else:
            allowed = lenient(option, known)
            if word in before:
                allowed = {"anyOf": [allowed, {"type": "string"}]}
            yield Leaf(f"{prefix}{word}", _described(allowed, option.get("description", "")), required=must)


def _model_in(option: Any, known: Mapping[str, Schema]) -> Schema | None:
    if not isinstance(option, dict):
        return None
    for each in (option, *option.get("anyOf", ()), *option.get("allOf", ())):
        found = known.get(str(each.get("$ref", "")).rpartition("/")[2])
        if found is not None and found.get("type") == "object":
            return found
    return None


def _described(schema: Schema, text: str) -> Schema:
    return {"description": text, **schema} if text else schema


def lenient(option: Schema, known: Mapping[str, Schema]) -> Schema:
    """Give what a file may hold for an option: what its type says, a reference in its place, and text where Wellhead reads text."""
    if option.get("writeOnly") or any(each.get("writeOnly") for each in option.get("anyOf", ())):
        optional = any(each.get("type") == "null" for each in option.get("anyOf", ()))
        return {**SECRET, "type": ["string", "null"]} if optional else SECRET
    if "anyOf" in option:
        found = [each for inner in option["anyOf"] for each in _alternatives(lenient(inner, known))]
        return {"anyOf": [each for at, each in enumerate(found) if each not in found[:at]]}
    if "$ref" in option:
        return lenient(known[option["$ref"].rpartition("/")[2]], known)
    kept = {key: value for key, value in option.items() if key in _KEPT}
    if "(?" in kept.get("pattern", ""):
        del kept["pattern"]  # looks ahead or behind, which helm's expressions cannot
    kind = kept.get("type")
    if kind == "array":
        return {"anyOf": [_array(kept, known), {"type": "string"}]}
    if kind == "object":
        return {"type": ["object", "array", "string"]}
    if kind is None and "enum" not in kept and "const" not in kept:
        return {}
    return {"anyOf": [kept, *_as_text(kept)]}


def _alternatives(schema: Schema) -> Sequence[Schema]:
    found: Sequence[Schema] = schema.get("anyOf", [schema])
    return found


def _as_text(kept: Schema) -> list[Schema]:
    kind = kept.get("type")
    if kind in {"integer", "number"}:
        return [{"type": "string", "pattern": r"^-?[0-9.]+$|\$\{"}]
    if kind == "boolean":
        return [{"enum": [0, 1, "true", "false", "on", "off", "yes", "no"]}, REFERENCE]
    if kind == "null":
        return []
    # The framework reads a number as the text of it, which may be what a tenant or a group is called.
    return [REFERENCE] if kind != "string" or "enum" in kept else [{"type": "number"}, REFERENCE]


def _array(kept: Schema, known: Mapping[str, Schema]) -> Schema:
    items = kept.get("items", {})
    model = _model_in(items, known)
    if model is None:
        return {**kept, "items": {"anyOf": [*_alternatives(lenient(items, known)), {"type": ["string", "number", "boolean"]}]}}
    definitions: dict[str, Schema] = {}
    inner = tree(list(_leaves(model, known, "", set(), needed=True)), "item", definitions)
    # An item is small: it is written where it stands.
    return {**kept, "items": _inlined(inner, definitions)}


def _inlined(schema: Any, definitions: Mapping[str, Schema]) -> Any:
    if isinstance(schema, list):
        return [_inlined(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    if name in definitions:
        return _inlined(definitions[name], definitions)
    return {key: _inlined(value, definitions) for key, value in schema.items()}


def tree(leaves: Sequence[Leaf], name: str, definitions: dict[str, Schema], *, closed: bool = True) -> Schema:
    """Give the schema of a section in which each word may be written as `a.b.c`, as `a: {b: {c: }}`, or anything between.

    Args:
        leaves: Its words.
        name: Begins the names of its definitions.
        definitions: Where these are put.
        closed: Whether it has no other words; else whoever refers to it must say so.
    """
    root = {"$ref": _node("", {leaf.word: leaf for leaf in leaves}, name, definitions)}
    if not closed:
        del definitions[name]["additionalProperties"]
    needed = [leaf.word.split(".") for leaf in leaves if leaf.required]
    if not needed:
        return root
    firsts = [[".".join(parts[: end + 1]) for end in range(len(parts))] for parts in needed]
    ways = [[{"required": [first]} for first in each] for each in firsts]
    return {**root, "allOf": [each[0] if len(each) == 1 else {"anyOf": each} for each in ways]}


def _node(prefix: str, leaves: Mapping[str, Leaf], name: str, definitions: dict[str, Schema]) -> str:
    """Put the definition of what may stand behind `prefix`; give the reference to it."""
    called = f"{name}.{prefix}".rstrip(".").replace("*", "each")
    reference = f"#/$defs/{called}"
    if called in definitions:
        return reference
    made: Schema = {"type": "object", "additionalProperties": False, "properties": {}, "patternProperties": {}}
    definitions[called] = made
    for word, leaf in leaves.items():
        if not word.startswith(prefix) or word == prefix:
            continue
        parts = word.removeprefix(prefix).split(".")
        for end in range(1, len(parts)):
            key = ".".join(parts[:end])
            _put(made, key, {"$ref": _node(f"{prefix}{key}.", leaves, name, definitions)})
        # What it means is told once, where it is written in full.
        schema = {key: value for key, value in leaf.schema.items() if key != "description" or not prefix}
        _put(made, ".".join(parts), schema)
        if leaf.is_open:
            made["patternProperties"][f"^{re.escape('.'.join(parts))}\\..+"] = _SCALAR
    if any(leaf.is_open for leaf in leaves.values()):
        made["patternProperties"][_HIDDEN_WORDS] = SECRET
    if not made["patternProperties"]:
        del made["patternProperties"]
    return reference


def _put(made: Schema, key: str, schema: Schema) -> None:
    place = made["patternProperties"] if "*" in key else made["properties"]
    where = f"^{re.escape(key).replace(re.escape('*'), '[^.]+')}$" if "*" in key else key
    former = place.get(where)
    if former is None or former == schema:
        place[where] = schema
    elif schema not in former.get("anyOf", ()):
        place[where] = {"anyOf": [*(former["anyOf"] if former.keys() == {"anyOf"} else [former]), schema]}


def open_definition() -> Schema:
    """Give the definition of settings handed on to a library: any words, of which those that are secret must be references."""
    return {
        "type": "object",
        "patternProperties": {_HIDDEN_WORDS: SECRET},
        "additionalProperties": {"anyOf": [_SCALAR, {"$ref": f"#/$defs/{OPEN}"}]},
    }
