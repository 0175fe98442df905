"""Gives a Wallarm cloud to ask and somebody who asks it, sharing no code with the source."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from connectors.wallarm.simulator import Settings, WallarmSimulator, create
from wellhead.testing.clock import FakeClock
from wellhead.testing.server import serve

CLIENT = 4242
TOKEN = {"X-WallarmAPI-Token": "invented-api-token"}
NOW_SECS = 1_770_120_000


@dataclass
class Vendor:
    """A running simulator with its clock."""

    simulator: WallarmSimulator
    clock: FakeClock
    http: httpx.Client

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.http.post(path, json=body)

    def listed(self, path: str = "/v1/objects/hit", *, page: int = 100, **asked: Any) -> list[dict[str, Any]]:
        """List everything that a filter asks for, by limit and offset."""
        found: list[dict[str, Any]] = []
        while body := self.post(path, filter=_filter(asked), limit=page, offset=len(found)).json()["body"]:
            found += body
        return found

    def followed(self, path: str = "/v2/objects/attack", **asked: Any) -> list[list[dict[str, Any]]]:
        """List by the cursor, a page each, the last one too."""
        pages: list[list[dict[str, Any]]] = []
        cursor: str | None = None
        while True:
            told = self.post(path, filter=_filter(asked), paging=True, **({"cursor": cursor} if cursor else {})).json()
            pages.append(told["body"])
            if (cursor := told.get("cursor")) is None:
                return pages

    def truth(self, stream: str = "hit", *, values: bool = True) -> list[Any]:
        return [record for record in self.simulator.truth(values=values) if record.stream == stream]

    def ids(self, stream: str = "hit") -> set[str]:
        return {record.identity[0] for record in self.truth(stream, values=False) if record.kind == "record"}


def _filter(asked: dict[str, Any]) -> dict[str, Any]:
    return {"clientid": [CLIENT], "time": [[0, None]], **asked}


def ids_of(objects: list[dict[str, Any]]) -> list[str]:
    return [":".join(each["id"]) for each in objects]


@contextlib.contextmanager
def vendor(**settings: Any) -> Iterator[Vendor]:
    """Serve a cloud whose history ends at the clock's now."""
    clock = FakeClock(start_ms=NOW_SECS * 1_000)
    simulator = create(
        Settings.model_validate({"hits": 400, "history_hours": 4, "requests_per_sec": None, **settings}), clock=clock
    )
    with serve(simulator) as url, httpx.Client(base_url=url, headers=TOKEN, trust_env=False, timeout=60) as http:
        yield Vendor(simulator, clock, http)
