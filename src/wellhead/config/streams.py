"""Gives the words of a worker that bound its live connections, such as those of pushed events; never connects to anything."""

from __future__ import annotations

import re

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from wellhead.config.lists import Aliases
from wellhead.config.model import Settings

_OWN_LIMIT = re.compile(r"[^=\s]+=[1-9]\d{0,5}")


class StreamsSettings(Settings):
    """How many live connections a worker holds, to whom and for whom, and what it does where they are too many."""

    streams_max_per_destination: int = Field(
        1000,
        ge=1,
        description="Most live connections (count) of this worker to one host and port; further ones wait, the tenants in turns.",
    )
    streams_max_per_tenant: int = Field(
        1000, ge=1, description="Most live connections (count) of this worker for one tenant of a connector; further ones wait."
    )
    streams_destinations: Aliases = Field(
        (),
        description="Hosts with a limit of their own, as PATTERN=COUNT, such as `*.ticker.example=20`; the first that fits counts.",
    )
    streams_bypass: Aliases = Field(
        (), description="Hosts, as patterns, whose live connections are neither counted nor bounded."
    )
    streams_connects_per_sec: float = Field(
        50, gt=0, description="Most new live connections (count) a second to one destination: after an outage all come at once."
    )
    streams_breaker_failures: int = Field(
        20, ge=1, description="Connections (count) in a row that fail until their destination is left alone for a while."
    )
    streams_breaker_open_secs: float = Field(30, gt=0, description="For how many seconds it is; then a single one tries.")
    streams_memory_high_bytes: int | None = Field(
        None,
        ge=1,
        description="Resident bytes of the process above which its newest live connections are closed, a tenth of them every two seconds, and "
        "none opened until it holds a tenth less; after a minute without more than that one at a time is. Unset = never.",
    )
    streams_files_high: int | None = Field(
        None, ge=1, description="Open files and sockets (count) of the process above which the same is done. Unset = never."
    )

    @field_validator("streams_destinations")
    @classmethod
    def _are_limits(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            if not _OWN_LIMIT.fullmatch(each):
                raise PydanticCustomError("stream_limit", "must be PATTERN=COUNT, such as *.ticker.example=20")
        return value

    def stream_limits(self) -> tuple[tuple[str, int], ...]:
        """Give the hosts with a limit of their own: pattern and count."""
        pairs = (each.rpartition("=") for each in self.streams_destinations)
        return tuple((pattern.lower(), int(count)) for pattern, _, count in pairs)
