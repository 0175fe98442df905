"""Says where the reading of a stream stands: what is final, what may still get late arrivals, and how far a pass over it has come."""

from __future__ import annotations

from pydantic import Field

from wellhead import Cursor


class WallarmCursor(Cursor):
    """Where the reading of all clients stands, between two passes or within one; all seconds are epoch seconds of the vendor's times."""

    settled_s: int = Field(description="Second up to which everything is read for good: nothing late can come there any more.")
    front_s: int = Field(
        description="Second up to which everything has been read once; what comes late is read again behind `settled_s`."
    )
    clients: str = Field(
        default="", description="Ids of the clients that stand there; one that is added later is read up to it first."
    )
    known: str = Field(
        default="",
        description="Digests of what was published from `known_from_s` on, by second, so that it is known when read again.",
    )
    known_from_s: int = Field(description="Second from which `known` misses nothing.")
    deep: bool = Field(
        default=False, description="Whether the next pass looks back beyond `known`; the topic then says what is published."
    )
    deep_s: int | None = Field(default=None, description="When the last such pass began.")
    from_s: int | None = Field(default=None, description="First second of the pass that is under way; None between two.")
    to_s: int | None = Field(default=None, description="Last second of that pass.")
    joining: bool = Field(default=False, description="Whether that pass reads clients that were added.")
    client: int | None = Field(default=None, description="Client that is being read; those with a lower id are done.")
    pos_s: int | None = Field(default=None, description="Second from which on that client is read next.")
    replay_s: int | None = Field(default=None, description="Second from which on only the topic says what is published.")
    end_s: int | None = Field(
        default=None, description="Last second of a bounded reading, a backfill's; None in normal reading."
    )

    def replay_from_ms(self) -> int | None:
        return None if self.replay_s is None else max(0, self.replay_s) * 1000

    @property
    def under_way(self) -> bool:
        """Whether a pass has begun and is not over."""
        return self.to_s is not None

    @property
    def client_ids(self) -> frozenset[int]:
        """The clients that stand at the front."""
        return frozenset(map(int, self.clients.split()))
