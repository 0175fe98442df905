"""Takes hits and attacks as grouping left them, gives the documents that stores keep, with month and version; never talks to a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import polars as pl
import pyarrow as pa

from wellhead.consumers.attacks.rules import Fields, RuleSet
from wellhead.kafka.messages import Headers

TOP = 10
_EPOCH = 1 << 38
"""Versions of one epoch: room for 137,000 million hits of a partition."""


@dataclass(frozen=True, slots=True)
class Documents:
    """Documents of one kind, aligned: ids, JSON, months such as 2026.02, versions, and headers that go on from the hit each came of."""

    ids: Sequence[str]
    bodies: Sequence[bytes]
    months: Sequence[str]
    versions: Sequence[int]
    headers: Sequence[Headers]


def version_of(epoch: int, after: int, *, closed: bool = False) -> int:
    """Give the version of what the hit before offset `after` has left; a store keeps the highest.

    Closing an attack comes after its last hit and before any other, so a version stands between those of two hits.
    """
    return epoch * _EPOCH + 2 * after + closed


def attack_document(name: str, held: Mapping[str, Any], rules: RuleSet, epoch: int) -> dict[str, Any]:
    """Give the document of an attack from its part of the state; `rules` say what its values are."""
    shown = held["v"]
    several = sorted(column for column, value in shown.items() if value is False)
    known = {
        column: None if shown.get(column) is False else shown.get(column) for column in {**dict.fromkeys(rules.shown), **shown}
    }
    rule, _, version = held["r"].rpartition(".")
    told = {
        "id": name,
        "client_id": rules.client_of(held["cl"]),
        "rule": rule,
        "rule_version": int(version),
        **known,
        "multiple": several,
        "first_time": int(held["f"]),
        "last_time": int(held["l"]),
        "hits": int(held["n"]),
        "ip_count": int(held["ic"]),
        "ip_top": [{"ip": ip, "count": count, "country": country} for ip, count, country in _senders(held)],
        "country_top": [{"country": country, "count": count} for country, count in _ranked(held["c"])],
        "status_codes": [{"code": int(code), "count": count} for code, count in _ranked(held["s"])],
        "block_statuses": [{"status": status, "count": count} for status, count in _ranked(held["b"])],
        "state": held["st"],
        "merged_into": held.get("into"),
        "merged": sorted(held.get("m", [])),
    }
    return told | {"version": version_of(epoch, int(held["o"]), closed=held["st"] == "closed")}


def attack_documents(told: Sequence[Mapping[str, Any]], headers: Mapping[str, Headers]) -> Documents:
    """Give the documents of attacks; the month of each is that of its id, in which it began.

    Args:
        told: The documents.
        headers: What goes on from the last hit of each, by its id; one that ended has none.
    """
    names = [str(each["id"]) for each in told]
    months = [f"{name[:4]}.{name[4:6]}" for name in names]
    versions = [each["version"] for each in told]
    return Documents(names, [orjson.dumps(each) for each in told], months, versions, [headers.get(name, []) for name in names])


def hit_documents(
    batch: pa.RecordBatch,
    attacks: Sequence[str],
    after: Sequence[int],
    headers: Sequence[Headers],
    rules: RuleSet,
    *,
    epoch: int,
) -> Documents:
    """Give the documents of hits: their columns, those without any value left out, and the attack of each.

    Args:
        batch: The hits.
        attacks: The attack of each.
        after: The offset after each.
        headers: What goes on from each.
        rules: What they were grouped by.
        epoch: That of the partition's state.
    """
    fields: Fields = rules.base.fields
    empty = [name for name in batch.schema.names if batch.column(name).null_count == batch.num_rows]
    maps = [field.name for field in batch.schema if pa.types.is_map(field.type) and field.name not in empty]
    frame = pl.DataFrame(pa.table(batch.drop_columns([*empty, *maps])))
    months = frame[fields.time].dt.strftime("%Y.%m").to_list()
    times = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime)]
    frame = frame.with_columns(
        *(pl.col(name).dt.timestamp("ms") for name in times),
        pl.Series("attack_id", attacks, pl.String),
        pl.lit(rules.base.rule).alias("rule"),
    )
    bodies = frame.write_ndjson().encode().splitlines()
    for name in maps:
        bodies = _with_map(bodies, name, batch.column(name).to_pylist())
    return Documents(frame[fields.id].to_list(), bodies, months, [version_of(epoch, each) for each in after], headers)


def _with_map(bodies: Sequence[bytes], name: str, values: Sequence[Any]) -> list[bytes]:
    """Add a column that only few rows have."""
    return [
        orjson.dumps(orjson.loads(body) | {name: dict(value)}) if value else body
        for body, value in zip(bodies, values, strict=True)
    ]


def _senders(held: Mapping[str, Any]) -> list[tuple[str, int, str | None]]:
    if "top" in held:
        return [(ip, int(count), country) for ip, count, country in held["top"]]
    found = ((ip, int(count), country) for ip, (count, country) in held["ips"].items())
    return sorted(found, key=lambda entry: (-entry[1], entry[0]))[:TOP]


def _ranked(counted: Mapping[str, Any]) -> list[tuple[str, int]]:
    return sorted(((name, int(count)) for name, count in counted.items()), key=lambda entry: (-entry[1], entry[0]))
