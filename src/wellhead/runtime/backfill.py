"""Gives what a backfill is and how narrow a lane it may take; never runs one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from wellhead.api import Stream
from wellhead.config.deployment import LoadedConnector
from wellhead.errors import PermanentError
from wellhead.recovery.aim import iso

HEADER = "wellhead.backfill"
"""Name of the header that a backfill's records carry; its value is the backfill's id."""
OUTSIDE = "outside the backfill"
"""Why a record that was read is left out."""
SHARE = 0.2
LEAST_SHARE = 0.01
# However long the live stream's interval is, it waits for no more than so long, and the answer under way.
SLICE_MAX_SECS = 15.0
_CRON_INTERVAL_SECS = 60.0
_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")


@dataclass(frozen=True, slots=True)
class Backfill:
    """A bounded reading of one stream, beside the live one.

    Attributes:
        id: Names it, among those of its connector, in cursors, transactional ids and record headers.
        stream: The stream's name.
        tenant: Whose data.
        from_ms: Epoch ms of the first event time it gives.
        to_ms: Epoch ms of the first it does not give.
        share: How much of the time, and of the connector's calls, it may take, at least 0.01 and at most 1.
    """

    id: str
    stream: str
    tenant: str
    from_ms: int
    to_ms: int
    share: float = SHARE

    def as_json(self) -> dict[str, Any]:
        """Give it as flat JSON."""
        return asdict(self)

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> Backfill:
        """Give what `as_json` told, which may stand among other things.

        Raises:
            KeyError, TypeError, ValueError: It is none.
        """
        return cls(
            str(told["id"]),
            str(told["stream"]),
            str(told["tenant"]),
            int(told["from_ms"]),
            int(told["to_ms"]),
            float(told["share"]),
        )

    def __str__(self) -> str:
        return f"{self.id}: {self.stream} of {self.tenant} from {iso(self.from_ms)} to {iso(self.to_ms)}"


def named(stream: str, tenant: str, from_ms: int, to_ms: int) -> str:
    """Give the id of a backfill that is not told one: asked for twice, it is the same backfill.

    >>> named("access_log", "acme", 1767225600000, 1767229200000)
    'access_log-acme-20260101T000000Z-20260101T010000Z'
    """
    first, last = (datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ") for at_ms in (from_ms, to_ms))
    return re.sub(r"[^A-Za-z0-9_.-]", "_", f"{stream}-{tenant}-{first}-{last}")[-128:]


def planned(
    loaded: LoadedConnector, stream: str, from_ms: int, to_ms: int, *, now_ms: int, share: float = SHARE, name: str = ""
) -> Backfill:
    """Give the backfill of one stream of a connector.

    Raises:
        PermanentError: There cannot be one.
    """
    found = next((each for each in loaded.streams if each.name == stream), None)
    if found is None:
        known = ", ".join(each.name for each in loaded.streams)
        raise PermanentError(f"connector {loaded.name} has no stream {stream!r}; it has {known}")
    if from_ms >= to_ms:
        raise PermanentError(f"the backfill ends at {iso(to_ms)}, which is not after its beginning, {iso(from_ms)}")
    if to_ms > now_ms:
        raise PermanentError(f"the backfill ends at {iso(to_ms)}, which is in the future; it is {iso(now_ms)} now")
    if not LEAST_SHARE <= share <= 1:
        raise PermanentError(f"a share is at least {LEAST_SHARE} and at most 1, such as {SHARE}; {share:g} is not")
    tenant = loaded.settings.tenant
    made = Backfill(name or named(stream, tenant, from_ms, to_ms), stream, tenant, from_ms, to_ms, share)
    if not _ID.fullmatch(made.id):
        raise PermanentError("the id of a backfill has 1 to 128 letters, digits, dots, hyphens and underscores")
    begin(loaded, found, made)
    return made


def able(loaded: LoadedConnector) -> list[str]:
    """Give the streams of a connector that can be backfilled."""
    return [stream.name for stream in loaded.streams if stream.since is not None and stream.time is not None]


def begin(loaded: LoadedConnector, stream: Stream, backfill: Backfill) -> Any:
    """Give the cursor at which `backfill` begins.

    Raises:
        PermanentError: The stream cannot be read between two times.
    """
    if stream.since is None or stream.time is None:
        instead = (
            "It keeps a state, which a reset reads anew: see 'wellhead offsets plan --to-earliest'"
            if stream.cleanup == "compact"
            else "Its source would have to say how: see Stream.since in the author's guide"
        )
        raise PermanentError(f"stream {stream.name} of connector {loaded.name} cannot be read between two times. {instead}")
    return stream.since(loaded.config, backfill.from_ms, backfill.to_ms)


def slice_secs(loaded: LoadedConnector, stream: Stream, share: float) -> float:
    """Give how long a backfill may ask before it lets the live stream through: a share of the interval, and never long."""
    settings = loaded.settings
    interval_secs = settings.poll_interval_secs or (_CRON_INTERVAL_SECS if settings.poll_cron else stream.interval_secs)
    return min(SLICE_MAX_SECS, share * interval_secs)


def narrowed(loaded: LoadedConnector, stream: Stream, share: float) -> LoadedConnector:
    """Give the connector with settings for a backfill of `stream`: a share of its pace and budget, behind live calls."""
    http = loaded.settings.http
    daily = http.budget_calls_per_day
    narrow = http.model_copy(
        update={
            "budget_class": "backfill",
            "interval_secs": http.interval_secs / share,
            "budget_calls_per_day": None if daily is None else max(1, int(daily * share)),
            "budget_reserve": int(http.budget_reserve * share),
        }
    )
    slices = {"http": narrow, "run_max_secs": slice_secs(loaded, stream, share), "run_max_batches": None}
    return replace(loaded, settings=loaded.settings.model_copy(update=slices))
