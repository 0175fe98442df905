"""Gives a Wallarm cloud in memory that speaks both generations, and what runs a stream of the source against it as the runtime would."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.wallarm.position import WallarmCursor
from connectors.wallarm.source import WallarmConfig, connector
from wellhead import Batch, CursorExpired
from wellhead.api import TaskContext
from wellhead.http import Response
from wellhead.testing.clock import FakeClock

START_S = 1_770_109_200
TOKEN = "invented-api-token"


@dataclass(frozen=True)
class Hit:
    """A hit of the vendor's: whose, which, when it happened, and from which second on it is shown."""

    client: int
    key: str
    second: int
    shown_s: int
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"hits_production_{self.client}_202602_v_1:{self.key}"

    def told(self) -> dict[str, Any]:
        pair = self.name.split(":")
        return {"id": pair, "time": self.second, "type": "sqli", "point": ["get", "q"], "request_id": self.key} | dict(
            self.more
        )

    def vector(self) -> dict[str, Any]:
        return {"vector_id": self.name, "type": "sqli", "request_time": self.second * 1000 + 500, "client_id": self.client}


class Vendor:
    """The cloud, as the source's HTTP client.

    Attributes:
        hits: What it holds.
        asked: Path and body of each request so far.
        answers: Statuses and bodies to give instead, in order; None for the right one.
        on_request: Called before each answer.
    """

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.hits: list[Hit] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[Mapping[str, str]] = []
        self.answers: list[tuple[int, bytes] | None] = []
        self.on_request: Callable[[], None] = lambda: None

    async def request(self, method: str, url: str, *, content: bytes = b"{}", headers: Any = None, **_: Any) -> Response:
        path, body = url.removeprefix("https://wallarm.example"), json.loads(content)
        return self._answer(method, path, body, headers)

    async def get(self, url: str, *, params: Mapping[str, str], headers: Any = None, **_: Any) -> Response:
        return self._answer("GET", url.removeprefix("https://wallarm.example"), dict(params), headers)

    def _answer(self, method: str, path: str, body: dict[str, Any], headers: Any) -> Response:
        self.on_request()
        self.asked.append((path, body))
        self.headers.append(headers)
        instead = self.answers.pop(0) if self.answers else None
        status, content = instead or (200, json.dumps(self._right(path, body)).encode())
        return Response(status=status, headers={}, call=f"{method} wallarm.example{path}", url=path, content=content)

    def _right(self, path: str, body: dict[str, Any]) -> Any:
        if path == "/v1/objects/hit":
            return self._listed(body)
        if path.endswith("/details"):
            wanted = [":".join(pair) for pair in body["filter"]["id"]] if "filter" in body else [body["id"]]
            found = [{"id": hit.name.split(":"), "raw": {"method": "PUT"}} for hit in self.shown() if hit.name in wanted]
            return {"status": 200, "body": found if "filter" in body else found[0]["raw"]}
        client = int(path.split("/")[3])
        return self._grouped(client, path.rsplit("/", 1)[1], body)

    def shown(self) -> list[Hit]:
        """What can be read now, oldest first."""
        now_s = self.clock.now_ms() // 1000
        return sorted((hit for hit in self.hits if hit.shown_s <= now_s), key=lambda hit: (hit.second, hit.key))

    def _listed(self, body: dict[str, Any]) -> dict[str, Any]:
        (from_s, to_s), client = body["filter"]["time"][0], body["filter"]["clientid"]
        found = [hit for hit in self.shown() if hit.client == client and from_s <= hit.second <= to_s]
        if not body.get("paging"):
            page = found[body["offset"] : body["offset"] + body["limit"]]
            return {"status": 200, "body": [hit.told() for hit in page]}
        found.reverse()
        after = int(body.get("cursor", "0"))
        rest = found[after + 100 :]
        answer = {"status": 200, "body": [hit.told() for hit in found[after : after + 100]]}
        return answer | ({"cursor": str(after + 100)} if rest else {})

    def _grouped(self, client: int, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if path == "query":
            from_s, to_s = map(int, body["time_range"].split("-"))
            found = {hit.second % 2 for hit in self.shown() if hit.client == client and from_s <= hit.second < to_s}
            rows = [{"id": f"{group} {body['time_range']}"} for group in sorted(found)]
            at = int(body.get("cursor", "0"))
            return {"data": rows[at : at + 1], "next_cursor": str(at + 1) if rows[at + 1 :] else None}
        group, _, span = body["group_id"].partition(" ")
        # The vendor's group holds the whole day, whatever span was asked for.
        day_s = int(span.split("-")[0]) // 86_400
        found_hits = [
            hit
            for hit in self.shown()
            if hit.client == client and hit.second // 86_400 == day_s and hit.second % 2 == int(group)
        ]
        at = int(body.get("cursor", "0"))
        answer = {"data": [hit.vector() for hit in found_hits[at : at + 3]], "has_more": bool(found_hits[at + 3 :])}
        return answer | ({"cursor": str(at + 3)} if answer["has_more"] else {})


@dataclass
class Bench:
    """A vendor, a stream that is read, and all that was committed so far."""

    vendor: Vendor
    clock: FakeClock
    options: dict[str, Any]
    cursor: WallarmCursor | None = None
    published: list[tuple[str, int]] = field(default_factory=list)
    letters: list[bytes] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    replays: int = 0
    stream: str = "hit"

    def poll(self, crash_after: int | None = None) -> list[Batch[WallarmCursor]]:
        """Run once; killed after so many batches, what came later is not committed."""
        return asyncio.run(self._poll(crash_after))

    def after(self, secs: float, crash_after: int | None = None) -> list[Batch[WallarmCursor]]:
        """Let time pass, then run."""
        self.clock.advance(secs)
        return self.poll(crash_after)

    async def _poll(self, crash_after: int | None) -> list[Batch[WallarmCursor]]:
        config = WallarmConfig.model_validate(self.options)
        stream = next(each for each in connector.streams_of(config) if each.name == self.stream)
        context = TaskContext(http=self.vendor, clock=self.clock, spool_dir=Path(), report=self._report)  # type: ignore[arg-type]
        batches: list[Batch[WallarmCursor]] = []
        seen = self._seen()
        try:
            async with aclosing(stream.task(config, stream.name, context).poll(self.cursor)) as polled:  # type: ignore[type-var]
                async for batch in polled:
                    if crash_after is not None and len(batches) >= crash_after:
                        break
                    batches.append(batch)
                    self._commit(batch, seen)
                    seen = None if batch.cursor.replay_from_ms() is None else seen
        except CursorExpired as expired:
            self.reports.append(f"cursor_expired: {expired}")
            self.cursor = WallarmCursor.model_validate(expired.restart.model_dump())
        return batches

    def _seen(self) -> tuple[set[str], set[bytes]] | None:
        from_ms = None if self.cursor is None else self.cursor.replay_from_ms()
        if from_ms is None:
            return None
        self.replays += 1
        return {name for name, second in self.published if second * 1000 >= from_ms}, set(self.letters)

    def _commit(self, batch: Batch[WallarmCursor], seen: tuple[set[str], set[bytes]] | None) -> None:
        rows = batch.table.to_pylist(maps_as_pydicts="strict") if isinstance(batch.table, pa.RecordBatch) else []
        rows = [row for row in rows if seen is None or row["id"] not in seen[0]]
        self.rows += rows
        self.published += [(row["id"], int(row["time"].timestamp())) for row in rows if "time" in row]
        self.letters += [reject.raw for reject in batch.rejects if seen is None or reject.raw not in seen[1]]
        stored = json.loads(json.dumps(batch.cursor.model_dump(mode="json")))
        self.cursor = WallarmCursor.model_validate(stored)

    def _report(self, event: str, message: str, **fields: str | float) -> None:
        self.reports.append(f"{event}: {message} {fields}")

    def assert_exact(self) -> None:
        """Everything that can be read now was published, once."""
        held = Counter(hit.name for hit in self.vendor.shown())
        read = Counter(name for name, _ in self.published)
        assert not held - read, f"lost {held - read}"
        assert not read - held, f"doubled {read - held}"

    def bodies(self, path: str = "/v1/objects/hit") -> list[dict[str, Any]]:
        """What was asked of a path."""
        return [body for asked, body in self.vendor.asked if asked == path]


def bench_of(**options: Any) -> Bench:
    clock = FakeClock(START_S * 1000, auto=True)
    given = {"url": "https://wallarm.example", "token": TOKEN, "clients": [7], "start": START_S - 3600, "details": "never"}
    return Bench(Vendor(clock), clock, given | options)


def made_hits(count: int, *, at_s: int = START_S - 60, every_s: int = 1, late_s: int = 0, client: int = 7) -> Iterator[Hit]:
    """Make hits, one every so many seconds."""
    for number in range(count):
        second = at_s + number * every_s
        yield Hit(client, f"k{client}-{at_s}-{number:05}", second, second + late_s)
