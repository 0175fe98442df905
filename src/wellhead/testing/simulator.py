"""Takes a vendor's routes and data, gives a server that behaves and misbehaves like the vendor, never shares code with its source.

A vendor's `simulator` module exports `Settings` (a `SimulatorSettings`), `create(settings, clock=None) -> Simulator`, and
the `Rehearsal`s `CONFORMANCE` and `DEMO`; with that alone `wellhead simulate`, the conformance suite and the demo can drive it. The admin routes under `/_sim`
let another process do the same.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp

from wellhead.clock import Clock, SystemClock
from wellhead.errors import PermanentError, TemporaryError, WellheadError
from wellhead.testing.admin import admin_routes
from wellhead.testing.faults import Faults, FaultSpec, require_known
from wellhead.testing.front import ADMIN, BODY_FAULTS, STATUS_FAULTS, Front, RequestRecord
from wellhead.testing.shiftclock import ShiftedClock
from wellhead.testing.truth import TruthRecord

__all__ = ["Clock", "Rehearsal", "Simulator", "SimulatorSettings", "WellheadError"]


JSON_API_OUTCOMES: Mapping[str, type[WellheadError]] = {
    **{f"http_{status}": PermanentError for status in (400, 401, 403, 404)},
    **{f"http_{status}": TemporaryError for status in (429, 500, 502, 503, 504)},
    **dict.fromkeys(("cut_body", "half_json", "html_page", "bare_429"), TemporaryError),
}
"""What a client of a JSON API has to make of the faults that all of them show."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How a simulator is set up for the conformance suite (`CONFORMANCE` in its module) or the demo (`DEMO`).

    Attributes:
        settings: Values for its `Settings`.
        options: Options for the connector, over those of `Simulator.options`.
        rules: Grouping rules by which its records form attacks; the values of a record's truth then name its attack, as `_attack`.
        flood_limits: Limits by which its records show floods of connections; the values of a flood's records then name its family of
            destinations, as `_flood`, and say `since` when it is there.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    rules: Sequence[str] = ()
    flood_limits: Mapping[str, Any] = field(default_factory=dict)


