"""Takes the cursor and what a page held, gives the cursor behind it and what of the page is to be published; never asks the vendor anything.

The vendor shows a hit some time after it happened, at most `late_secs` later. So every pass reads again all seconds that were not that long
past when they were read last, up to now; what is left behind is *settled*. What a pass reads again is known by the digests in the
cursor. Where these do not reach back so far, because there are too many, a pass reads only what they cover, and from time to time one is *deep*:
it reads all that is not settled, and the runtime leaves out what stands in the topic.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.wallarm.known import Known, digest, read, written
from connectors.wallarm.position import WallarmCursor


@dataclass(frozen=True, slots=True)
class Rules:
    """How passes are made.

    Attributes:
        late_s: How many seconds after its time a record may be shown first.
        deep_interval_s: Seconds between two deep passes at least.
        most: How many digests a cursor holds.
    """

    late_s: int
    deep_interval_s: int
    most: int


def first(start_s: int, clients: Iterable[int]) -> WallarmCursor:
    """Give the cursor of a first run, which reads from `start_s` on."""
    ids = _ids(clients)
    return WallarmCursor(settled_s=start_s - 1, front_s=start_s - 1, known_from_s=start_s, clients=ids)


def begin(cursor: WallarmCursor, to_s: int) -> WallarmCursor:
    """Give the cursor of a pass up to `to_s` that has just begun."""
    unsettled_s = cursor.settled_s + 1
    covered = cursor.known_from_s <= unsettled_s
    from_s = unsettled_s if covered or cursor.deep else min(cursor.known_from_s, cursor.front_s + 1)
    changes: dict[str, Any] = {"from_s": from_s, "to_s": max(to_s, cursor.front_s, from_s), "client": None, "pos_s": from_s}
    if cursor.deep:
        changes |= {"deep_s": to_s, "replay_s": from_s}
    return cursor.model_copy(update=changes)


def join(cursor: WallarmCursor, from_s: int) -> WallarmCursor:
    """Give the cursor of a pass that brings added clients up to the others; it always asks the topic, since they may have been read before."""
    from_s = min(from_s, cursor.front_s)
    changes: dict[str, Any] = {"from_s": from_s, "to_s": cursor.front_s, "joining": True, "client": None, "pos_s": from_s}
    return cursor.model_copy(update=changes | {"replay_s": from_s, "deep": False})


def restarted(cursor: WallarmCursor, at_s: int) -> WallarmCursor:
    """Give the cursor that goes on at a second behind all that was read."""
    return first(at_s, cursor.client_ids).model_copy(update={"end_s": cursor.end_s})


class Passing:
    """One pass, or the rest of one.

    Args:
        cursor: Its cursor as `begin` or `join` made it, or as it was committed in the middle of the pass.
        rules: How passes are made.
        clients: The clients the config names.

    Attributes:
        cursor: The cursor behind what was given so far.
    """

    def __init__(self, cursor: WallarmCursor, rules: Rules, clients: Iterable[int]) -> None:
        self.cursor = cursor
        self._rules = rules
        self._clients = frozenset(clients)
        self.from_s, self.to_s = cursor.from_s or 0, cursor.to_s or 0
        fresh = cursor.client is None
        pairs = list(read(cursor.known))
        self._old = {one for _, one in pairs}
        """What was published before this pass, as far as it is known; it stands until the pass is over."""
        self._old_pairs = pairs
        # A pass meets everything behind its first second again, so what it collects misses nothing from there on.
        whole_from_s = self.from_s if fresh and not cursor.joining else cursor.known_from_s
        self._new = Known(whole_from_s, rules.most)
        self._new.update(pairs)
        self._ties: dict[bytes, int] = {}
        # Known by the topic alone is what earlier passes gave behind the first second; and what this one gave, until it is past that.
        self._replayed = cursor.replay_s is not None and cursor.front_s >= self.from_s
        self._replayed_to_s = None if cursor.replay_s is None or fresh else cursor.pos_s

    def to_read(self) -> list[tuple[int, int]]:
        """Give the clients this pass still has to read, each with the second to begin at."""
        at = self.cursor.client
        if self.cursor.joining:
            left = sorted(self._clients - self.cursor.client_ids)
        else:
            left = sorted(client for client in self._clients & self.cursor.client_ids if at is None or client >= at)
        pos_s = self.from_s if self.cursor.pos_s is None else self.cursor.pos_s
        return [(client, pos_s if client == at else self.from_s) for client in left]

    def enter(self, client: int, pos_s: int) -> None:
        """Begin with the next client."""
        if client != self.cursor.client:
            self._replayed_to_s = None
        self._ties = {}
        self.cursor = self.cursor.model_copy(update={"client": client, "pos_s": pos_s})

    def leave(self, client: int) -> None:
        """Have done with a client; one that was added stands with the others from now on."""
        if self.cursor.joining:
            self.cursor = self.cursor.model_copy(update={"clients": _ids({*self.cursor.client_ids, client})})

    def fresh(self, names: Sequence[str], seconds: Sequence[int]) -> list[bool]:
        """Say of each record of a page whether it is to be published, and remember it."""
        found = []
        for name, second in zip(names, seconds, strict=True):
            one = digest(name)
            found.append(one not in self._ties and one not in self._old)
            self._ties[one] = second
            self._new.add(second, one)
        return found

    def at(self, pos_s: int) -> WallarmCursor:
        """Give the cursor behind a page: the client's next page begins at `pos_s`."""
        self._ties = {one: second for one, second in self._ties.items() if second >= pos_s}
        needed = [*self._old_pairs, *((second, one) for one, second in self._ties.items())]
        changes: dict[str, Any] = {"pos_s": pos_s, "replay_s": self._replay_s(pos_s, len(needed))}
        together = {one for _, one in needed} | self._new.digests()
        if len(together) <= self._rules.most:
            changes |= {"known": written([*needed, *self._new]), "known_from_s": self._new.from_s}
        else:
            # What has no room is read again once this pass is over, and the topic then says what is published.
            known = "" if len(needed) > self._rules.most else written(needed)
            changes |= {"known": known, "known_from_s": self.to_s + 1}
        self.cursor = self.cursor.model_copy(update=changes)
        return self.cursor

    def _replay_s(self, pos_s: int, needed: int) -> int | None:
        if self.cursor.deep or self.cursor.joining or self._replayed:
            return self.from_s
        if self._replayed_to_s is not None and pos_s <= self._replayed_to_s:
            return pos_s
        if needed <= self._rules.most:
            return None
        # Where no earlier pass has come so far, only what this one has just given can come twice.
        return pos_s if self.cursor.front_s < self.from_s else self.from_s

    def over(self) -> WallarmCursor:
        """Give the cursor behind the whole pass."""
        cursor = self.cursor
        settled_s, front_s = cursor.settled_s, max(cursor.front_s, self.to_s)
        if not cursor.joining and self.from_s <= settled_s + 1:
            # What happened within a second may be shown until the end of the one in which it is too late.
            settled_s = max(settled_s, self.to_s - self._rules.late_s - 1)
        self._new.forget_before(settled_s + 1)
        known_from_s = min(self._new.from_s, front_s + 1)
        since_s = None if cursor.deep_s is None else self.to_s - cursor.deep_s
        due = since_s is None or since_s >= self._rules.deep_interval_s
        deep = cursor.end_s is None and known_from_s > settled_s + 1 and due
        done: dict[str, Any] = dict.fromkeys(("from_s", "to_s", "client", "pos_s"))
        self.cursor = cursor.model_copy(
            update=done
            | {
                "settled_s": settled_s,
                "front_s": front_s,
                "clients": _ids(cursor.client_ids & self._clients),
                "known": written(self._new),
                "known_from_s": known_from_s,
                "joining": False,
                "deep": deep,
                "replay_s": settled_s + 1 if deep else None,
            }
        )
        return self.cursor


def _ids(clients: Iterable[int]) -> str:
    return " ".join(map(str, sorted(clients)))
