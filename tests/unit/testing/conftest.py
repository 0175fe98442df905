"""Gives a vendor with one route, to test the machinery that every simulator stands on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from wellhead.testing.clock import FakeClock
from wellhead.testing.front import EXCHANGE
from wellhead.testing.simulator import Simulator, SimulatorSettings
from wellhead.testing.truth import TruthRecord


class Toy(Simulator):
    """Answers `/items` with 4,000 bytes, counts the answers that went out, fails at `/fail`."""

    name: ClassVar[str] = "toy"
    secret_params: ClassVar[frozenset[str]] = frozenset({"key"})
    vendor_faults: ClassVar[dict[str, str]] = {"short": "The answer is one byte."}
    content_faults: ClassVar[dict[str, str]] = {"odd": "A record is odd."}
    delivered = 0

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/items", self._items), Route("/fail", self._fail)]

    async def _items(self, request: Request) -> Response:
        def count() -> None:
            self.delivered += 1

        request.scope[EXCHANGE].on_delivered.append(count)
        return PlainTextResponse("x" if self.faults.take("short") else "x" * 4_000)

    async def _fail(self, request: Request) -> Response:
        raise KeyError("a mistake in the simulator")

    def truth(self, *, values: bool = True) -> Iterator[TruthRecord]:
        yield TruthRecord(
            "items",
            "toy",
            "record",
            ("1", "é"),
            {"name": "é", "size": None} if values else {},
            quirk="odd" if self.content else "",
        )
        yield TruthRecord("items", "toy", "broken", raw=b"\xff\x00")

    def options(self, url: str) -> dict[str, str]:
        return {"url": url}

    def identity_of(self, record: Mapping[str, str]) -> tuple[str, ...]:
        return (record["id"], record["name"])

    def hint(self, url: str) -> str:
        return f"connector.class: toy\nbase_url: {url}"


@pytest.fixture
def toy():
    """Make toy simulators with the settings given."""

    def make(**settings: object) -> Toy:
        return Toy(SimulatorSettings.model_validate(settings), clock=FakeClock())

    return make
