"""Takes documents that were found, gives what became of each in the target; a newer one there always stays."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from wellhead.migration.copy.cap import Pause
from wellhead.migration.copy.gate import AdaptiveGate
from wellhead.migration.copy.tally import Tally, reasons_of
from wellhead.migration.copy.translate import Found, Translator, Untranslatable
from wellhead.search.actions import LINE_BYTES, Action, Refused
from wellhead.search.store import SearchStore

_FIRST_PAUSE_SECS = 0.25
_LONGEST_PAUSE_SECS = 15.0
_BAD_REQUEST = 400


class Stopped(Exception):  # noqa: N818 - says what happened
    """The process ends; what was under way is written again by whoever goes on."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a page.

    Attributes:
        tally: The counts.
        refused: What neither mapping nor store takes.
    """

    tally: Tally
    refused: list[Refused]


class Target:
    """Writes pages to a store, as many at a time as it takes.

    Args:
        store: The store.
        translators: What becomes of a document, by kind.
        gate: How many bulks may be under way.
        pause: How to wait before the store is asked again.
        chance: 0 to 1, spreads those who wait.
    """

    def __init__(
        self,
        store: SearchStore,
        translators: Mapping[str, Translator],
        gate: AdaptiveGate,
        pause: Pause,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._translators = translators
        self._gate = gate
        self._pause = pause
        self._chance = chance

    def write(self, found: Sequence[Found], leaving: Callable[[], bool] = lambda: False) -> Written:
        """Translate and write; returns when each document is written, there already, or refused.

        Args:
            found: The documents.
            leaving: Whether to give up while the store has no room: whoever goes on writes the page again.

        Raises:
            Stopped: The process ends, or `leaving` says so.
            TemporaryError: The store is away.
            PermanentError: It refuses the rights.
        """
        actions, refused = self._translated(found)
        newest = _newest(actions)
        tally = Tally(newer=len(actions) - len(newest))
        for bulk in _bulks(newest, self._store.settings.bulk_max_docs, self._store.settings.bulk_max_bytes):
            written = self._bulk(bulk, leaving)
            tally, refused = tally.plus(written.tally), refused + written.refused
        reasons = reasons_of(each.reason for each in refused)
        return Written(tally.plus(Tally(refused=len(refused), reasons=reasons)), refused)

    def _translated(self, found: Sequence[Found]) -> tuple[list[Action], list[Refused]]:
        actions: list[Action] = []
        refused: list[Refused] = []
        for each in found:
            translator = self._translators.get(each.kind)
            reason = f"it is none of {', '.join(sorted(self._translators))}" if translator is None else ""
            try:
                if translator is not None:
                    actions.append(translator.action(each))
            except Untranslatable as error:
                reason = str(error)
            if reason:
                refused.append(Refused(Action(each.place, each.id, _raw(each), each.version), _BAD_REQUEST, reason))
        return actions, refused

    def _bulk(self, actions: list[Action], leaving: Callable[[], bool]) -> Written:
        """Write one bulk; what the store has no room for is sent again until it has."""
        tally, refused, waiting, tries = Tally(), list[Refused](), actions, 0
        known: list[Action] = []
        while waiting:
            with self._gate.turn() as turn:
                answer = self._store.bulk(waiting)
                turn.secs, turn.busy = answer.secs, bool(answer.busy)
            refused += answer.refused
            known += answer.known
            tally = tally.plus(Tally(copied=answer.done, there=answer.stale))
            waiting = answer.busy
            if waiting and (leaving() or self._pause(self._backoff_secs(tries)) or leaving()):
                raise Stopped
            tries += 1
        sent = sum(len(action.source) for action in actions)
        if known:
            # Only those: what this bulk has just written may meanwhile be replaced by a mirrored write, and was copied all the same.
            newer = self._newer(known)
            tally = tally.plus(Tally(there=-newer, newer=newer))
        return Written(tally.plus(Tally(bytes=sent)), refused)

    def _backoff_secs(self, tries: int) -> float:
        return float(min(_LONGEST_PAUSE_SECS, _FIRST_PAUSE_SECS * 2**tries) * (0.5 + self._chance() / 2))

    def _newer(self, actions: Sequence[Action]) -> int:
        """Count those of which the target holds a newer version than the one offered."""
        docs = [{"_index": action.index, "_id": action.id, "_source": False} for action in actions]
        if self._store.about().dialect.typed:
            docs = [{**doc, "_type": "_doc"} for doc in docs]
        answer = self._store.call("POST", "/_mget", body={"docs": docs}, doing="cannot compare versions")
        pairs = zip(actions, answer["docs"], strict=True)
        return sum(found.get("found", False) and found["_version"] > (action.version or 0) for action, found in pairs)


def _raw(found: Found) -> bytes:
    return found.content if isinstance(found.content, bytes) else orjson.dumps(found.content, default=str)


def _newest(actions: Sequence[Action]) -> list[Action]:
    """Leave out what a later, higher version of the same document replaces."""
    held: dict[tuple[str, str], Action] = {}
    for action in actions:
        known = held.get((action.index, action.id))
        if known is None or (action.version or 0) > (known.version or 0):
            held[(action.index, action.id)] = action
    return list(held.values())


def _bulks(actions: Sequence[Action], most_docs: int, most_bytes: int) -> Iterator[list[Action]]:
    held: list[Action] = []
    weight = 0
    for action in actions:
        size = len(action.source) + len(action.index) + len(action.id) + LINE_BYTES
        if held and (len(held) >= most_docs or weight + size > most_bytes):
            yield held
            held, weight = [], 0
        held.append(action)
        weight += size
    if held:
        yield held
