"""Gives the metrics of attack grouping as tables of declarations, each beside the line that reads its value."""

from __future__ import annotations

from typing import Final

from wellhead.telemetry.attacks import ATTACKS, DOCUMENT, STORE, GrouperTally, StoreTally
from wellhead.telemetry.instruments import DurationMetric, Kind
from wellhead.telemetry.partmetrics import PartMetric, by, of_every_part, one

__all__ = ["ATTACKS", "GROUPER_METRICS", "STORE", "STORE_METRICS"]

STEP: Final = "wellhead.step"
EVENT: Final = "wellhead.event"
REASON: Final = "wellhead.reason"

_C, _G = Kind.COUNTER, Kind.GAUGE

GROUPER_METRICS: Final[tuple[PartMetric[GrouperTally], ...]] = (
    PartMetric(
        "wellhead.attacks.hit.count", _C, "{hit}", (), "Hits whose attack is committed, those of a replay among them.",
        lambda tally, _: one(tally.grouped),
    ),
    PartMetric(
        "wellhead.attacks.reject.count", _C, "{hit}", (), "Hits that could not be grouped and became dead letters.",
        lambda tally, _: one(tally.rejects),
    ),
    PartMetric(
        "wellhead.attacks.event.count", _C, "{event}", (EVENT,), "Attacks `opened`, `updated`, `closed` or `merged`.",
        lambda tally, _: by(EVENT, tally.told),
    ),
    PartMetric(
        "wellhead.attacks.open", _G, "{attack}", (), "Attacks Redis holds open; absent until it was asked.",
        lambda tally, _: one(tally.open_now),
    ),
    PartMetric(
        "wellhead.attacks.rebuild.count", _C, "{rebuild}", (REASON,), "Times Redis was filled again from the state topic.",
        lambda tally, _: by(REASON, tally.rebuilds),
    ),
    PartMetric(
        "wellhead.attacks.batch.count", _C, "{batch}", (), "Steps of grouping, one transaction each.",
        lambda tally, _: one(tally.batches),
    ),
    PartMetric(
        "wellhead.attacks.batch.time", _C, "s", (STEP,), "Time all steps took, in `redis`, in the `commit`, and the `rest`.",
        lambda tally, _: by(STEP, tally.step_secs),
    ),
    *of_every_part("wellhead.attacks.group", "Hits", "attacks"),
)  # fmt: skip

STORE_METRICS: Final[tuple[PartMetric[StoreTally], ...]] = (
    PartMetric(
        "wellhead.attacks.store.document.count", _C, "{document}", (DOCUMENT,), "Documents the store took: `attack` or `hit`.",
        lambda tally, _: by(DOCUMENT, tally.documents),
    ),
    PartMetric(
        "wellhead.attacks.store.stale.count", _C, "{document}", (),
        "Documents of which the store already had this version or a newer one.", lambda tally, _: one(tally.stales),
    ),
    PartMetric(
        "wellhead.attacks.store.refuse.count", _C, "{document}", (),
        "Documents the store will never take; they became dead letters.", lambda tally, _: one(tally.refusals),
    ),
    PartMetric(
        "wellhead.attacks.store.retry.count", _C, "{document}", (), "Documents the store was too busy for, sent again.",
        lambda tally, _: one(tally.retries),
    ),
    PartMetric(
        "wellhead.attacks.store.bulk.count", _C, "{request}", (), "Bulk requests.", lambda tally, _: one(tally.bulks),
    ),
    PartMetric(
        "wellhead.attacks.store.bulk.time", _C, "s", (), "Time all bulk requests took.", lambda tally, _: one(tally.bulk_secs),
    ),
    *of_every_part("wellhead.attacks.store", "Documents", "attacks"),
)  # fmt: skip

STORE_LAG: Final = DurationMetric(
    "wellhead.attacks.store.lag.duration", Kind.HISTOGRAM, "s", (DOCUMENT,),
    "From a hit's arrival in Kafka until the store took the document made of it (an attack's: of its last hit), of 50 to 100 documents of "
    "each bulk; what the store took is found after its refresh interval.",
    (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600),
)  # fmt: skip
