"""Gives the tests of transforms a stream with a field of every kind, batches of it, and transforms from the words an operator writes."""

import datetime as dt
import json
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import strategies as st

from wellhead import Config, Cursor, SourceConnector, SourceTask, Stream
from wellhead.avro.schema import Schema
from wellhead.config import ConnectorSettings, LoadedConnector
from wellhead.config.chain import read_chain
from wellhead.errors import ConfigError
from wellhead.testing.clock import FakeClock
from wellhead.transforms import Transform, bind

MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
NOW_MS = int(NOW.timestamp() * 1000)
FIELDS: list[tuple[str, Any]] = [
    ("time", MILLIS),
    ("id", ["null", "string"]),
    ("status", "int"),
    ("user", ["null", "string"]),
    ("url", "string"),
    ("nbytes", ["null", "long"]),
    ("score", ["null", "double"]),
    ("blocked", ["null", "boolean"]),
    ("seen", ["null", MILLIS]),
    ("day", ["null", {"type": "int", "logicalType": "date"}]),
    ("raw", ["null", "bytes"]),
    ("verdict", ["null", {"type": "enum", "name": "Verdict", "symbols": ["ALLOW", "DENY"]}]),
    ("session", ["null", {"type": "string", "logicalType": "uuid"}]),
    ("cost", ["null", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}]),
    ("tags", ["null", {"type": "array", "items": "string"}]),
    ("extensions", ["null", {"type": "map", "values": "string"}]),
    ("geo", ["null", {"type": "record", "name": "Geo", "fields": [{"name": "country", "type": "string"}]}]),
    ("either", ["null", "long", "string"]),
]
SCHEMA = Schema(
    "feed.event",
    1,
    json.dumps(
        {"type": "record", "name": "Event", "fields": [{"name": name, "type": kind, "doc": "d"} for name, kind in FIELDS]}
    ),
)
# Unions are left out of the batches: no transform can change one.
PLAIN = pa.schema([field for field in SCHEMA.arrow if field.name != "either"])


class Task(SourceTask[Config, Cursor]):
    async def poll(self, cursor):
        raise NotImplementedError
        yield


STREAM = Stream(
    name="event",
    task=Task,
    cursor=Cursor,
    subject="feed.event",
    description="Events.",
    key=("user",),
    identity=("id",),
    time="time",
)
# The laws are told of a stream where everything may be changed.
FREE = Stream(name="event", task=Task, cursor=Cursor, subject="feed.event", description="Events.")


def connector_of(words: Mapping[str, Any]) -> LoadedConnector:
    chain = read_chain(words, "connectors.feed")
    if chain.problems:
        raise ConfigError("feed", chain.problems)
    settings = ConnectorSettings.model_validate({"name": "feed", "connector.class": "feed", **chain.settings})
    source = SourceConnector(name="feed", title="Feed", config=Config, streams=(STREAM,))
    return LoadedConnector(settings, source, Config(), (STREAM,), chain.steps)


def transforms(words: Mapping[str, Any], stream: Stream = FREE, clock: FakeClock | None = None) -> tuple[Transform, ...]:
    """Give the transforms that `words` configure, in order."""
    return bind(connector_of(words), stream, SCHEMA, clock or FakeClock(start_ms=NOW_MS))


def one(transform: Mapping[str, Any], predicate: Mapping[str, Any] | None = None, **how: Any) -> Transform:
    """Give one transform, under the alias `it`, for the rows of `predicate`."""
    words = {f"transforms.it.{word}": value for word, value in transform.items()}
    if predicate is not None:
        words |= {"transforms.it.predicate": "those"} | {f"predicates.those.{word}": value for word, value in predicate.items()}
    (made,) = transforms(words, **how)
    return made


def batch(*rows: Mapping[str, Any]) -> pa.RecordBatch:
    """Give rows as a batch; what they leave out is null, or a value where null is not allowed."""
    required = {"time": NOW, "status": 200, "url": "/"}
    return pa.RecordBatch.from_pylist([{**dict.fromkeys(PLAIN.names), **required, **row} for row in rows], schema=PLAIN)


