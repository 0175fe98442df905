"""Takes measures as time goes on, gives what opens, changes and closes, with hysteresis; the same for the same records, however often asked.

Between two snapshots nothing changes, or there would be one. So when a measure has been too large for long enough is known to the
millisecond, whether somebody asked then or the next snapshot came much later, and a replay finds what was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from wellhead.consumers.floods.advice import advise
from wellhead.consumers.floods.findings import Client, Finding, Kind, Reason, Sample, Source, finding_id
from wellhead.consumers.floods.limits import FloodLimits
from wellhead.consumers.floods.measures import Measure

_MS = 1000
_MUCH = 1.5
"""A finding whose count grew by this factor is told at once."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a finding says beside its numbers."""

    members: tuple[str, ...]
    evidence: tuple[Sample, ...]
    clients: int | None = None
    clients_top: tuple[Client, ...] = ()


@dataclass(slots=True)
class _Watch:
    since_ms: int
    measure: Measure
    below_ms: int | None = None
    finding: Finding | None = None


class Watches:
    """Every measure of one gateway and source that is, or was just now, too large.

    Args:
        gateway: Its name.
        source: What the measures are of.
        limits: Gives how long is long enough.
        tell: Gives what stands in a finding beside the numbers, of the connections there are now.
    """

    def __init__(self, gateway: str, source: Source, limits: FloodLimits, tell: Callable[[Measure], Told]) -> None:
        self._gateway = gateway
        self._source = source
        self._limits = limits
        self._tell = tell
        self._watches: dict[tuple[str, str], _Watch] = {}

    def observe(self, time_ms: int, measures: Iterable[Measure]) -> list[Finding]:
        """Take what is measured at `time_ms`; a family of which nothing is said is below."""
        found = {_key(one): one for one in measures}
        for key, one in found.items():
            if one.level == "above" and key not in self._watches:
                self._watches[key] = _Watch(time_ms, one)
        told: list[Finding] = []
        for key, watch in sorted(self._watches.items()):
            now = found.get(key) or replace(watch.measure, level="below", count=0, at_least=0, growth_per_min=None)
            told += self._step(watch, now, time_ms)
        # What was not above until it opened was never a finding, and begins anew.
        self._watches = {key: one for key, one in self._watches.items() if one.finding or one.measure.level == "above"}
        return told

    def _step(self, watch: _Watch, now: Measure, time_ms: int) -> Iterator[Finding]:
        watch.measure = now
        if watch.finding is None:
            return
        watch.below_ms = None if now.level != "below" else time_ms if watch.below_ms is None else watch.below_ms
        last = watch.finding
        due = time_ms - last.time_ms >= self._limits.update_secs * _MS and now.count != last.count
        if watch.below_ms is None and (due or now.count >= last.count * _MUCH):
            yield self._change(watch, "updated", "above", time_ms)

    def advance(self, time_ms: int) -> list[Finding]:
        """Give what opens and closes up to `time_ms` if nothing is measured meanwhile."""
        due = sorted(
            (at, key) for key, watch in self._watches.items() if (at := self._due_ms(watch)) is not None and at <= time_ms
        )
        told = []
        for at, key in due:
            watch = self._watches[key]
            if watch.finding is None:
                told.append(self._change(watch, "opened", "above", at))
            else:
                told.append(self._change(watch, "closed", "below", at))
                del self._watches[key]
        return told

    def _due_ms(self, watch: _Watch) -> int | None:
        if watch.finding is None:
            secs = self._limits.orphan_secs if watch.measure.detector == "orphaned" else self._limits.open_after_secs
            return watch.since_ms + int(secs * _MS)
        return None if watch.below_ms is None else watch.below_ms + int(self._limits.close_after_secs * _MS)

    def silence(self, time_ms: int) -> list[Finding]:
        """Close everything: nothing is known any more."""
        told = [self._change(one, "closed", "silent", time_ms) for _, one in sorted(self._watches.items()) if one.finding]
        self._watches.clear()
        return told

    def _change(self, watch: _Watch, kind: Kind, reason: Reason, time_ms: int) -> Finding:
        now, last, told = watch.measure, watch.finding, self._tell(watch.measure)
        keep = kind == "closed" and last is not None
        watch.finding = Finding(
            id=last.id if last else finding_id(self._gateway, self._source, now.detector, now.family, watch.since_ms),
            gateway=self._gateway,
            source=self._source,
            detector=now.detector,
            family=now.family,
            members=last.members if keep and last else told.members,
            kind=kind,
            reason=reason,
            since_ms=watch.since_ms,
            time_ms=time_ms,
            count=now.count,
            at_least=now.at_least,
            total=now.total,
            share=now.share,
            clients=told.clients,
            clients_top=told.clients_top,
            growth_per_min=now.growth_per_min,
            evidence=last.evidence if keep and last else told.evidence,
            suggestion=last.suggestion if keep and last else advise(now, told.members),
            thresholds=dict(now.thresholds),
            approximate=now.approximate,
            version=last.version + 1 if last else 1,
        )
        return watch.finding

    @property
    def open(self) -> list[Finding]:
        """The findings that are open, as last told."""
        return [one.finding for _, one in sorted(self._watches.items()) if one.finding]

    def kept(self) -> list[Any]:
        """Give all of it as JSON can hold it."""
        return [asdict(one) for _, one in sorted(self._watches.items())]

    def restore(self, kept: Iterable[Mapping[str, Any]]) -> None:
        """Take back what `kept` gave."""
        self._watches.clear()
        for one in kept:
            made = dict(one["measure"])
            made["thresholds"] = tuple((name, value) for name, value in made["thresholds"])
            finding = None if one["finding"] is None else Finding.read(one["finding"])
            measure = Measure(**made)
            self._watches[_key(measure)] = _Watch(one["since_ms"], measure, one["below_ms"], finding)


def _key(measure: Measure) -> tuple[str, str]:
    return measure.detector, measure.family
