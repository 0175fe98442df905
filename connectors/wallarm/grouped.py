"""Takes a page of attacks as either API gives them, gives an Arrow batch of their states; never loses a field.

An attack grows and is marked: each state has a digest of all that the vendor said of it, so that none is published twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa

from connectors.wallarm.answer import Page
from connectors.wallarm.decode import Decoded, joined, rejected, sort_out
from connectors.wallarm.fields import BOOL, INT, INTS, LONG, LOOSE, TEXT, Extras, Kind, batch, column, times, transposed
from connectors.wallarm.vectors import moment_ms
from wellhead import Reject

_IPS: Any = pa.list_(pa.struct([("ip", pa.string()), ("count", pa.int64()), ("country", pa.string())]))
_COUNTRIES: Any = pa.list_(pa.struct([("country", pa.string()), ("count", pa.int64())]))


def _counted(names: Mapping[str, type]) -> Any:
    """Give what reads a list of counted things; other members, or other types, do not fit."""

    def read(value: list[Any]) -> list[dict[str, Any]] | None:
        fits = all(
            type(item) is dict
            and item.keys() <= names.keys()
            and all(type(item[each]) in (names[each], type(None)) for each in item)
            for item in value
        )
        return value if fits else None

    return read


def _counted_ips(value: list[Any]) -> list[dict[str, Any]] | None:
    found = _counted({"ip": str, "count": int, "country": str})(value)
    return None if found is None or any(item.get("ip") is None for item in found) else found


_COUNTED_IPS = Kind(_IPS, frozenset({list}), _counted_ips)
_COUNTED_COUNTRIES = Kind(_COUNTRIES, frozenset({list}), _counted({"country": str, "count": int}))
_COLUMNS: Mapping[str, tuple[str, Kind]] = {
    **{
        name: (name, TEXT)
        for name in ("domain", "path", "parameter", "method", "target", "block_status", "recheck_status", "state")
    },
    **{name: (name, LONG) for name in ("hits", "ip_count", "vectors_count")},
    "poolid": ("pool_id", LONG),
    "ip_top": ("ip_top", _COUNTED_IPS),
    "country_top": ("country_top", _COUNTED_COUNTRIES),
    "statuscodes": ("status_codes", INTS),
    "threat": ("threat", INT),
    "vulnid": ("vuln_id", LOOSE),
    "experimental": ("experimental", BOOL),
}
_PICKED = (*_COLUMNS, "id", "type", "first_time", "last_time")
_OF_THE_SEARCH = frozenset({"hits_count_by_filter", "ip_count_by_filter", "vectors_count_by_filter", "statuscodes_by_filter"})
_KNOWN = frozenset((*_PICKED, *_OF_THE_SEARCH, "attackid", "clientid"))

_METRICS = {
    "attack_vectors_count": "hits", "unique_ips": "ip_count", "unique_parameters": "vectors_count", "status": "block_status",
    "min_request_time": "first_time", "max_request_time": "last_time", "mark": "state",
}  # fmt: skip
_LISTS = {"attack_types": "type", "hosts": "domain", "paths": "path", "methods": "method", "status_codes": "statuscodes"}
_ROW_ONLY: Mapping[str, tuple[str, Kind]] = {
    "attack_name": ("name", TEXT),
    "requests_count": ("requests", LONG),
    "blocked_count": ("blocked", LONG),
}


def decode_attacks(page: Page, client: int) -> Decoded:
    """Decode attacks of one client; the rows of the aggregation API are taken for attacks by their names. See `decode.decode`."""
    objects = page.objects
    things = [_as_attack(thing) if type(thing) is dict and "first_time" not in thing else thing for thing in objects]
    good, flaws = sort_out(things, _flaw_of)
    places, rejects = rejected(flaws, page, client)
    hashes = [_hash_of(objects[place]) for place in range(len(objects)) if place not in flaws]
    table, names = _table_of(good, hashes, client)
    moments = [_second_of(thing, "last_time") for thing in things]
    seconds = [moment for place, moment in enumerate(moments) if place not in flaws and moment is not None]
    return Decoded(table, names, seconds, rejects, places, moments)


def _table_of(attacks: Sequence[dict[str, Any]], hashes: Sequence[str], client: int) -> tuple[pa.RecordBatch, list[str]]:
    extras = Extras(len(attacks), {})
    values = transposed(attacks, (*_PICKED, *_ROW_ONLY))
    ids = [joined(pair) or "" for pair in values["id"]]
    columns: dict[str, Any] = {
        "id": pa.array(ids, pa.string()),
        "client_id": pa.array([client] * len(attacks), pa.int64()),
        "state_hash": pa.array(hashes, pa.string()),
        "type": pa.array(values["type"], pa.string()),
        "first_time": times([moment_ms(moment) or 0 for moment in values["first_time"]], per_sec=1000),
        "last_time": times([moment_ms(moment) or 0 for moment in values["last_time"]], per_sec=1000),
    }
    for field, (to, kind) in {**_COLUMNS, **_ROW_ONLY}.items():
        columns[to] = column(values[field], kind, extras.stray(field))
    extras.add_unknown(attacks, _KNOWN | _ROW_ONLY.keys())
    columns["extensions"] = extras.column()
    return batch(columns), [f"{identifier} {digest}" for identifier, digest in zip(ids, hashes, strict=True)]


def _as_attack(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give a row of the aggregation API under the names of an attack; of a list of several values only the list is kept."""
    attack: dict[str, Any] = {}
    for name, value in row.items():
        if name in _METRICS:
            attack[_METRICS[name]] = value or None if name == "mark" else value
        elif name == "status_codes" and type(value) is list:
            attack["statuscodes"] = [int(code) if type(code) is str and code.isdecimal() else code for code in value]
        elif name == "attack_types" and type(value) is list and value and set(map(type, value)) == {str}:
            attack["type"] = ",".join(sorted(value))
        elif name in _LISTS and type(value) is list and len(value) <= 1:
            attack[_LISTS[name]] = value[0] if value else None
        else:
            attack["type" if name == "attack_type" else name] = value
    return attack


def _hash_of(thing: Any) -> str:
    """Digest what the vendor said, whatever the order of its names; what depends on the search does not count."""
    told = {name: value for name, value in thing.items() if name not in _OF_THE_SEARCH}
    return hashlib.blake2b(orjson.dumps(told, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def _second_of(thing: Any, name: str) -> int | None:
    moment = moment_ms(thing.get(name)) if type(thing) is dict else None
    return None if moment is None else moment // 1000


def _flaw_of(thing: Any) -> Reject | None:
    if type(thing) is not dict:
        return Reject(b"", "not a JSON object")
    if joined(thing.get("id")) is None:
        return Reject(b"", "missing" if thing.get("id") is None else "not a pair of index and key", "id")
    kind = thing.get("type")
    if type(kind) is not str or not kind:
        return Reject(b"", "missing" if kind in (None, "") else "not text", "type")
    for name in ("first_time", "last_time"):
        if _second_of(thing, name) is None:
            return Reject(b"", "missing" if thing.get(name) is None else "no time from 2000 until 2100", name)
    return None
