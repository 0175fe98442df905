"""Takes dotted Connect words, gives frozen settings under snake_case names; never shows a secret in repr, str, dump or error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    PlainSerializer,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    WrapValidator,
    model_serializer,
    model_validator,
)
from pydantic_core.core_schema import ValidatorFunctionWrapHandler

from wellhead.config.secrets import Hidden, literals, masked, redactable


def dotted(name: str) -> str:
    """Give the dotted word of a Python name: `group_id` becomes `group.id`."""
    return name.replace("_", ".")


class MaskedDict(dict[str, Any]):
    """A dict that shows itself masked; its values are the real ones.

    Attributes:
        references: What the operator wrote for values that a provider gave, by key.
    """

    def __init__(self, values: Mapping[str, Any], references: Mapping[str, str] | None = None) -> None:
        super().__init__(values)
        self.references = dict(references or {})

    def masked(self) -> dict[str, Any]:
        """Give a plain dict that may be shown."""
        shown = {key: masked(key, value) for key, value in self.items()}
        return {key: self.references.get(key, value) for key, value in shown.items()}

    def secrets(self) -> list[str]:
        """Give the literal secrets inside."""
        provided = [self[key] for key in self.references if key in self and not _is_address(key)]
        return redactable([*provided, *(text for key, value in self.items() for text in literals(key, value))])

    def __repr__(self) -> str:
        return repr(self.masked())

    __str__ = __repr__


def _is_address(key: str) -> bool:
    # Where the brokers and the registry are stands in every message that helps; a password inside a URL is found by itself.
    return key in {"bootstrap.servers", "url"}


def _keep_masked(value: Any, handler: ValidatorFunctionWrapHandler) -> MaskedDict:
    texts = {key: _text(inner) for key, inner in value.items() if inner is not None} if isinstance(value, Mapping) else value
    made = handler(texts)
    references = {key: inner.reference for key, inner in value.items() if isinstance(inner, Hidden) and inner.reference}
    return MaskedDict(made, references | (value.references if isinstance(value, MaskedDict) else {}))


def _text(value: Any) -> Any:
    """Give the text Kafka's clients expect: `true` for True, a comma list for a list."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(str(item) for item in value) if isinstance(value, list) else value


def _show(value: Any) -> Any:
    return value.masked() if isinstance(value, MaskedDict) else masked("", value)


PassThrough = Annotated[dict[str, str], WrapValidator(_keep_masked), PlainSerializer(_show)]
"""Settings handed on to a library under their own names, such as any librdkafka property."""

OwnOptions = Annotated[dict[str, Any], WrapValidator(lambda value, handler: MaskedDict(handler(value))), PlainSerializer(_show)]
"""A connector's own options as written, secrets masked when shown."""


class Settings(BaseModel):
    """Base of the framework's settings: frozen, dotted aliases, unknown words refused, secrets masked."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=dotted,
        populate_by_name=True,
        hide_input_in_errors=True,
        coerce_numbers_to_str=True,
        allow_inf_nan=False,
    )

    _references: dict[str, str] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _remember_references(cls, data: Any, handler: ModelWrapValidatorHandler[Any]) -> Any:
        made = handler(data)
        if isinstance(data, Mapping):
            for name, info in cls.model_fields.items():
                given = data.get(word_of(name, info), data.get(name))
                if isinstance(given, Hidden) and given.reference:
                    made._references[name] = given.reference  # noqa: SLF001 - its own
        return made

    @model_serializer(mode="wrap")
    def _serialize_masked(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        shown = self.shown()
        names = {word_of(name, info): name for name, info in type(self).model_fields.items()}
        return {key: self._pick(names.get(key, key), value, shown) for key, value in handler(self).items()}

    def _pick(self, name: str, serialized: Any, shown: Mapping[str, Any]) -> Any:
        real = getattr(self, name)
        return shown[name] if isinstance(real, str) else serialized

    def shown(self) -> dict[str, Any]:
        """Give every field as it may be shown, by Python name."""
        values: dict[str, Any] = {}
        for name, info in type(self).model_fields.items():
            value = getattr(self, name)
            values[name] = self._references.get(name) or (
                value if isinstance(value, (BaseModel, MaskedDict)) else masked(word_of(name, info), value)
            )
        return values

    def secrets(self) -> list[str]:
        """Give the literal secrets held here, longest first, for redaction elsewhere.

        Values that a provider gave to the framework's own words (a tenant, a prefix) are not among them: they name topics.
        """
        found: list[str] = []
        for name, info in type(self).model_fields.items():
            value = getattr(self, name)
            if isinstance(value, (Settings, MaskedDict)):
                found += value.secrets()
                continue
            found += literals(word_of(name, info), value)
            by_key = value.values() if isinstance(value, dict) else ()
            found += [secret for inner in by_key if isinstance(inner, Settings) for secret in inner.secrets()]
        return redactable(found)

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return list(self.shown().items())


def word_of(name: str, info: Any) -> str:
    """Give the word an operator writes for a field."""
    alias = info.validation_alias if isinstance(info.validation_alias, str) else info.alias
    return alias or name
