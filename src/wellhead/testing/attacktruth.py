"""Takes hits in the order of their partition and the words of the rules, gives the attacks they form; shares no code with the grouping it judges.

Everything is held in plain Python objects and nothing is ever forgotten, so it is slow and large, and easy to believe.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

SESSIONS = 500
"""So many sessions of one key are known at once."""


@dataclass
class TrueAttack:
    """What an attack must look like in the end; `into` is the attack it became part of."""

    id: str
    client: Any
    first_ms: int
    last_ms: int
    hits: int = 0
    ips: Counter[str] = field(default_factory=Counter)
    countries: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    blocks: Counter[str] = field(default_factory=Counter)
    values: dict[str, set[Any]] = field(default_factory=dict)
    into: str | None = None
    members: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class TrueHit:
    """A hit as the rules see it: Kafka's time, its own, and its columns."""

    kafka_ms: int
    time_ms: int
    id: str
    record: Mapping[str, Any]


@dataclass
class _Session:
    first_ms: int
    last_ms: int
    touched_ms: int
    attack: str


@dataclass
class _Sender:
    window: list[tuple[int, str]] = field(default_factory=list)
    attack: str | None = None
    first_ms: int = 0
    last_ms: int = 0
    touched_ms: int = 0


class Truth:
    """The attacks of the hits of one partition, given one by one.

    Args:
        base: The base rule's words: `rule`, `version`, `by`, `show`, `gap.secs`.
        burst: Those of the rule for many hits of one sender, or None: also `over`, `within.secs`, `except`.
        late_secs: How much later a hit may come.
        key_text: Gives the text that an id is made of, from the rule's label, the client and the values grouped by.
    """

    def __init__(
        self,
        base: Mapping[str, Any],
        burst: Mapping[str, Any] | None,
        *,
        late_secs: int,
        key_text: Callable[[str, Any, tuple[Any, ...]], str],
    ) -> None:
        self.base, self.burst = base, burst
        rules = [base, *([burst] if burst else [])]
        self.shown = list(
            dict.fromkeys(column for rule in rules for word in ("by", "show", "except") for column in rule.get(word, ()))
        )
        gaps = [base["gap.secs"], *([burst["gap.secs"]] if burst else [])]
        self.retain_ms = (max(gaps) + late_secs) * 1000
        self.attacks: dict[str, TrueAttack] = {}
        self.attack_of: dict[str, str] = {}
        # One is opened again where a hit has the very time of one that was forgotten.
        self.opened: list[str] = []
        self.merged: list[str] = []
        self._key_text = key_text
        self._sessions: dict[str, list[_Session]] = {}
        self._senders: dict[tuple[Any, str], _Sender] = {}
        self._now_ms = 0

    def take(self, hits: Iterable[TrueHit]) -> Truth:
        """Take hits in."""
        for hit in hits:
            self._take(hit)
        return self

    def surviving(self) -> dict[str, TrueAttack]:
        """Give the attacks that are not part of another."""
        return {attack.id: attack for attack in self.attacks.values() if attack.into is None}

    def _take(self, hit: TrueHit) -> None:
        self._now_ms = max(self._now_ms, hit.kafka_ms)
        record, client = hit.record, hit.record["client_id"]
        values = tuple(record.get(column) for column in self.base["by"])
        key = self._key_text(f"{self.base['rule']}.{self.base['version']}", client, values)
        sender = self._sender_of(hit)
        running = sender is not None and self._runs(sender, hit)
        session = self._session(key, hit.time_ms)
        if session is None:
            root = self._root(sender.attack) if running and sender is not None and sender.attack else self._open(key, hit)
            session = _Session(hit.time_ms, hit.time_ms, self._now_ms, root.id)
            known = [each for each in self._sessions.get(key, []) if self._now_ms - each.touched_ms <= self.retain_ms]
            if len(known) >= SESSIONS:
                known.remove(min(known, key=lambda each: each.touched_ms))
            self._sessions[key] = [*known, session]
        session.first_ms, session.last_ms = min(session.first_ms, hit.time_ms), max(session.last_ms, hit.time_ms)
        session.touched_ms = self._now_ms
        self.attack_of[hit.id] = session.attack
        attack = self._root(session.attack)
        if sender is not None and running:
            attack = self._merge(self._root(str(sender.attack)), attack)
            sender.attack = attack.id
            sender.first_ms, sender.last_ms = min(sender.first_ms, hit.time_ms), max(sender.last_ms, hit.time_ms)
        self._count(attack, hit)
        if sender is not None and not running:
            self._crowd(sender, hit, session.attack)

    def _session(self, key: str, time_ms: int) -> _Session | None:
        gap_ms = self.base["gap.secs"] * 1000
        fitting = [
            session
            for session in self._sessions.get(key, [])
            if self._now_ms - session.touched_ms <= self.retain_ms
            and session.first_ms - gap_ms <= time_ms <= session.last_ms + gap_ms
        ]

        def distance(session: _Session) -> tuple[int, int]:
            return max(session.first_ms - time_ms, time_ms - session.last_ms, 0), session.first_ms

        return min(fitting, key=distance, default=None)

    def _open(self, key: str, hit: TrueHit) -> TrueAttack:
        month = datetime.fromtimestamp(hit.time_ms / 1000, UTC).strftime("%Y%m")
        name = f"{month}:{hashlib.sha1(f'{key}|{hit.time_ms}'.encode()).hexdigest()[:24]}"  # noqa: S324 - no secret, a name
        self.attacks[name] = TrueAttack(name, hit.record["client_id"], hit.time_ms, hit.time_ms)
        self.opened.append(name)
        return self.attacks[name]

    def _root(self, name: str) -> TrueAttack:
        attack = self.attacks[name]
        while attack.into is not None:
            attack = self.attacks[attack.into]
        return attack

    def _count(self, attack: TrueAttack, hit: TrueHit) -> None:
        record = hit.record
        attack.hits += 1
        attack.first_ms, attack.last_ms = min(attack.first_ms, hit.time_ms), max(attack.last_ms, hit.time_ms)
        counted = {
            "ip": attack.ips,
            "remote_country": attack.countries,
            "status_code": attack.statuses,
            "block_status": attack.blocks,
        }
        for column, counter in counted.items():
            if record.get(column) is not None:
                counter[str(record[column])] += 1
        for column in self.shown:
            attack.values.setdefault(column, set()).add(record.get(column))

    def _merge(self, one: TrueAttack, two: TrueAttack) -> TrueAttack:
        if one is two:
            return one
        winner, loser = sorted((one, two), key=lambda attack: (attack.first_ms, attack.id))
        winner.hits += loser.hits
        winner.first_ms, winner.last_ms = min(winner.first_ms, loser.first_ms), max(winner.last_ms, loser.last_ms)
        for name in ("ips", "countries", "statuses", "blocks"):
            getattr(winner, name).update(getattr(loser, name))
        for column, values in loser.values.items():
            winner.values.setdefault(column, set()).update(values)
        winner.members |= {loser.id, *loser.members}
        loser.into, loser.hits = winner.id, 0
        self.merged.append(loser.id)
        return winner

    def _sender_of(self, hit: TrueHit) -> _Sender | None:
        ip = hit.record.get("ip")
        if self.burst is None or ip is None:
            return None
        if any(hit.record.get(column) in values for column, values in self.burst.get("except", {}).items()):
            return None
        place = (hit.record["client_id"], ip)
        known = self._senders.get(place)
        if known is None or self._now_ms - known.touched_ms > self.retain_ms:
            self._senders[place] = _Sender()
        self._senders[place].touched_ms = self._now_ms
        return self._senders[place]

    def _runs(self, sender: _Sender, hit: TrueHit) -> bool:
        assert self.burst is not None
        gap_ms = self.burst["gap.secs"] * 1000
        near = sender.first_ms - gap_ms <= hit.time_ms <= sender.last_ms + gap_ms
        return sender.attack is not None and near

    def _crowd(self, sender: _Sender, hit: TrueHit, attack: str) -> None:
        assert self.burst is not None
        sender.attack = None
        sender.window.append((hit.time_ms, attack))
        newest = max(time_ms for time_ms, _ in sender.window)
        sender.window = [entry for entry in sender.window if entry[0] > newest - self.burst["within.secs"] * 1000]
        if len(sender.window) <= self.burst["over"]:
            return
        merged = self._root(sender.window[0][1])
        for _, name in sender.window[1:]:
            merged = self._merge(merged, self._root(name))
        sender.attack = merged.id
        sender.first_ms, sender.last_ms = min(time_ms for time_ms, _ in sender.window), newest
        sender.window = []