TEXTS = st.none() | st.sampled_from(["", "alice", "bob", "GET", "ü", "200"]) | st.text(max_size=5)
TIMES = st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2040, 1, 1)).map(  # noqa: DTZ001 - the zone follows
    lambda moment: moment.replace(microsecond=0, tzinfo=dt.UTC)
)
ROWS = st.fixed_dictionaries(
    {"time": TIMES, "status": st.sampled_from([200, 302, 404, -1]), "url": st.sampled_from(["", "/", "/login"])},
    optional={
        "id": TEXTS,
        "user": TEXTS,
        "nbytes": st.none() | st.integers(-5, 5),
        "score": st.none() | st.floats(allow_nan=False, width=32),
        "blocked": st.none() | st.booleans(),
        "seen": st.none() | TIMES,
        "raw": st.none() | st.binary(max_size=3),
        "verdict": st.sampled_from([None, "ALLOW", "DENY"]),
        "tags": st.none() | st.lists(st.sampled_from(["a", "b"]), max_size=2),
        "extensions": st.none()
        | st.dictionaries(st.sampled_from(["x", "y"]), st.just("v"), max_size=2).map(lambda d: list(d.items())),
        "geo": st.none() | st.fixed_dictionaries({"country": st.sampled_from(["AT", "DE"])}),
    },
)


@st.composite
def batches(draw: st.DrawFn) -> pa.RecordBatch:
    """Draw a batch, whole or a slice of a longer one; often empty."""
    whole = batch(*draw(st.lists(ROWS, max_size=8)))
    start = draw(st.integers(0, whole.num_rows))
    return whole.slice(start, draw(st.integers(0, whole.num_rows - start)))


PREDICATES = st.sampled_from(
    [
        {"type": "FieldEquals", "field": "status", "values": "200, 404"},
        {"type": "FieldEquals", "field": "user", "values": ["alice", ""]},
        {"type": "FieldEquals", "field": "blocked", "values": [True]},
        {"type": "FieldEquals", "field": "verdict", "values": "DENY"},
        {"type": "FieldMatches", "field": "url", "pattern": "^/log"},
        {"type": "FieldMatches", "field": "user", "pattern": "(?i)B"},
        {"type": "FieldIsNull", "field": "geo"},
        {"type": "OlderThan", "field": "seen", "age.secs": 86_400},
    ]
)


@st.composite
def transform_words(draw: st.DrawFn, alias: str = "it", *, selected: bool = False) -> dict[str, Any]:
    """Draw the words of one transform, with or without a predicate; `selected` asks for one that changes its rows only."""
    changes: list[dict[str, Any]] = [
        *([] if selected else [{"type": "Filter"}]),
        {"type": "MaskField", "fields": "user, status, nbytes, score, blocked, seen, raw"},
        {"type": "MaskField", "fields": "user,url", "replacement": "***"},
        {"type": "MaskField", "fields": "user,url,id", "hash.key": "k" * 16},
        {"type": "ReplaceField", "exclude": "user,tags,extensions,geo,verdict"},
        {"type": "ReplaceField", "include": "time,status,url,user,either"},
        {"type": "InsertField", "static.field": "id", "static.value": "none"},
        {"type": "InsertField", "static.field": "user", "static.value": "none", "static.when": "always"},
    ]
    words = {f"transforms.{alias}.{word}": value for word, value in draw(st.sampled_from(changes)).items()}
    if words[f"transforms.{alias}.type"] == "Filter" or selected or draw(st.booleans()):
        words |= {f"predicates.p-{alias}.{word}": value for word, value in draw(PREDICATES).items()}
        words |= {f"transforms.{alias}.predicate": f"p-{alias}", f"transforms.{alias}.negate": draw(st.booleans())}
    return words


@pytest.fixture
def refused() -> Callable[..., dict[str, str]]:
    """Bind words that must be refused for the stream with key, identity and time; gives the messages by path."""

    def refused(words: Mapping[str, Any]) -> dict[str, str]:
        with pytest.raises(ConfigError) as error:
            transforms(words, STREAM)
        return {problem.path.removeprefix("connectors.feed."): problem.message for problem in error.value.problems}

    return refused


@pytest.fixture(scope="session")
def feed() -> SimpleNamespace:
    """Give what is above to tests, which cannot import it."""
    return SimpleNamespace(
        transforms=transforms,
        one=one,
        batch=batch,
        batches=batches,
        transform_words=transform_words,
        predicates=PREDICATES,
        stream=STREAM,
        schema=SCHEMA,
        plain=PLAIN,
        now=NOW,
        now_ms=NOW_MS,
        connector_of=connector_of,
    )
