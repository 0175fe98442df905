"""Takes one page, gives its indicators as an Arrow batch with what was left out and why; never drops an object unaccounted.

Every object becomes a record, a reject, or is counted as a duplicate or as expired. What has no column goes to `extensions`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors.threatstream.answer import Page
from connectors.threatstream.itypes import KNOWN
from connectors.threatstream.paging import MAX_ID, Asked
from connectors.threatstream.table import table_of
from wellhead import Reject
from wellhead.http import raw_objects

_NAMING = itemgetter("id", "update_id", "value")
_ID, _UPDATE_ID = itemgetter("id"), itemgetter("update_id")
FAR_LEAST = 10**13
FAR_TIMES = 8
"""An `update_id` of at least FAR_LEAST, and as many times the next lower one, is a mistake: the vendor's are near 10^11."""


@dataclass(slots=True)
class Decoded:
    """What a page held.

    Attributes:
        newest: Highest `update_id` on it, those of broken objects included, but not `far`; None where none can be read.
        numbers: The `update_id` of each of its indicators.
        objects: How many objects it had.
        table: The indicators to publish.
        ended: `id` of those that are expired or too old.
        rejects: Objects that are none.
        filtered: How many were left out, by reason.
        recent: Whether anything on it changed at `recent_ms` or later.
        unknown: How often each indicator type occurs that the vendor does not document.
        far: An `update_id` far beyond all others: going on from it would skip all that comes.
    """

    newest: int | None
    numbers: list[int]
    objects: int
    table: pa.RecordBatch
    ended: pa.RecordBatch
    rejects: list[Reject] = field(default_factory=list)
    filtered: dict[str, int] = field(default_factory=dict)
    recent: bool = False
    unknown: Counter[str] = field(default_factory=Counter)
    far: int | None = None


def decode(page: Page, asked: Asked) -> Decoded:
    """Decode a page of active indicators."""
    good, flaws = _sort_out(page.objects)
    newest, far = _newest(page, good, flaws, asked)
    if far is not None:
        flaws |= {place: Reject(b"", "far beyond all others", "update_id") for place in _at(page, far) if place not in flaws}
        good = [thing for thing in good if thing["update_id"] != far]
    fresh = _fresh(good, asked)
    table = table_of(fresh, asked.stream)
    live, ended, recent = _by_age(table, asked)
    rejects = _rejects(page, flaws, asked)
    filtered = {
        "duplicate": len(good) - len(fresh) + len(flaws) - len(rejects),
        "expired": ended.num_rows,
    }
    return Decoded(
        newest=newest,
        numbers=list(map(_UPDATE_ID, good)),
        objects=len(page.objects),
        table=live,
        ended=ended,
        rejects=rejects,
        filtered={reason: count for reason, count in filtered.items() if count},
        recent=recent,
        unknown=_unknown(table),
        far=far,
    )


def decode_ended(page: Page, asked: Asked) -> Decoded:
    """Decode a page of indicators that are no longer active: of each only the `id` counts."""
    good, flaws = _sort_out(page.objects)
    ended = pa.RecordBatch.from_arrays([pa.array([thing["id"] for thing in good], pa.int64())], names=["id"])
    rejects = _rejects(page, flaws, asked)
    newest, far = _newest(page, good, flaws, asked)
    return Decoded(newest, [], len(page.objects), table_of([], ""), ended, rejects, far=far)


def _sort_out(objects: Sequence[Any]) -> tuple[list[dict[str, Any]], dict[int, Reject]]:
    """Give the objects that are indicators, and by place what is wrong with the others."""
    if _all_good(objects):
        return list(objects), {}
    found = {place: flaw for place, thing in enumerate(objects) if (flaw := _flaw(thing)) is not None}
    return [thing for place, thing in enumerate(objects) if place not in found], found


def _all_good(objects: Sequence[Any]) -> bool:
    """Say at a glance whether no object has a flaw; where this is not certain, they are looked at one by one."""
    if not objects or set(map(type, objects)) != {dict}:
        return False
    try:
        ids, numbers, values = zip(*map(_NAMING, objects), strict=True)
    except KeyError:
        return False
    whole = set(map(type, ids)) == set(map(type, numbers)) == {int} and set(map(type, values)) == {str}
    return whole and min(*ids, *numbers) >= 0 and max(*ids, *numbers) <= MAX_ID and all(values)


