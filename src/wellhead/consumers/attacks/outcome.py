"""Takes the answer to a step and its hits, gives what is written of it: state, documents, events; writes nothing itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from wellhead.consumers.attacks.documents import Documents, attack_document, attack_documents, hit_documents
from wellhead.consumers.attacks.hits import Hits
from wellhead.consumers.attacks.rules import RuleSet
from wellhead.consumers.attacks.script import Answer
from wellhead.kafka.messages import Headers
from wellhead.telemetry.attacks import EventKind


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one step of one partition has made.

    Attributes:
        state: Names and JSON of the parts of the state that changed.
        attacks: Documents of the attacks that changed.
        hits: Documents of the hits.
        events: Rows of the events' schema.
        kinds: How many events there are, by their kind.
    """

    state: Mapping[str, bytes]
    attacks: Documents
    hits: Documents
    events: Sequence[dict[str, Any]]
    kinds: Mapping[EventKind, int]


def outcome_of(
    answer: Answer, hits: Hits, batch: pa.RecordBatch, headers: Sequence[Headers], rules: RuleSet, *, epoch: int
) -> Outcome:
    """Give what a step has made.

    Args:
        answer: Redis's answer.
        hits: The hits it was asked about.
        batch: The records they came from.
        headers: What goes on from each of these records to the documents made of it.
        rules: What they were grouped by.
        epoch: That of the partition's state.
    """
    told = {
        name[2:]: attack_document(name[2:], orjson.loads(value), rules, epoch)
        for name, value in answer.changed.items()
        if name.startswith("a:")
    }
    events = _events(answer, told)
    kept = batch if not hits.bad else batch.take(pa.array(hits.kept, pa.int64()))
    after = [offset + 1 for offset in hits.columns["o"]]
    onward = [headers[row] for row in hits.kept]
    documents = (
        hit_documents(kept, answer.attacks, after, onward, rules, epoch=epoch) if after else Documents((), (), (), (), ())
    )
    attacks = attack_documents(list(told.values()), dict(zip(answer.attacks, onward, strict=True)))
    return Outcome(answer.changed, attacks, documents, events, Counter(event["kind"] for event in events))


def _events(answer: Answer, told: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Give the events in their order: an attack is opened before anything else becomes of it, and merged or closed in the end."""
    otherwise = {*answer.opened, *answer.merged, *answer.closed}
    updated = [name for name in told if name not in otherwise]
    named = [("opened", answer.opened), ("updated", updated), ("merged", answer.merged), ("closed", answer.closed)]
    return [{**told[name], "kind": kind, "attack_id": name} for kind, names in named for name in names]
