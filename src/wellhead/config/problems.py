"""Takes pydantic's validation errors, gives problems an operator can act on; never a value, a URL or a class name."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from wellhead.config.model import word_of
from wellhead.config.secrets import scrub
from wellhead.config.words import required_words, unknown_word
from wellhead.errors import Problem

_MESSAGES = {
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be text; put it in quotes",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "path_type": "must be a path",
    "string_too_short": "must not be empty",
    "greater_than": "must be greater than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "string_pattern_mismatch": "must match {pattern}",
    "string_too_long": "must be at most {max_length} characters",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
}


def problems_of(error: ValidationError, model: type[BaseModel], path: str, secrets: Iterable[str] = ()) -> list[Problem]:
    """Translate every error of `model` found under `path`.

    Args:
        error: What pydantic raised.
        model: The model it validated.
        path: The dotted path of the section.
        secrets: Texts that must not appear, should a validator quote its input.
    """
    hidden = list(secrets)
    found = [
        problem
        for detail in error.errors(include_url=False, include_input=False)
        for problem in _translate(detail, model, path)
    ]
    return [Problem(scrub(problem.path, hidden), scrub(problem.message, hidden)) for problem in found]


def _translate(detail: ErrorDetails, model: type[BaseModel], path: str) -> list[Problem]:
    loc = [str(part) for part in detail["loc"]]
    context: dict[str, Any] = detail.get("ctx", {})
    where = ".".join([path, *loc])
    info = _field_at(model, loc)
    if detail["type"] == "missing":
        inside = required_words(info) if info is not None else {}
        if inside:
            return [Problem(f"{where}.{word}", f"required: {text}") for word, text in inside.items()]
        return [Problem(where, f"required: {info.description}" if info is not None and info.description else "required")]
    if detail["type"] == "default_factory_not_called":
        return []  # What it would have been made of is wrong, and told.
    if detail["type"] == "extra_forbidden":
        *parents, last = loc
        holder = _model_at(model, parents)
        known = [word_of(name, inner) for name, inner in holder.model_fields.items()] if holder else []
        return [unknown_word(".".join([path, *parents]), last, known, otherwise=f"known here: {', '.join(known) or 'none'}")]
    if detail["type"] == "missing_word":
        text = required_words(info).get(context["word"]) if info is not None else None
        return [Problem(f"{where}.{context['word']}", f"required: {text}")]
    if detail["type"] == "word":
        return [Problem(f"{where}.{context['word']}", detail["msg"])]
    return [Problem(where, _message(detail, context))]


def _message(detail: ErrorDetails, context: dict[str, Any]) -> str:
    template = _MESSAGES.get(detail["type"])
    if template is not None:
        try:
            return template.format(**context)
        except (KeyError, ValueError):
            return detail["msg"].replace("Input should be", "must be")
    text = re.sub(r"^(Value error|Assertion failed), ", "", detail["msg"])
    return re.sub(r"^Input should be", "must be", text).splitlines()[0] if text else "is not valid"


def _model_at(model: type[BaseModel], loc: list[str]) -> type[BaseModel] | None:
    return _walk(model, loc)[1]


def _field_at(model: type[BaseModel], loc: list[str]) -> Any:
    """Give the field a location names; None when it names none."""
    return _walk(model, loc)[0]


def _walk(model: type[BaseModel] | None, loc: list[str]) -> tuple[Any, type[BaseModel] | None]:
    """Give the last field and model on the way, through nested models, lists and mappings of models."""
    info = None
    for part in loc:
        if model is None:
            return None, None
        if info is not None and typing.get_origin(info.annotation) is dict:
            info = None  # a key of a mapping; what it leads to is known
            continue
        found = next((field for name, field in model.model_fields.items() if part in {name, word_of(name, field)}), None)
        if found is None and part.isdigit():
            continue
        info = found
        model = _as_model(found.annotation) if found is not None else None
    return info, model


def _as_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_as_model(item) for item in getattr(annotation, "__args__", ()))
    return next((item for item in inner if item is not None), None)
