"""Takes what somebody wants read again and what Kafka knows, gives what that would be and cost; never begins it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wellhead.config.deployment import LoadedConnector
from wellhead.config.worker import WorkerSettings
from wellhead.errors import PermanentError
from wellhead.kafka.consumer import read_to_end
from wellhead.kafka.offsets import offset_key
from wellhead.kafka.settings import consumer_config
from wellhead.recovery.aim import iso
from wellhead.recovery.forecast import Run
from wellhead.recovery.known import Known, look_up
from wellhead.runtime.backfill import HEADER, SHARE, Backfill, able, planned, slice_secs
from wellhead.storage.cursors import OffsetsTopic

TWICE = (
    f"what the topic holds of this span already comes again, each record marked by the header {HEADER}: "
    "consumers see those twice, unless they pass over what they know"
)
_HOUR_MS = 3_600_000
ONCE = "records are keyed: what stands already stands once, with the newest state"


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants read again.

    Attributes:
        from_ms: Epoch ms of the first event time.
        to_ms: Epoch ms of the first that is left out.
        streams: Which streams; all that can where none is named.
        tenants: Whose data; all tenants' where none is named.
        share: How much of the time and calls it may take.
        id: Its name, for one stream of one tenant; empty makes one of the span.
    """

    from_ms: int
    to_ms: int
    streams: Sequence[str] = ()
    tenants: Sequence[str] = ()
    share: float = SHARE
    id: str = ""


def backfills_of(loaded: Sequence[LoadedConnector], asked: Asked, now_ms: int) -> list[tuple[LoadedConnector, Backfill]]:
    """Give the backfills that `asked` means, one for each stream and tenant.

    Raises:
        PermanentError: There is no such stream or tenant, it cannot be read between two times, or the times make no span.
    """
    name = loaded[0].name
    tenants = [each.settings.tenant for each in loaded]
    strange = [tenant for tenant in asked.tenants if tenant not in tenants]
    if strange:
        raise PermanentError(f"connector {name} has no tenant {strange[0]!r}; it has {', '.join(tenants)}")
    made = []
    for each in loaded:
        if not asked.tenants or each.settings.tenant in asked.tenants:
            streams = asked.streams or able(each) or [stream.name for stream in each.streams]
            for stream in dict.fromkeys(streams):
                backfill = planned(
                    each, stream, asked.from_ms, asked.to_ms, now_ms=now_ms, share=asked.share, name=asked.id
                )  # fmt: skip
                made.append((each, backfill))
    if asked.id and len(made) > 1:
        raise PermanentError(f"an id names one backfill, and {len(made)} are meant: name a stream and a tenant")
    return made


def plan(worker: WorkerSettings, loaded: Sequence[LoadedConnector], asked: Asked, now_ms: int) -> dict[str, Any]:
    """Tell what the backfills would do; blocking.

    Raises:
        PermanentError: They cannot be made.
        TemporaryError: The broker cannot be reached.
    """
    chosen = backfills_of(loaded, asked, now_ms)
    known = look_up(worker, loaded[0].name)
    stands = standing(worker, loaded[0].name, [backfill for _, backfill in chosen])
    return {
        "connector": loaded[0].name,
        "backfills": [
            _told(each, backfill, known, stands[backfill.id], now_ms) for each, backfill in chosen
        ],
    }  # fmt: skip


def standing(worker: WorkerSettings, connector: str, backfills: Sequence[Backfill]) -> dict[str, str]:
    """Give how far each backfill is by its cursor: `new`, `begun` or `done`; blocking."""
    topic = OffsetsTopic()
    read_to_end(consumer_config(worker), worker.offset_storage_topic, topic.fold)
    return {backfill.id: stands(topic, connector, backfill) for backfill in backfills}


def stands(topic: OffsetsTopic, connector: str, backfill: Backfill) -> str:
    """Give how far a backfill is by what the offsets topic holds."""
    partition = {"stream": backfill.stream, "tenant": backfill.tenant, "backfill": backfill.id}
    stored = topic.find(connector, partition).stored
    if stored is None:
        return "new"
    return "begun" if stored.run_open else "done"


def partition_key(connector: str, backfill: Backfill) -> bytes:
    """Give the key of a backfill's cursor."""
    return offset_key(connector, {"stream": backfill.stream, "tenant": backfill.tenant, "backfill": backfill.id})


def _told(loaded: LoadedConnector, backfill: Backfill, known: Known, stands_at: str, now_ms: int) -> dict[str, Any]:
    stream = next(each for each in loaded.streams if each.name == backfill.stream)
    runs = known.runs_of({"stream": backfill.stream, "tenant": backfill.tenant})
    hours = (backfill.to_ms - backfill.from_ms) / 3_600_000
    return {
        **backfill.as_json(),
        "from": iso(backfill.from_ms),
        "to": iso(backfill.to_ms),
        "hours": round(hours, 2),
        "stands": stands_at,
        "expected": _expected(runs, backfill, now_ms),
        "duplicates": ONCE if stream.key and stream.cleanup == "compact" else TWICE,
        "live": f"the live stream goes first; a poll of it waits at most {slice_secs(loaded, stream, backfill.share):g} s "
        "and the answer under way for the backfill",
    }


def _expected(runs: Sequence[Run], backfill: Backfill, now_ms: int) -> dict[str, Any]:
    """Tell what the span takes if the vendor's data came as it came to the live runs on record."""
    unknown = {"records": None, "api_calls": None}
    live = runs[1:]  # the first run on record may have read history, which says nothing of a rate
    if not live:
        return {**unknown, "note": "unknown: no run of the live stream after its first is on record"}
    span_ms, over_ms = backfill.to_ms - backfill.from_ms, now_ms - live[0].started_ms
    if over_ms < span_ms:
        hours = max(0, over_ms) / _HOUR_MS
        return {**unknown, "note": f"unknown: the runs on record cover {hours:.1f} h, less than the span that is asked for"}
    times = span_ms / over_ms
    records, calls = (sum(each) for each in zip(*((run.records, run.api_calls) for run in live), strict=True))
    return {
        "records": round(records * times),
        "api_calls": max(1, round(calls * times)),
        "note": f"at the rate of the live stream's {len(live)} runs since {iso(live[0].started_ms)}",
    }
