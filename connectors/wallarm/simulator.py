"""Takes settings, gives a Wallarm cloud as its API's clients know it, never shares code with the source.

What is modelled: the older API with its filters and its two ways to page, the newer aggregation API, any number of hits made by rule with
the attack that each belongs to, late and out-of-order arrivals, many hits in one second, sampling before upload, retention and the rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from starlette.responses import Response
from starlette.routing import BaseRoute

from connectors.wallarm.simulation.aggregation import Aggregation
from connectors.wallarm.simulation.cloud import Cloud
from connectors.wallarm.simulation.gate import GATE_FAULTS, Gate, refuse
from connectors.wallarm.simulation.legacy import PAGE_FAULTS, Legacy
from connectors.wallarm.simulation.quirks import CONTENT_FAULTS
from connectors.wallarm.simulation.settings import Settings
from connectors.wallarm.simulation.truth import truth_of_attacks, truth_of_hits, truth_of_vectors
from wellhead import PermanentError, TemporaryError
from wellhead.testing.simulator import JSON_API_OUTCOMES, Clock, Rehearsal, Simulator, WellheadError
from wellhead.testing.truth import TruthRecord

__all__ = ["CONFORMANCE", "DEMO", "Settings", "WallarmSimulator", "create"]

CONFORMANCE = Rehearsal({"hits": 600, "history_hours": 4, "tick_secs": 20, "clients": (4242, 4243), "requests_per_sec": None})
DEMO = Rehearsal(
    {
        "hits": 10_000,
        "clients": (4242, 4243),
        "history_hours": 24,
        "tick_secs": 5,
        # What may be read only minutes after the pull began would be missing from it.
        "late_ratio": 0,
        "faults": ("http_503:2@2", "half_json:1@4", "cut_body:1@6", "http_429:1@9", "short_page:2@12", "new_field:3"),
    },
    rules=("wallarm/basic",),
)


class WallarmSimulator(Simulator):
    """The API of one cloud, for one token."""

    name: ClassVar[str] = "wallarm"
    vendor_faults: ClassVar[Mapping[str, str]] = {**GATE_FAULTS, **PAGE_FAULTS}
    content_faults: ClassVar[Mapping[str, str]] = CONTENT_FAULTS
    outcomes: ClassVar[Mapping[str, type[WellheadError]]] = {**JSON_API_OUTCOMES, "embedded_500": TemporaryError}
    passing_faults: ClassVar[Sequence[str]] = (
        *(name for name, error in outcomes.items() if error is not PermanentError),
        *("slow", "short_page", "overlap", "shuffled"),
    )
    settings: Settings

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self._cloud: Cloud | None = None
        super().__init__(settings, clock=clock)
        self.start_ms = self.clock.now_ms() if settings.start_ms is None else settings.start_ms
        self.gate = Gate(settings, self.faults, self.clock.now_ms)

    @property
    def cloud(self) -> Cloud:
        """What is held of all clients."""
        if self._cloud is None:
            self._cloud = Cloud(self.settings, self.start_ms // 1_000, self.content)
        return self._cloud

    def content_changed(self) -> None:
        self._cloud = None

    def routes(self) -> Sequence[BaseRoute]:
        legacy = Legacy(self.settings, lambda: self.cloud, self.gate, self.faults, self.clock.now_ms)
        return [*legacy.routes(), *Aggregation(lambda: self.cloud, self.gate, self.faults, self.clock.now_ms).routes()]

    def error_response(self, status: int) -> Response:
        if status == 429:
            return self.gate.too_many(self.settings.retry_after_secs)
        headers = {"Retry-After": str(self.settings.retry_after_secs)} if status == 503 else None
        return refuse(status, f"injected {status}", headers)

    def truth(self, *, values: bool = True) -> Iterator[TruthRecord]:
        """Give every hit and attack that can be read now; a hit's values name, as `_attack`, the attack that made it."""
        now_ms = self.clock.now_ms()
        for renderer in self.cloud.renderers.values():
            if self.settings.api == "aggregation":  # whose rows have no id that lasts
                yield from truth_of_vectors(renderer, now_ms, values=values)
                continue
            yield from truth_of_hits(renderer, now_ms, values=values)
            yield from truth_of_attacks(renderer, now_ms, values=values)

    def identity_of(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        return (str(record["id"]),)

    def state(self) -> dict[str, Any]:
        now_ms = self.clock.now_ms()
        return {
            "start_ms": self.start_ms,
            "calls": dict(self.gate.calls),
            "clients": {client: renderer.holdings.size(now_ms) for client, renderer in self.cloud.renderers.items()},
        }

    def options(self, url: str) -> dict[str, Any]:
        settings = self.settings
        first_secs = min(renderer.holdings.rule.first_secs for renderer in self.cloud.renderers.values())
        start = datetime.fromtimestamp(first_secs, UTC).isoformat()
        newer = {"api": settings.api, "attacks_enabled": False} if settings.api == "aggregation" else {}
        return {"url": url, "token": settings.token, "clients": list(settings.clients), "start": start, **newer}

    def hint(self, url: str) -> str:
        options = self.options(url)
        if self.settings.token != Settings().token:
            # Only the invented default may be shown: a token given on the command line may be a real one (I6).
            options |= {"token": "(the one given)"}
        return "\n".join(f"{name}: {value}" for name, value in {"connector.class": self.name, **options}.items())


def create(settings: Settings, *, clock: Clock | None = None) -> WallarmSimulator:
    """Give a Wallarm cloud with these settings; time is the machine's unless a clock is given."""
    return WallarmSimulator(settings, clock=clock)
