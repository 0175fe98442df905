"""Takes a page of hits as the legacy API gives them, gives an Arrow batch and what is no hit; never loses a field: what has no column is an extension.

`COLUMNS` names the vendor's fields and their columns, for whoever has a hit under other names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from connectors.wallarm.answer import Page
from connectors.wallarm.fields import BOOL, INT, LONG, LONGS, LOOSE, TEXT, TEXTS, Extras, Kind, batch, column, times, transposed
from connectors.wallarm.point import flat, parameter_of
from wellhead import Reject
from wellhead.http import raw_objects

COLUMNS: Mapping[str, tuple[str, Kind]] = {
    **{name: (name, TEXT) for name in ("ip", "remote_country", "datacenter", "tor", "proxy_type", "domain", "path", "value")},
    **{name: (name, TEXT) for name in ("block_status", "request_id", "protocol", "state", "method")},
    **{name: (name, LOOSE) for name in ("known_false", "endpoint_id", "api_spec_violation", "api_spec_id")},
    **{name: (name, TEXTS) for name in ("regex", "auth_protocol", "known_attack", "node_uuid", "compromised_logins")},
    **{name: (name, LONG) for name in ("size", "response_time", "stamps_hash")},
    **{name: (name, BOOL) for name in ("ip_blocked", "experimental", "wallarm_scanner", "ebpf", "aasm_event")},
    "remote_port": ("remote_port", INT),
    "statuscode": ("status_code", INT),
    "poolid": ("pool_id", LONG),
    "stamps": ("stamps", LONGS),
}
"""The vendor's name of a field, its column, and how that holds it. Those that need more than that stand in `_SPECIAL`."""
_SPECIAL = ("id", "time", "type", "attackid", "point", "parameter")
_PICKED = (*COLUMNS, *_SPECIAL)
KNOWN = frozenset((*_PICKED, "clientid"))
FIRST_S, LAST_S = 946_684_800, 4_102_444_800
"""Times from 2000 until 2100 are epoch seconds; anything else is a mistake, or milliseconds."""


@dataclass(slots=True)
class Decoded:
    """What a page held.

    Attributes:
        table: Its records.
        names: What names each of them for de-duplication, in order.
        seconds: The epoch second of each of them, in order.
        rejects: Objects that are none.
        reject_places: Where each of these stood among all objects.
        moments: The epoch second of each object in the vendor's order, where it has one.
    """

    table: pa.RecordBatch
    names: list[str]
    seconds: list[int]
    rejects: list[Reject] = field(default_factory=list)
    reject_places: list[int] = field(default_factory=list)
    moments: list[int | None] = field(default_factory=list)

    def reject_seconds(self, end_s: int) -> list[int]:
        """Give the second each reject belongs to: its own, or that of what follows it, or `end_s`; never too early."""
        found = []
        for place in self.reject_places:
            later = (moment for moment in self.moments[place:] if moment is not None)
            found.append(next(later, end_s))
        return found


def decode(page: Page, client: int) -> Decoded:
    """Decode hits of one client; the vendor does not say in them whose they are."""
    good, flaws = sort_out(page.objects, flaw_of)
    table, names = table_of(good, client)
    places, rejects = rejected(flaws, page, client)
    moments = [second_of(thing) for thing in page.objects]
    return Decoded(table, names, [thing["time"] for thing in good], rejects, places, moments)


def table_of(hits: Sequence[dict[str, Any]], client: int) -> tuple[pa.RecordBatch, list[str]]:
    """Lay sound hits out in columns; give their ids, too."""
    extras = Extras(len(hits), {})
    values = transposed(hits, _PICKED)
    ids = [joined(pair) or "" for pair in values["id"]]
    columns: dict[str, Any] = {
        "id": pa.array(ids, pa.string()),
        "client_id": pa.array([client] * len(hits), pa.int64()),
        "vendor_attack_id": pa.array(_attack_ids(values["attackid"], extras), pa.string()),
        "type": pa.array(values["type"], pa.string()),
        "time": times(values["time"]),
    }
    columns |= {to: column(values[name], kind, extras.stray(name)) for name, (to, kind) in COLUMNS.items()}
    columns |= placed(values["point"], values["parameter"], extras)
    extras.add_unknown(hits, KNOWN)
    columns["extensions"] = extras.column()
    return batch(columns), ids


def placed(points: Sequence[Any], parameters: Sequence[Any], extras: Extras) -> dict[str, Any]:
    """Give the columns `point` and `parameter`; the latter as the vendor tells it, or else made of the former."""
    found = [flat(point) for point in points]
    for row, point in enumerate(found):
        if point is None and points[row] is not None:
            extras.stray("point")(row, points[row])
    told = column(parameters, TEXT, extras.stray("parameter")).to_pylist() if any(parameters) else [None] * len(found)
    names = [said or parameter_of(point or ()) for said, point in zip(told, found, strict=True)]
    places = pa.array([point or [] for point in found], pa.list_(pa.string()))
    return {"point": places, "parameter": pa.array(names, pa.string())}


def joined(pair: Any) -> str | None:
    """Give an id as one text, `index:key`; None where it is neither a pair of texts nor such a text.

    >>> joined(["hits_production_4242_202602_v_1", "Zk3Q"])
    'hits_production_4242_202602_v_1:Zk3Q'
    """
    if type(pair) is list:
        return f"{pair[0]}:{pair[1]}" if len(pair) == 2 and type(pair[0]) is type(pair[1]) is str and pair[1] else None  # noqa: PLR2004 - index and key
    return pair if type(pair) is str and pair else None


def _attack_ids(pairs: Sequence[Any], extras: Extras) -> list[str | None]:
    found = [joined(pair) for pair in pairs]
    for row, attack in enumerate(found):
        if attack is None and pairs[row]:
            extras.stray("attackid")(row, pairs[row])
    return found


def second_of(thing: Any) -> int | None:
    """Give the epoch second of an object where it has a sound one."""
    second = thing.get("time") if type(thing) is dict else None
    return second if type(second) is int and FIRST_S <= second < LAST_S else None


def flaw_of(thing: Any) -> Reject | None:
    """Say what keeps an object from being a hit; its bytes are added later."""
    if type(thing) is not dict:
        return Reject(b"", "not a JSON object")
    if joined(thing.get("id")) is None:
        return Reject(b"", "missing" if thing.get("id") is None else "not a pair of index and key", "id")
    if second_of(thing) is None:
        return Reject(b"", "missing" if thing.get("time") is None else "no epoch seconds from 2000 until 2100", "time")
    kind = thing.get("type")
    if type(kind) is not str or not kind:
        return Reject(b"", "missing" if kind in (None, "") else "not text", "type")
    return None


def sort_out(objects: Sequence[Any], flaw: Any) -> tuple[list[dict[str, Any]], dict[int, Reject]]:
    """Give the objects that are sound, and by place what is wrong with the others."""
    found = {place: wrong for place, thing in enumerate(objects) if (wrong := flaw(thing)) is not None}
    return [thing for place, thing in enumerate(objects) if place not in found] if found else list(objects), found


def rejected(flaws: Mapping[int, Reject], page: Page, client: int) -> tuple[list[int], list[Reject]]:
    """Give the places of what is broken, and it with its bytes, and with what it takes to read it again: where it stood, and whose it is."""
    raws = raw_objects(page.text, page.name) if flaws else []
    context = f"{page.name} {client}".encode()
    return list(flaws), [Reject(raws[place].encode(), wrong.reason, wrong.field, context) for place, wrong in flaws.items()]
