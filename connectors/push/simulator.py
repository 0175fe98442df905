"""Takes settings, gives a server that pushes events as SSE, JSON lines, long poll or WebSocket, never shares code with the source.

What is modelled: channels of events made by rule, resuming after a named event, what is kept and forgotten, signs of life, every liberty that the
text of SSE gives, and the ways in which such a stream dies without saying so. What the server sees of its clients is kept: who is there, and since when no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from starlette.routing import BaseRoute, Route, WebSocketRoute

from connectors.push.simulation.gate import GATE_FAULTS, MOVED, Gate
from connectors.push.simulation.ledger import Ledger
from connectors.push.simulation.longpoll import LongPoll
from connectors.push.simulation.rule import CONTENT_FAULTS, Rule
from connectors.push.simulation.settings import Settings
from connectors.push.simulation.sockets import Sockets
from connectors.push.simulation.streaming import STREAM_FAULTS, Streaming
from connectors.push.simulation.truth import truth_of
from connectors.push.simulation.watch import Watch
from connectors.push.simulation.wire import LinesWire, SseWire, Wire
from wellhead import PermanentError, TemporaryError
from wellhead.testing.simulator import Clock, Rehearsal, Simulator, WellheadError
from wellhead.testing.truth import TruthRecord

__all__ = ["CONFORMANCE", "DEMO", "PushSimulator", "Settings", "create"]

CONFORMANCE = Rehearsal(
    {"events": 400, "ends": True, "client_max_bytes": 2_048, "large_bytes": 4_096},
    # So that there are many places to resume from.
    {"batch_max_bytes": 4_096},
)
DEMO = Rehearsal({"events": 10_000, "ends": True, "faults": ("reset:3", "http_503:2@3", "cut_body:1@5", "overlap:1@6")})
PATHS = {"sse": "sse", "ndjson": "ndjson", "long_poll": "poll", "websocket": "ws"}


class PushSimulator(Simulator):
    """One push server, for one token."""

    name: ClassVar[str] = "push"
    vendor_faults: ClassVar[Mapping[str, str]] = {**GATE_FAULTS, **STREAM_FAULTS}
    content_faults: ClassVar[Mapping[str, str]] = CONTENT_FAULTS
    outcomes: ClassVar[Mapping[str, type[WellheadError]]] = {
        **{f"http_{status}": PermanentError for status in (400, 401, 403, 404)},
        **{f"http_{status}": TemporaryError for status in (429, 500, 502, 503, 504)},
        **dict.fromkeys(("cut_body", "reset"), TemporaryError),
        **dict.fromkeys(("wrong_type", "redirect_away"), PermanentError),
    }
    passing_faults: ClassVar[Sequence[str]] = (
        *(name for name, error in outcomes.items() if error is not PermanentError),
        *("slow", "overlap", "redirect", "no_content"),
    )
    settings: Settings

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self._ledger: Ledger | None = None
        self.watch = Watch()
        super().__init__(settings, clock=clock)
        self.start_ms = self.clock.now_ms()

    @property
    def ledger(self) -> Ledger:
        """What the channels hold."""
        if self._ledger is None:
            self._ledger = Ledger(self.settings, self._rule(), self.start_ms, self.clock.now_ms)
        return self._ledger

    def content_changed(self) -> None:
        if self._ledger is not None:
            self._ledger.rule = self._rule()

    def _rule(self) -> Rule:
        return Rule(self.settings, self.start_ms, self.content)

    def publish(self, count: int = 1, channel: str | None = None) -> None:
        """Add events to a channel, or to every one; they are sent at once."""
        self.ledger.publish(count, channel)

    def routes(self) -> Sequence[BaseRoute]:
        settings, ledger, faults, watch = self.settings, self.ledger, self.faults, self.watch
        gate = Gate(settings, ledger, faults)

        def streaming(protocol: str, wire: Callable[[str], Wire]) -> Streaming:
            return Streaming(
                protocol,
                wire,
                settings=settings,
                ledger=ledger,
                gate=gate,
                faults=faults,
                watch=watch,
                reset=self._reset,
            )

        apps: dict[str, Streaming | LongPoll] = {
            "sse": streaming("sse", lambda seed: SseWire(plain=settings.plain, seed=seed)),
            "ndjson": streaming("ndjson", lambda _: LinesWire()),
            "poll": LongPoll(settings, ledger, gate, faults, watch),
        }
        sockets = Sockets(settings, ledger, gate, faults, watch)
        return [
            *(Route(f"{before}/{path}/{{channel}}", app) for path, app in apps.items() for before in ("", MOVED)),
            WebSocketRoute("/ws/{channel}", sockets.serve),
        ]

    def _reset(self, client: tuple[str, int]) -> None:
        self.reset_connection(client)

    def truth(self, *, values: bool = True) -> Iterator[TruthRecord]:
        return truth_of(self.settings, self.ledger, values=values)

    def identity_of(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        return (str(record["channel"]), record["id"] or "")

    def state(self) -> dict[str, Any]:
        return {"start_ms": self.start_ms, **self.watch.state()}

    def options(self, url: str) -> dict[str, Any]:
        settings = self.settings
        base = f"{url.replace('http', 'ws', 1) if settings.protocol == 'websocket' else url}/{PATHS[settings.protocol]}"
        many = settings.channels > 1
        given: dict[str, Any] = {
            "url": f"{base}/{{channel}}" if many else f"{base}/{settings.names[0]}",
            **({"channels": list(settings.names)} if many else {}),
            "protocol": settings.protocol,
            "token": settings.token,
            "time_field": "time",
            "heartbeat_secs": settings.heartbeat_secs,
            "event_max_bytes": settings.client_max_bytes,
        }
        if settings.protocol != "sse":
            given |= {"id_field": "id", "event_field": "kind"}
        if settings.protocol == "long_poll":
            given |= {"items_field": "events", "position_field": "next", "heartbeat_secs": max(1.0, settings.hold_secs)}
        return given

    def hint(self, url: str) -> str:
        options = self.options(url)
        if self.settings.token != Settings().token:
            # Only the invented default may be shown: a token given on the command line may be a real one (I6).
            options |= {"token": "(the one given)"}
        return "\n".join(f"{name}: {value}" for name, value in {"connector.class": self.name, **options}.items())


def create(settings: Settings, *, clock: Clock | None = None) -> PushSimulator:
    """Give a push server with these settings; time is the machine's unless a clock is given."""
    return PushSimulator(settings, clock=clock)