def _flaw(thing: Any) -> Reject | None:
    if type(thing) is not dict:
        return Reject(b"", "not a JSON object")
    for name in ("id", "update_id"):
        number = thing.get(name)
        if type(number) is not int or not 0 <= number <= MAX_ID:
            return Reject(b"", "missing" if number is None else "no whole number from 0 to 2^63 - 1", name)
    value = thing.get("value")
    if type(value) is not str or not value:
        return Reject(b"", "missing" if value in (None, "") else "not text", "value")
    return None


def _rejects(page: Page, flaws: Mapping[int, Reject], asked: Asked) -> list[Reject]:
    """Give the broken objects with their bytes; those that were passed before have been dead letters then."""
    again = asked.position < asked.known
    fresh = {}
    for place, flaw in flaws.items():
        number = _position(page.objects[place])
        if not again if number is None else number > max(asked.position, asked.known):
            fresh[place] = flaw
    raws = raw_objects(page.text, "objects") if fresh else []
    return [Reject(raws[place].encode(), flaw.reason, flaw.field) for place, flaw in fresh.items()]


def _newest(
    page: Page, good: Sequence[dict[str, Any]], flaws: Mapping[int, Reject], asked: Asked
) -> tuple[int | None, int | None]:
    """Give the highest `update_id` to go on from, broken objects' included where they can be read, and one that is too far for it."""
    broken = [number for place in flaws if (number := _position(page.objects[place])) is not None]
    numbers = [*broken, *map(_UPDATE_ID, good)]
    highest = max(numbers, default=0)
    if highest >= FAR_LEAST:
        # One alone is a mistake; a second one near it is the vendor's new numbering.
        numbers.remove(highest)
        if highest >= FAR_TIMES * max([asked.position, asked.known, *numbers]):
            return max(numbers, default=None), highest
        numbers.append(highest)
    return max(numbers, default=None), None


def _at(page: Page, number: int) -> list[int]:
    """Give the places of the objects with this `update_id`."""
    return [place for place, thing in enumerate(page.objects) if _position(thing) == number]


def _position(thing: Any) -> int | None:
    """Give an object's `update_id`; where that is lost, the place it was sorted by, which is the same number."""
    if type(thing) is not dict:
        return None
    sort = thing.get("sort")
    for number in (thing.get("update_id"), sort[0] if type(sort) is list and len(sort) == 1 else None):
        if type(number) is int and 0 <= number <= MAX_ID:
            return number
    return None


def _unknown(table: pa.RecordBatch) -> Counter[str]:
    """Count the indicator types that are not documented."""
    counted: Any = pc.value_counts(table.column("itype").drop_null())
    return Counter({each["values"]: each["counts"] for each in counted.to_pylist() if each["values"] not in KNOWN})


def _fresh(good: list[dict[str, Any]], asked: Asked) -> list[dict[str, Any]]:
    """Leave out what was read before, and of several states of one indicator all but the newest."""
    newest: dict[int, dict[str, Any]] = {}
    ids, numbers = set(map(_ID, good)), list(map(_UPDATE_ID, good))
    if len(ids) == len(good) and asked.passed.isdisjoint(numbers) and min(numbers, default=0) > asked.position:
        return good
    for thing in good:
        if thing["update_id"] > asked.position and thing["update_id"] not in asked.passed:
            known = newest.pop(thing["id"], thing)
            newest[thing["id"]] = thing if thing["update_id"] > known["update_id"] else known
    return good if len(newest) == len(good) else list(newest.values())


def _by_age(table: pa.RecordBatch, asked: Asked) -> tuple[pa.RecordBatch, pa.RecordBatch, bool]:
    """Give the indicators to publish, the ids of those that have ended, and whether any changed of late."""
    over = ended(table, asked.now_ms, asked.oldest_ms)
    modified: Any = table.column("modified_ts").cast(pa.int64())
    newest = pc.max(modified).as_py()
    ids = table.select(["id"])
    gone = ids.filter(over)
    return table.filter(pc.invert(over)) if gone.num_rows else table, gone, newest is not None and newest >= asked.recent_ms


def ended(table: pa.RecordBatch, now_ms: int, oldest_ms: int | None) -> Any:
    """Say of each row whether it has expired by `now_ms`, or changed last before `oldest_ms`; unknown times never end one."""
    expiry: Any = table.column("expiration_ts").cast(pa.int64())
    over: Any = pc.less_equal(expiry, pa.scalar(now_ms))
    if oldest_ms is not None:
        modified: Any = table.column("modified_ts").cast(pa.int64())
        over = pc.or_kleene(over, pc.less(modified, pa.scalar(oldest_ms)))
    return pc.fill_null(over, False)