class SimulatorSettings(BaseModel):
    """Options that every simulator has; a vendor's `Settings` adds its own, each with a description."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(default=1, description="Data and chance are the same for the same seed.")
    faults: tuple[str, ...] = Field(
        default=(), description="A fault to arm, as NAME[:COUNT][@AFTER][~PROBABILITY]; COUNT * is for ever."
    )
    cut_after_bytes: int = Field(default=1_000, ge=0, description="Bytes of a body that pass before cut_body and stall strike.")
    stall_secs: float = Field(default=3_600, gt=0, description="Seconds a stalled connection is held open.")
    slow_chunk_bytes: int = Field(default=256, ge=1, description="Bytes per piece of a slow body.")
    slow_pause_secs: float = Field(default=0.01, ge=0, description="Seconds between the pieces of a slow body.")
    retry_after_secs: int = Field(
        default=1, ge=0, description="Seconds that an injected 423, 429 or 503 asks the client to wait."
    )


class Simulator(ABC):
    """A vendor as an ASGI app with its state, its faults and its log of requests.

    Attributes:
        name: The connector whose vendor it is.
        secret_params: Query parameters that are credentials and are kept out of the log.
        status_faults: Faults that answer with a bare status in place of the vendor.
        vendor_faults: Faults the vendor's own code takes from `faults`, with one sentence each.
        outcomes: The error that each fault must cause in the source first.
        passing_faults: Faults after which a patient source has read everything once.
        content_faults: Faults that shape the data; armed by settings, or before the first request, so that the truth stands.
        requests: Every request so far, in order of arrival, admin requests excepted.
        crashes: Errors of the simulator itself while it answered; `serve` raises the first of them at its end.
        clock: The vendor's time.
        content: The content faults armed so far, by name.
        reset_connection: Ends a client's connection, told by its address, by an RST; a server sets it, and it is called in the server's loop.
    """

    name: ClassVar[str]
    secret_params: ClassVar[frozenset[str]] = frozenset()
    status_faults: ClassVar[Mapping[str, str]] = STATUS_FAULTS
    vendor_faults: ClassVar[Mapping[str, str]] = {}
    content_faults: ClassVar[Mapping[str, str]] = {}
    outcomes: ClassVar[Mapping[str, type[WellheadError]]] = {}
    passing_faults: ClassVar[Sequence[str]] = ()

    def __init__(self, settings: SimulatorSettings, *, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = ShiftedClock(clock or SystemClock())
        self.requests: list[RequestRecord] = []
        self.crashes: list[Exception] = []
        self.faults = Faults({**self.status_faults, **BODY_FAULTS, **self.vendor_faults}, seed=settings.seed)
        self.machine_secs: Callable[[], float] = time.monotonic
        self.count_connections: Callable[[], int] = lambda: 0
        self.reset_connection: Callable[[tuple[str, int]], None] = lambda _client: None
        self.content: dict[str, FaultSpec] = {}
        self._arming = threading.Lock()
        for fault in settings.faults:
            self.arm(fault)

    @cached_property
    def app(self) -> ASGIApp:
        """The ASGI app to serve."""
        vendor = Starlette(routes=[*self.routes(), Mount(ADMIN, routes=admin_routes(self))])
        return Front(self, vendor)

    @classmethod
    def known_faults(cls) -> dict[str, str]:
        """Give every fault that can be armed, with one sentence on each."""
        return {**cls.status_faults, **BODY_FAULTS, **cls.vendor_faults, **cls.content_faults}

    @property
    def open_connections(self) -> int:
        """How many sockets clients hold open now."""
        return self.count_connections()

    def arm(self, fault: str | FaultSpec) -> FaultSpec:
        """Arm a fault of either kind.

        Raises:
            ConfigError: No such fault.
            ValueError: A content fault, and data has already been asked for.
        """
        spec = FaultSpec.parse(fault) if isinstance(fault, str) else fault
        require_known(spec, self.known_faults())
        if spec.name not in self.content_faults:
            return self.faults.arm(spec)
        with self._arming:
            if self.requests:
                raise ValueError(f"{spec.name} shapes the data: arm it before the first request, or in the settings")
            self.content[spec.name] = spec
            self.content_changed()
        return spec

    def content_changed(self) -> None:  # noqa: B027 - only a vendor with content faults has anything to do
        """Forget data made before `content` changed."""

    def error_response(self, status: int) -> Response:
        """Give the body and headers of an injected error; a vendor overrides this with its own form."""
        waits = status in (423, 429, 503)
        headers = {"Retry-After": str(self.settings.retry_after_secs)} if waits else None
        return JSONResponse({"error": f"injected {status}"}, status_code=status, headers=headers)

    def identities(self) -> set[tuple[str, ...]]:
        """Give the identities of all records available now."""
        return {record.identity for record in self.truth(values=False) if record.kind == "record"}

    def state(self) -> dict[str, Any]:
        """Give the vendor's own state for the admin endpoint, as JSON."""
        return {}

    @abstractmethod
    def routes(self) -> Sequence[BaseRoute]:
        """Give the vendor's routes."""

    @abstractmethod
    def truth(self, *, values: bool = True) -> Iterator[TruthRecord]:
        """Give, lazily, everything the vendor holds now; without `values` only what names it, which is much faster."""

    @abstractmethod
    def options(self, url: str) -> dict[str, Any]:
        """Give the connector's options for reading everything this simulator holds at `url`."""

    @abstractmethod
    def identity_of(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Give the truth's identity of a published record, told by the schema's columns."""

    @abstractmethod
    def hint(self, url: str) -> str:
        """Tell an operator how to point a connector at `url`."""
