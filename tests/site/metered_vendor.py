"""A vendor that counts an organisation's calls within any window, whoever makes them, and refuses what is beyond its limit."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from wellhead.testing.simulator import Simulator, SimulatorSettings
from wellhead.testing.truth import TruthRecord


class Settings(SimulatorSettings):
    calls: int = Field(200, ge=1, description="Calls within any window.")
    window_secs: float = Field(10.0, gt=0, description="The window.")


class MeteredVendor(Simulator):
    """One route, one limit.

    Attributes:
        served: When each call was served, on the machine's monotonic clock, by who asked.
        refused: Who was refused, and when.
    """

    name: ClassVar[str] = "metered"
    settings: Settings

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.served: defaultdict[str, list[float]] = defaultdict(list)
        self.refused: list[tuple[str, float]] = []
        self._all: list[float] = []

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/events", self._events)]

    async def _events(self, request: Request) -> Response:
        who, now = request.query_params["who"], self.machine_secs()
        if self.within(now) >= self.settings.calls:
            self.refused.append((who, now))
            return JSONResponse({"error": "too many calls"}, 429, headers={"Retry-After": "2"})
        self._all.append(now)
        self.served[who].append(now)
        return JSONResponse({"events": [{}]})

    def within(self, now: float, *, windows: float = 1.0, who: str | None = None) -> int:
        """Give how many calls were served in the windows before `now`."""
        calls = self._all if who is None else self.served[who]
        return len(calls) - bisect_right(calls, now - windows * self.settings.window_secs)

    def use(self, windows: float) -> float:
        """Give the part of the quota that was used in the windows up to now."""
        return self.within(self.machine_secs(), windows=windows) / (windows * self.settings.calls)

    def share(self, who: str, windows: float) -> float:
        """Give one client's part of what was used in the windows up to now."""
        now = self.machine_secs()
        return self.within(now, windows=windows, who=who) / max(1, self.within(now, windows=windows))

    def truth(self, *, values: bool = True) -> Iterator[TruthRecord]:
        return iter(())

    def options(self, url: str) -> dict[str, Any]:
        return {"url": url}

    def identity_of(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        return (str(record["number"]),)

    def hint(self, url: str) -> str:
        return url
