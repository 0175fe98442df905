"""Takes settings, gives an Anomali ThreatStream as its clients know it, never shares code with the source.

What is modelled: the intelligence endpoint with its filters and its two orders, millions of indicators made by rule, their life as
time moves (new, changed, deactivated, false positive, active again, expired, visible late), values under several ids, and the quota.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import orjson
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.threatstream.simulation.admin import admin_routes
from connectors.threatstream.simulation.api import PATH, VENDOR_FAULTS, Api
from connectors.threatstream.simulation.comparable import comparable
from connectors.threatstream.simulation.desk import Desk
from connectors.threatstream.simulation.holdings import Holdings
from connectors.threatstream.simulation.quirks import BROKEN_FAULTS, CONTENT_FAULTS
from connectors.threatstream.simulation.render import ids_of
from connectors.threatstream.simulation.rows import Rows
from connectors.threatstream.simulation.rule import Moment
from connectors.threatstream.simulation.settings import GROUPS, Settings
from wellhead import PermanentError, TemporaryError
from wellhead.testing.simulator import JSON_API_OUTCOMES, Clock, Rehearsal, Simulator, WellheadError
from wellhead.testing.truth import TruthRecord

__all__ = ["CONFORMANCE", "DEMO", "Settings", "ThreatStreamSimulator", "create"]

# Nothing expires within these histories: each indicator lives 30 days from its last change, or longer.
CONFORMANCE = Rehearsal(
    {"ips": 240, "domains": 40, "hashes": 40, "urls": 30, "emails": 20, "history_days": 10, "quota_per_day": None},
    {"page_limit": 50},
)
DEMO = Rehearsal(
    {
        "ips": 20_000,
        "domains": 6_000,
        "hashes": 5_000,
        "urls": 3_000,
        "emails": 1_000,
        "history_days": 25,
        "faults": ("http_503:2@2", "embedded_429:1@3", "half_json:1@5", "cut_body:1@6", "http_429:1@8", "new_field:3"),
    }
)


class ThreatStreamSimulator(Simulator):
    """The intelligence endpoint of one API user."""

    name: ClassVar[str] = "threatstream"
    secret_params: ClassVar[frozenset[str]] = frozenset({"username", "api_key"})
    vendor_faults: ClassVar[Mapping[str, str]] = VENDOR_FAULTS
    content_faults: ClassVar[Mapping[str, str]] = CONTENT_FAULTS
    outcomes: ClassVar[Mapping[str, type[WellheadError]]] = {**JSON_API_OUTCOMES, "embedded_429": TemporaryError}
    passing_faults: ClassVar[Sequence[str]] = (
        *(name for name, error in outcomes.items() if error is not PermanentError),
        *("slow", "stuck_next", "stale_page", "overlap", "shuffled", "lost_next", "empty_page", "foreign_next"),
    )
    settings: Settings

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self._holdings: Holdings | None = None
        super().__init__(settings, clock=clock)
        self.start_ms = self.clock.now_ms() if settings.start_ms is None else settings.start_ms
        self._life_ends_ms: int | None = None
        self.holdings = self._holdings = Holdings(settings, self.start_ms, self.content)
        self.desk = Desk(self.holdings, self.at)
        self.api = Api(settings, self.holdings, self.faults, self.at)

    def content_changed(self) -> None:
        if self._holdings is not None:
            self._holdings.shape(self.content)

    def routes(self) -> Sequence[BaseRoute]:
        return [*admin_routes(self), Route(PATH, self.api.intelligence), Route(PATH.rstrip("/"), self.api.intelligence)]

    def error_response(self, status: int) -> Response:
        wait_secs = self.settings.retry_after_secs
        if status == 429:
            return self.api.too_many(wait_secs, {})
        headers = {"Retry-After": str(wait_secs)} if status == 503 else None
        return JSONResponse({"error": f"injected {status}"}, status, headers=headers)

    # Life

    def at(self) -> Moment:
        """Give the moment it is."""
        now_ms = self.clock.now_ms()
        return Moment(now_ms, now_ms if self._life_ends_ms is None else min(now_ms, self._life_ends_ms))

    def pause_life(self) -> None:
        """Let nothing more come into being or change by itself; what is late becomes visible still, and expiry goes on."""
        self._life_ends_ms = self.at().life_ms

    def resume_life(self) -> None:
        """Go on with life, as if it had never paused."""
        self._life_ends_ms = None

    # Truth

    def truth(self, *, values: bool = True) -> Iterator[TruthRecord]:
        at = self.at()
        for group in GROUPS:
            yield from self.truth_of(group, values=values, at=at)

    def truth_of(self, group: str, *, values: bool = True, at: Moment | None = None) -> Iterator[TruthRecord]:
        """Give what is active, visible and not expired now of one stream; `values` are the indicator as the vendor sends it."""
        at = at or self.at()
        for rows in self.holdings.active(group, at):
            yield from self._told(group, rows, values=values)

    def identities(self) -> set[tuple[str, ...]]:
        named: set[tuple[str, ...]] = set()
        for group in GROUPS:
            named.update(self._identities_of(group))
        return named

    def rows(self, group: str) -> Iterator[dict[str, Any]]:
        """Give the records that a stream's active set must become, by the schema's columns; those with one right answer."""
        return (comparable(record.values) for record in self.truth_of(group) if record.kind == "record")

    def _identities_of(self, group: str) -> Iterator[tuple[str, ...]]:
        quirks = self.holdings.renderers[group].quirks
        for rows in self.holdings.active(group, self.at()):
            broken = [place for place, fault in quirks.struck(rows.numbers).items() if fault in BROKEN_FAULTS]
            sound = rows.without(rows.numbers[broken]) if broken else rows
            yield from zip(map(str, ids_of(sound.numbers, group).tolist()), map(str, sound.uids.tolist()), strict=True)

    def _told(self, group: str, rows: Rows, *, values: bool) -> Iterator[TruthRecord]:
        renderer = self.holdings.renderers[group]
        struck = renderer.quirks.struck(rows.numbers)
        tenant = self.settings.username
        texts = renderer.texts(rows) if values else []
        named = zip(ids_of(rows.numbers, group).tolist(), rows.uids.tolist(), strict=True)
        for place, (identifier, uid) in enumerate(named):
            fault = struck.get(place, "")
            if fault in BROKEN_FAULTS:
                raw = renderer.texts(rows.pick(slice(place, place + 1)))[0]
                yield TruthRecord(group, tenant, "broken", raw=raw, quirk=fault)
                continue
            told = orjson.loads(texts[place]) if values else {}
            yield TruthRecord(group, tenant, "record", (str(identifier), str(uid)), told, quirk=fault)

    def identity_of(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        return (str(record["id"]), str(record["update_id"]))

    def state(self) -> dict[str, Any]:
        at = self.at()
        return {
            "start_ms": self.start_ms,
            "calls": dict(self.api.calls),
            "calls_today": self.api.quota.used(at.now_ms),
            "indicators": {group: self.holdings.counts(group, at) for group in GROUPS},
        }

    def options(self, url: str) -> dict[str, Any]:
        return {"url": url, "user": self.settings.username, "api_key": self.settings.api_key}

    def hint(self, url: str) -> str:
        options = self.options(url)
        if self.settings.api_key != Settings().api_key:
            # Only the invented default may be shown: a key given on the command line may be a real one (I6).
            options |= {"api_key": "(the one given)"}
        return "\n".join(f"{name}: {value}" for name, value in {"connector.class": self.name, **options}.items())


def create(settings: Settings, *, clock: Clock | None = None) -> ThreatStreamSimulator:
    """Give a ThreatStream with these settings; time is the machine's unless a clock is given."""
    return ThreatStreamSimulator(settings, clock=clock)
