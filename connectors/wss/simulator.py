"""Takes settings, gives a Symantec/Broadcom WSS reporting portal as its clients know it, never shares code with the source.

What is modelled: the sync endpoint with its appended trailer, tokens, `more`/`done`/`abort`, the tenant-wide quiet after
`done` and what it does to a second client, hourly archives of several gzip members, and the log format with its flaws.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, ClassVar

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from connectors.wss.simulation.portal import Portal, refuse
from connectors.wss.simulation.quirks import CONTENT_FAULTS
from connectors.wss.simulation.rows import Block, Rows
from connectors.wss.simulation.settings import Settings
from connectors.wss.simulation.tenant import VENDOR_FAULTS, Refusal, Tenant
from connectors.wss.simulation.timeline import SLICES_PER_HOUR, Timeline
from wellhead import CursorExpired, PermanentError, TemporaryError
from wellhead.testing.front import STATUS_FAULTS
from wellhead.testing.simulator import Clock, Rehearsal, Simulator, WellheadError
from wellhead.testing.truth import TruthRecord

__all__ = ["Settings", "WssSimulator", "create"]

SYNC_PATH = "/reportpod/logs/sync"
LIST_PATH = "/reportpod/logs/list"

CONFORMANCE = Rehearsal({"rows": 900, "hours": 3}, {"chunk_bytes": 1 << 16})
DEMO = Rehearsal(
    {
        "rows": 200_000,
        "hours": 8,
        "faults": (
            "http_503:2@2",
            "abort:1@3",
            "cut_body:1@5",
            "http_429:1@8",
            "broken_rows:200",
            "non_utf8:50",
            "new_field:2",
        ),
    },
    {"chunk_bytes": 1 << 21},
)


class WssSimulator(Simulator):
    """The portal, with its tenants."""

    name: ClassVar[str] = "wss"
    secret_params: ClassVar[frozenset[str]] = frozenset({"apiUsername", "apiPassword"})
    # 410 is no passing mishap here: it belongs to a token, for ever.
    status_faults: ClassVar[Mapping[str, str]] = {
        name: told for name, told in STATUS_FAULTS.items() if name not in VENDOR_FAULTS
    }
    vendor_faults: ClassVar[Mapping[str, str]] = VENDOR_FAULTS
    content_faults: ClassVar[Mapping[str, str]] = CONTENT_FAULTS
    outcomes: ClassVar[Mapping[str, type[WellheadError]]] = {
        "http_400": PermanentError,
        "http_401": PermanentError,
        "http_403": PermanentError,
        "http_404": PermanentError,
        "http_410": CursorExpired,
        "http_423": TemporaryError,
        "http_429": TemporaryError,
        "http_500": TemporaryError,
        "http_503": TemporaryError,
        "cut_body": TemporaryError,
        "abort": TemporaryError,
        "no_trailer": TemporaryError,
        "half_trailer": TemporaryError,
        "broken_zip": TemporaryError,
    }
    passing_faults: ClassVar[Sequence[str]] = (
        *(name for name, error in outcomes.items() if error is not PermanentError),
        *("slow", "expire_tokens", "token_jump", "huge"),
    )
    settings: Settings

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        super().__init__(settings, clock=clock)
        self._timeline = Timeline.of(settings, self.clock.now_ms())

    @cached_property
    def tenants(self) -> dict[str, Tenant]:
        """The tenants by user name, each with its own data and state."""
        return {name: Tenant(self.settings, name, self._timeline, self.content) for name in self.settings.tenants}

    def content_changed(self) -> None:
        vars(self).pop("tenants", None)

    def routes(self) -> Sequence[BaseRoute]:
        portal = Portal(self.settings, lambda: self.tenants, self.faults, self.clock.now_ms)
        return [Route(SYNC_PATH, portal.sync), Route(LIST_PATH, portal.list)]

    def error_response(self, status: int) -> Response:
        wait_secs = self.settings.retry_after_secs if status in (423, 429, 503) else None
        return refuse(Refusal(status, f"injected {status}", wait_secs), self.settings)

    def truth(self, *, values: bool = True) -> Iterator[TruthRecord]:
        for rows, block in self._blocks():
            yield from rows.truth(block, values=values)

    def identities(self) -> set[tuple[str, ...]]:
        named: set[tuple[str, ...]] = set()
        for rows, block in self._blocks():
            named.update(rows.identities(block))
        return named

    def _blocks(self) -> Iterator[tuple[Rows, Block]]:
        end = self._timeline.position_at(self.clock.now_ms())
        for tenant in self.tenants.values():
            for hour in range(-(-end // SLICES_PER_HOUR)):
                for appliance in range(self.settings.appliances):
                    for block in tenant.rows.blocks(hour, appliance, 0, end):
                        yield tenant.rows, block

    def state(self) -> dict[str, Any]:
        now_ms = self.clock.now_ms()
        end = self._timeline.position_at(now_ms)
        return {
            "tenants": {
                name: {
                    "rows": self._timeline.rows_before(end),
                    "quiet_secs": max(0, tenant.quiet_until_ms - now_ms) / 1_000,
                    "done_rows": self._timeline.rows_before(tenant.done_position),
                    "downloads": tenant.downloads,
                }
                for name, tenant in self.tenants.items()
            }
        }

    def options(self, url: str) -> dict[str, Any]:
        user, password = next(iter(self.settings.tenants.items()))
        start = datetime.fromtimestamp(self._timeline.start_ms / 1000, UTC)
        return {"url": url, "username": user, "password": password, "start": start.isoformat()}

    def identity_of(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        time: datetime = record["time"]
        return (time.strftime("%Y-%m-%d"), time.strftime("%H:%M:%S"), record["x_bluecoat_transaction_uuid"])

    def hint(self, url: str) -> str:
        options = self.options(url)
        if self.settings.tenants != Settings().tenants:
            # Only the invented default may be shown: a password given on the command line may be a real one (I6).
            options |= {"password": "(the one given)"}
        return "\n".join(f"{name}: {value}" for name, value in {"connector.class": self.name, **options}.items())


def create(settings: Settings, *, clock: Clock | None = None) -> WssSimulator:
    """Give a portal with these settings; time is the machine's unless a clock is given."""
    return WssSimulator(settings, clock=clock)
