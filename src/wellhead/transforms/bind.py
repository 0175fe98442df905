"""Takes a connector's transforms and one of its streams, gives what its batches go through, or every problem; never looks at a record."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from wellhead.api import Stream
from wellhead.avro.schema import Schema
from wellhead.clock import Clock
from wellhead.config.deployment import LoadedConnector
from wellhead.config.predicates import (
    FieldEqualsOptions,
    FieldIsNullOptions,
    FieldMatchesOptions,
    OlderThanOptions,
    PredicateOptions,
)
from wellhead.config.transforms import (
    FilterOptions,
    InsertFieldOptions,
    MaskFieldOptions,
    ReplaceFieldOptions,
    TransformOptions,
    TransformStep,
)
from wellhead.errors import ConfigError, Problem
from wellhead.transforms.fields import Fields
from wellhead.transforms.filter import Filter
from wellhead.transforms.insert_field import insert_field
from wellhead.transforms.mask_field import mask_field
from wellhead.transforms.predicates import Condition, FieldEquals, FieldIsNull, FieldMatches, OlderThan, Predicate
from wellhead.transforms.replace_field import replace_field
from wellhead.transforms.transform import Change, Transform


def bind(connector: LoadedConnector, stream: Stream, schema: Schema, clock: Clock) -> tuple[Transform, ...]:
    """Give the transforms of `stream`, in order.

    Args:
        connector: Whose transforms they are.
        stream: The stream; transforms for other streams are left out.
        schema: The schema of its records.
        clock: What ages are counted from.

    Raises:
        ConfigError: A field does not exist or does not fit; lists every problem.
    """
    problems: list[Problem] = []

    def fields_at(part: str) -> Fields:
        return Fields(stream, schema, f"connectors.{connector.name}.{part}", problems)

    steps = [step for step in connector.transforms if step.options.streams is None or stream.name in step.options.streams]
    transforms = tuple(_transform(step, fields_at, clock) for step in steps)
    if problems:
        raise ConfigError(f"connector {connector.name}, stream {stream.name}", list(dict.fromkeys(problems)))
    return transforms


def _transform(step: TransformStep, fields_at: Callable[[str], Fields], clock: Clock) -> Transform:
    condition = None
    if step.predicate is not None:
        fields = fields_at(f"predicates.{step.options.predicate}")
        condition = Condition(_predicate(step.predicate, fields, clock), negate=step.options.negate)
    return Transform(step.alias, _change(step.options, fields_at(f"transforms.{step.alias}")), condition)


def _change(options: TransformOptions, fields: Fields) -> Change:
    match options:
        case FilterOptions():
            return Filter()
        case MaskFieldOptions():
            return mask_field(options, fields)
        case ReplaceFieldOptions():
            return replace_field(options, fields)
        case InsertFieldOptions():
            return insert_field(options, fields)
    raise TypeError(type(options).__name__)


def _predicate(options: PredicateOptions, fields: Fields, clock: Clock) -> Predicate:
    name = options.field
    match options:
        case FieldEqualsOptions(values=texts):
            field = fields.known("field", name)
            return FieldEquals(name, None if field is None else fields.literals("values", texts, field))
        case FieldMatchesOptions(pattern=pattern):
            fields.text("field", name)
            _compile(pattern, fields)
            return FieldMatches(name, pattern)
        case FieldIsNullOptions():
            fields.known("field", name)
            return FieldIsNull(name)
        case OlderThanOptions(age_secs=age_secs):
            fields.time("field", name)
            return OlderThan(name, age_secs, clock)
    raise TypeError(type(options).__name__)


def _compile(pattern: str, fields: Fields) -> None:
    try:
        # Arrow compiles it when there is something to search.
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid as error:
        reason = str(error).removeprefix("Invalid regular expression: ")
        fields.refuse("pattern", f"must be an RE2 pattern, without look-around and back references: {reason}")
