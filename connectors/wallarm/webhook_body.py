"""Takes the body of a pushed request, gives its hits under the legacy API's names and what is none; never half of a body.

The vendor pushes a JSON array or, where its console is set so, an object a line. Each object is a notification around one hit; other
notifications, such as of a vulnerability or a test, are no hits and are counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pyarrow as pa

from connectors.wallarm.decode import flaw_of, joined, table_of
from wellhead import Reject
from wellhead.http import raw_objects

CONTEXT = b"webhook"
_OTHER = "not_a_hit"
_CLIENT = re.compile(r"_(\d+)_\d{6}_v_\d+$")
# The names of the pushed hit, and the same thing in a hit that was asked for.
_NAMES: Mapping[str, str] = {"host": "domain", "request_time": "time", "response_status": "statuscode"}
_ADDRESSES = ("remote_addr4", "remote_addr6")


@dataclass(slots=True)
class Pushed:
    """What one body held.

    Attributes:
        hits: Sound hits by client, under the legacy API's names.
        rejects: What is meant to be a hit and is none, with its bytes.
        filtered: Notifications of other things, by reason.
    """

    hits: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    filtered: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        return sum(map(len, self.hits.values()))

    def leave_out(self, known: Mapping[str, object]) -> list[str]:
        """Drop the hits whose ids are known, and those that are here twice; give the ids of the others."""
        fresh: dict[str, None] = {}
        for client, hits in self.hits.items():
            kept = []
            for hit in hits:
                name = joined(hit["id"]) or ""
                if name in known or name in fresh:
                    self.filtered["duplicate"] += 1
                    continue
                fresh[name] = None
                kept.append(hit)
            self.hits[client] = kept
        return list(fresh)


def read_push(content: bytes, default_client: int | None) -> Pushed:
    """Read a body.

    Args:
        content: The body.
        default_client: Whose hits they are where a hit's id does not say it.

    Raises:
        ValueError: It is neither a JSON array of objects nor an object a line; the message says what is wrong and where.
    """
    pushed = Pushed()
    items, raws = _items(content)
    for place, item in enumerate(items):
        for hit, is_hit in _hits_in(item):
            if not is_hit:
                pushed.filtered[_OTHER] += 1
                continue
            flaw, client = flaw_of(hit), _client_of(hit, default_client)
            if flaw is None and client is None:
                flaw = Reject(
                    b"", "does not say whose it is: its id names no client, and the option `clients` has not just one", "id"
                )
            if flaw is not None:
                pushed.rejects.append(Reject(next(_nth(raws, place)), flaw.reason, flaw.field, CONTEXT))
            else:
                pushed.hits.setdefault(client or 0, []).append(hit)
    return pushed


def table_of_pushed(pushes: list[Pushed]) -> pa.RecordBatch | None:
    """Lay the hits of several bodies out in columns; None where there are none."""
    hits: dict[int, list[dict[str, Any]]] = {}
    for pushed in pushes:
        for client, theirs in pushed.hits.items():
            hits.setdefault(client, []).extend(theirs)
    tables = [table_of(theirs, client)[0] for client, theirs in hits.items() if theirs]
    return pa.Table.from_batches(tables).combine_chunks().to_batches()[0] if tables else None


def _items(content: bytes) -> tuple[list[Any], list[bytes] | str]:
    """Give the objects of a body, and where their bytes are: the lines, or the whole text of an array."""
    begins = content.lstrip()[:1]
    if begins == b"[":
        items = orjson.loads(content)
        raws: list[bytes] | str = content.decode()
    elif begins == b"{":
        raws = [line for line in content.splitlines() if line.strip()]
        items = _lines(raws, content)
        raws = raws if len(items) == len(raws) else [content]
    else:
        raise ValueError("neither a JSON array nor an object a line")
    for place, item in enumerate(items):
        if type(item) is not dict:
            raise ValueError(f"object {place + 1} is no JSON object")
    return items, raws


def _lines(lines: list[bytes], content: bytes) -> list[Any]:
    items = []
    for number, line in enumerate(lines, 1):
        try:
            items.append(orjson.loads(line))
        except orjson.JSONDecodeError as error:
            if number > 1:
                raise ValueError(f"line {number}: {error}") from None
            return [orjson.loads(content)]  # one object, written over several lines
    return items


def _nth(raws: list[bytes] | str, place: int) -> Iterator[bytes]:
    if isinstance(raws, str):
        yield raw_objects(f'{{"body":{raws}}}', "body")[place].encode()
    else:
        yield raws[place]


def _hits_in(item: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bool]]:
    """Give the hits a notification is about, each with True; itself with False where it is about something else."""
    details = item.get("details")
    if type(details) is not dict:
        is_bare = "object_type" in item or "request_time" in item or "id" in item
        yield _renamed(item, {}) if is_bare else item, is_bare
        return
    hits = details.get("hits", details.get("hit"))
    if details.get("notification_type", "new_hits") != "new_hits" or hits is None:
        yield item, False
        return
    around = {name: details[name] for name in ("client_name", "cloud") if details.get(name) is not None}
    for hit in hits if type(hits) is list else [hits]:
        yield (_renamed(hit, around), True) if type(hit) is dict else ({}, True)


def _renamed(hit: dict[str, Any], around: dict[str, Any]) -> dict[str, Any]:
    told = {
        _NAMES.get(name, name) if _NAMES.get(name, name) not in hit or name in _NAMES else name: value
        for name, value in hit.items()
    }
    ip = next((told.pop(name) for name in _ADDRESSES if told.get(name)), None)
    if ip is not None and told.get("ip") is None:
        told["ip"] = ip
    payloads = told.get("payloads")
    if type(payloads) is list and told.get("value") is None:
        told["value"] = payloads[0] if payloads else None
        if len(payloads) <= 1:
            del told["payloads"]
    return {**around, **{name: value for name, value in told.items() if not (name in _ADDRESSES and not value)}}


def _client_of(hit: Mapping[str, Any], default: int | None) -> int | None:
    """Give the client that a hit's index names."""
    told = hit.get("clientid")
    if type(told) is int:
        return told
    index = (joined(hit.get("id")) or "").partition(":")[0]
    found = _CLIENT.search(index)
    return int(found[1]) if found else default
