"""Gives a ThreatStream to ask and a careful client that reads it in its own way, sharing no code with the source or the simulator."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from connectors.threatstream.simulator import Settings, ThreatStreamSimulator, create
from wellhead.testing.clock import FakeClock
from wellhead.testing.server import serve

PATH = "/api/v2/intelligence/"
KEY = "apikey ts-user@example.org:invented-api-key"


@dataclass
class Vendor:
    """A running simulator with its clock and somebody who asks it."""

    simulator: ThreatStreamSimulator
    clock: FakeClock
    url: str
    http: httpx.Client

    def ask(self, link: str = "", *, headers: dict[str, str] | None = None, **params: Any) -> httpx.Response:
        given = {"Authorization": KEY} if headers is None else headers
        url = link if link.startswith("http") else self.url + (link or PATH)
        return self.http.get(url, headers=given, params=params or None)

    def page(self, **params: Any) -> dict[str, Any]:
        answer = self.ask(**params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def objects(self, **params: Any) -> list[dict[str, Any]]:
        return self.page(**{"order_by": "update_id", "limit": 1000} | params)["objects"]

    def walk(self, **params: Any) -> list[dict[str, Any]]:
        """Follow meta.next to the end, as the vendor's manual says."""
        found: list[dict[str, Any]] = []
        page = self.page(**{"order_by": "update_id", "limit": 100} | params)
        for _ in range(1_000):
            found += page["objects"]
            link = page["meta"]["next"]
            if link is None:
                return found
            page = self.ask(link).json()
        raise AssertionError("meta.next never ends")

    def truth(self, group: str) -> set[tuple[int, int]]:
        return {(int(a), int(b)) for a, b in (record.identity for record in self.simulator.truth_of(group, values=False))}


Vendors = Callable[..., Vendor]


def named(objects: list[dict[str, Any]]) -> set[tuple[int, int]]:
    return {(told["id"], told["update_id"]) for told in objects}


@pytest.fixture
def vendor() -> Iterator[Vendors]:
    """Start simulators with the settings given, on a clock that stands still until moved."""
    with contextlib.ExitStack() as stack:

        def start(**settings: object) -> Vendor:
            clock = FakeClock()
            simulator = create(Settings.model_validate(settings), clock=clock)
            url = stack.enter_context(serve(simulator))
            return Vendor(simulator, clock, url, stack.enter_context(httpx.Client(trust_env=False)))

        yield start
