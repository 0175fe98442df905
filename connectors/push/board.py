"""Takes the cursor of a stream and what arrives on its channels, gives what to publish and the next cursor; forgets channels that are no more."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import orjson
from pydantic import Field, ValidationError

from connectors.push.events import Arrived
from connectors.push.resume import Place, Standing, Taken
from wellhead import Cursor, PermanentError


class PushCursor(Cursor):
    """Where the channels of a stream stand."""

    positions: str = Field(
        default="{}",
        description="Where each channel stands, by its name, as JSON: `last_event_id` is what the server is asked to go on after.",
    )
    received: int = Field(default=0, ge=0, description="How many events have come since the channels were first read.")
    gap_possible: bool = Field(
        default=False,
        description="Whether events of any channel may have been missed since then: a connection could not go on where the one before "
        "had ended.",
    )
    quiet_until_ms: int | None = Field(
        default=None, description="Epoch ms before which no connection is opened; null while one is open."
    )
    since_ms: int | None = Field(
        default=None,
        description="Epoch ms from which on an event's id is looked for in the topic; null without `look_back_secs`.",
    )

    def replay_from_ms(self) -> int | None:
        return self.since_ms

    def not_before_ms(self) -> int | None:
        return self.quiet_until_ms

    def places(self) -> dict[str, Place]:
        """Give where each channel stands.

        Raises:
            PermanentError: What stands there is none.
        """
        try:
            told = dict(orjson.loads(self.positions))
            return {str(name): Place.model_validate(place) for name, place in told.items()}
        except (ValueError, TypeError, ValidationError):
            raise PermanentError(
                "the cursor's positions cannot be read; mend them, or reset the cursor, with 'wellhead offsets': "
                "after a reset every channel is read from then on"
            ) from None


class Board:
    """Where the channels stand while they are read.

    Args:
        names: The channels.
        cursor: Where they stood; None before the first reading.
        known_events: How many events a channel's place knows.
    """

    def __init__(self, names: Collection[str], cursor: PushCursor | None, known_events: int) -> None:
        places = {} if cursor is None else cursor.places()
        ordered = sorted(names)
        self.places = {name: places[name] for name in ordered if name in places}
        """Where each channel stands that was ever read."""
        self._standing = {name: Standing(self.places.get(name), known_events) for name in ordered}
        self._told = {name: _dumped(name, place) for name, place in self.places.items()}
        self._received = sum(place.received for place in self.places.values())
        self._gap_possible = any(place.gap_possible for place in self.places.values())
        self._positions: str | None = None

    def take(self, arrived: Iterable[tuple[str, Arrived]]) -> dict[str, Taken]:
        """Move on past the arrivals; give what of them is published, by channel."""
        by_channel: dict[str, list[Arrived]] = {}
        for name, each in arrived:
            by_channel.setdefault(name, []).append(each)
        return {name: self._take(name, arrivals) for name, arrivals in by_channel.items()}

    def cursor(self, *, since_ms: int | None, quiet_until_ms: int | None = None) -> PushCursor:
        """Give the cursor that stands here."""
        if self._positions is None:
            self._positions = "{" + ",".join(self._told[name] for name in self._standing if name in self._told) + "}"
        return PushCursor(
            positions=self._positions,
            received=self._received,
            gap_possible=self._gap_possible,
            quiet_until_ms=quiet_until_ms,
            since_ms=since_ms,
        )

    def _take(self, name: str, arrivals: list[Arrived]) -> Taken:
        standing = self._standing[name]
        before = standing.place
        taken = standing.take(arrivals)
        if name not in self.places or standing.place != before:
            self.places[name] = standing.place
            self._told[name] = _dumped(name, standing.place)
            self._received += standing.place.received - before.received
            self._gap_possible = self._gap_possible or standing.place.gap_possible
            self._positions = None
        return taken


def _dumped(name: str, place: Place) -> str:
    return f"{orjson.dumps(name).decode()}:{orjson.dumps(place.model_dump(exclude_defaults=True)).decode()}"
