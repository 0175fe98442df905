"""Takes a page of attack vectors as the aggregation API gives them, gives the records of `decode` from them; never loses a field.

A vector is what the legacy API calls a hit: one payload in one request. It has other names, its own id and no index, and tells the method.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import pyarrow as pa

from connectors.wallarm.answer import Page
from connectors.wallarm.decode import FIRST_S, LAST_S, Decoded, placed, rejected, sort_out
from connectors.wallarm.fields import INT, LONG, LONGS, TEXT, TEXTS, Extras, Kind, batch, column, times, transposed
from wellhead import Reject

_COLUMNS: Mapping[str, tuple[str, Kind]] = {
    "remote_port": ("remote_port", INT),
    "country": ("remote_country", TEXT),
    "datacenter": ("datacenter", TEXT),
    "tor": ("tor", TEXT),
    "proxy_type": ("proxy_type", TEXT),
    "host": ("domain", TEXT),
    "scheme": ("scheme", TEXT),
    "method": ("method", TEXT),
    "size": ("size", LONG),
    "response_status_code": ("status_code", INT),
    "response_time": ("response_time", LONG),
    "block_status": ("block_status", TEXT),
    "request_id": ("request_id", TEXT),
    "application_id": ("pool_id", LONG),
    "stamps": ("stamps", LONGS),
    "stamps_hash": ("stamps_hash", LONG),
    "protocol": ("protocol", TEXT),
    "auth_protocol": ("auth_protocol", TEXTS),
    "known_attack": ("known_attack", TEXTS),
    "node_uuid": ("node_uuid", TEXTS),
}
_SPECIAL = ("vector_id", "request_time", "type", "remote_addr4", "remote_addr6", "point", "parameter", "value", "payloads")
_PLACE = ("path", "normalized_path", "mark")
_PICKED = (*_COLUMNS, *_SPECIAL, *_PLACE)
_KNOWN = frozenset((*_PICKED, "client_id"))
_MS_LEAST = 10**11
"""A number of at least so much is milliseconds."""


def decode_vectors(page: Page, client: int) -> Decoded:
    """Decode attack vectors of one client; see `decode.decode`."""
    good, flaws = sort_out(page.objects, _flaw_of)
    table = _table_of(good, client)
    places, rejects = rejected(flaws, page, client)
    moments = [None if moment is None else moment // 1000 for moment in map(_moment_of, page.objects)]
    seconds = [moment for place, moment in enumerate(moments) if place not in flaws and moment is not None]
    return Decoded(table, [vector["vector_id"] for vector in good], seconds, rejects, places, moments)


def _table_of(vectors: Sequence[dict[str, Any]], client: int) -> pa.RecordBatch:
    extras = Extras(len(vectors), {})
    values = transposed(vectors, _PICKED)
    columns: dict[str, Any] = {
        "id": pa.array(values["vector_id"], pa.string()),
        "client_id": pa.array([client] * len(vectors), pa.int64()),
        "type": pa.array(values["type"], pa.string()),
        "ip": column([v4 or v6 or None for v4, v6 in zip(values["remote_addr4"], values["remote_addr6"], strict=True)], TEXT,
                     extras.stray("remote_addr4")),
        "time": times([moment_ms(moment) or 0 for moment in values["request_time"]], per_sec=1000),
        "value": column(_payloads(values["value"], values["payloads"], extras), TEXT, extras.stray("value")),
    }  # fmt: skip
    columns |= {to: column(values[field], kind, extras.stray(field)) for field, (to, kind) in _COLUMNS.items()}
    columns |= _paths(values, extras)
    columns["state"] = column([mark or None for mark in values["mark"]], TEXT, extras.stray("mark"))
    columns |= placed([_point(point) for point in values["point"]], values["parameter"], extras)
    extras.add_unknown(vectors, _KNOWN)
    columns["extensions"] = extras.column()
    return batch(columns)


def _payloads(values: Sequence[Any], lists: Sequence[Any], extras: Extras) -> list[Any]:
    """Give each vector's payload; what more of them there are is an extension."""
    found = []
    for row, (value, payloads) in enumerate(zip(values, lists, strict=True)):
        first = payloads[0] if type(payloads) is list and payloads else payloads or None
        if type(payloads) is list and len(payloads) > 1:
            extras.stray("payloads")(row, payloads)
        found.append(first if value is None else value)
    return found


def _paths(values: Mapping[str, Sequence[Any]], extras: Extras) -> dict[str, Any]:
    """Give the path, or else the vendor's pattern of it, which is kept beside a path that differs."""
    for row, (path, pattern) in enumerate(zip(values["path"], values["normalized_path"], strict=True)):
        if path is not None and pattern not in (None, path):
            extras.stray("normalized_path")(row, pattern)
    paths = [pattern if path is None else path for path, pattern in zip(values["path"], values["normalized_path"], strict=True)]
    return {"path": column(paths, TEXT, extras.stray("path"))}


def _point(point: Any) -> Any:
    """Give a place: the vendor writes the list as a text of JSON."""
    if type(point) is not str:
        return point
    try:
        return orjson.loads(point) if point.startswith("[") else [point] if point else None
    except ValueError:
        return [point]


def moment_ms(moment: Any) -> int | None:
    """Give a time of the vendor's in epoch ms: seconds, milliseconds or ISO 8601; None where it is none.

    >>> moment_ms(1790142071217), moment_ms(1790142071), moment_ms("2026-07-09T10:12:03Z"), moment_ms("soon")
    (1790142071217, 1790142071000, 1783591923000, None)
    """
    if type(moment) is str:
        try:
            parsed = datetime.fromisoformat(moment)
        except ValueError:
            return None
        moment = round((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp() * 1000)
    elif type(moment) is int and moment < _MS_LEAST:
        moment *= 1000
    return moment if type(moment) is int and FIRST_S <= moment // 1000 < LAST_S else None


def _moment_of(thing: Any) -> int | None:
    return moment_ms(thing.get("request_time")) if type(thing) is dict else None


def _flaw_of(thing: Any) -> Reject | None:
    if type(thing) is not dict:
        return Reject(b"", "not a JSON object")
    for field in ("vector_id", "type"):
        text = thing.get(field)
        if type(text) is not str or not text:
            return Reject(b"", "missing" if text in (None, "") else "not text", field)
    if _moment_of(thing) is None:
        return Reject(b"", "missing" if thing.get("request_time") is None else "no time from 2000 until 2100", "request_time")
    return None
