"""Takes two sides and what is asked for, compares them in all ways, gives the report; never says equal of what it could not read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from wellhead.clock import Clock
from wellhead.errors import WellheadError
from wellhead.migration.copy.cap import Pause
from wellhead.migration.copy.clients import Client, Clients
from wellhead.migration.copy.mapping import Mapping
from wellhead.migration.verify import samples, tops
from wellhead.migration.verify.asking import Asking, Stopped
from wellhead.migration.verify.cells import Cell, differing
from wellhead.migration.verify.comparing import Comparing, Method, Sizes
from wellhead.migration.verify.findings import Findings, Narrowed, Progress
from wellhead.migration.verify.pair import Pair
from wellhead.migration.verify.report import Report
from wellhead.migration.verify.rereads import Rereads
from wellhead.migration.verify.rules import Rules
from wellhead.migration.verify.settling import Settled, Settling
from wellhead.migration.verify.side import Side
from wellhead.migration.verify.spans import Span

_SUSPECTS_MAX = 20_000


def _nobody(_kind: str, _docs: int, _differences: int) -> None:
    return


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is compared, and how thoroughly.

    Attributes:
        clients: Whose documents.
        span: Of which time.
        method: Whether stores add up, documents are read, or only counted.
        settle_secs: Between two looks at what differs.
        looks: Looks at a document that keeps changing.
        sampled: Documents of each kind compared whole, at random; 0 for none.
        top: How many of the most frequent values are compared; 0 for none.
        api_clients: With how many clients the read API is asked; 0 for none.
        shown: Documents named in the report.
        empty_is_equal: Whether two stores without any document in the span are equal; a wrong client or date looks the same.
        sizes: How much is asked for at once.
    """

    clients: Clients
    span: Span
    method: Method = "auto"
    settle_secs: float = 5.0
    looks: int = 4
    sampled: int = 200
    top: int = 20
    api_clients: int = 5
    shown: int = 100
    empty_is_equal: bool = False
    sizes: Sizes = field(default_factory=Sizes)


class Verifying:
    """Compares two stores.

    Args:
        left: How the source is asked.
        right: How the target is asked.
        mapping: How the source's documents become the target's.
        rules: How documents are compared.
        clock: Time.
        pause: Waits, and says whether it is time to stop.
        random: Chooses samples.
    """

    def __init__(
        self, left: Asking, right: Asking, *, mapping: Mapping, rules: Rules, clock: Clock, pause: Pause, random: Random
    ) -> None:
        self._left, self._right = left, right
        self._mapping = mapping
        self._rules = rules
        self._clock = clock
        self._pause = pause
        self._random = random
        prefix = right.store.settings.index_prefix
        self._sides = Side("from", left, mapping, prefix, rules), Side("to", right, mapping, prefix, rules)

    def run(self, wanted: Wanted, progress: Progress = _nobody, expect: Callable[[int], None] = lambda _docs: None) -> Report:
        """Compare once.

        Raises:
            Stopped: It was stopped before there was a result.
        """
        began_secs = self._clock.monotonic_secs()
        before = self._left.searches, self._right.searches
        report = Report(self._left.store.where, self._right.store.where, wanted.clients.text, wanted.span)
        findings = Findings(_SUSPECTS_MAX, progress)
        try:
            with Pair(*self._sides, wanted.sizes.parallel) as pair:
                self._compare(pair, wanted, findings, report, expect)
        except Stopped:
            raise
        except WellheadError as error:
            report.failure = str(error)
        report.totals, report.notes = findings.counts(), [*findings.notes, *report.notes]
        if report.failure is None and not report.docs and not wanted.empty_is_equal:
            report.failure = (
                "neither store holds a document of these clients in this time. Look at --clients, --from-date and index.prefix"
            )
        report.took_secs = self._clock.monotonic_secs() - began_secs
        report.searches = {"from": self._left.searches - before[0], "to": self._right.searches - before[1]}
        return report

    def extent(self) -> Span | None:
        """Give the span that holds all documents of both stores; None where there are none.

        Raises:
            TemporaryError: A store is away.
            PermanentError: A store refuses.
        """
        found = [extent for side in self._sides for kind in side.views if (extent := side.extent(kind)) is not None]
        return Span(min(each.first_ms for each in found), max(each.end_ms for each in found)) if found else None

    def _compare(self, pair: Pair, wanted: Wanted, findings: Findings, report: Report, expect: Callable[[int], None]) -> None:
        Comparing(pair, self._rules, wanted.sizes, wanted.method, findings).run(wanted.clients, wanted.span, expect)
        for kind in pair.left.views if wanted.sampled else ():
            found, compared = samples.compare(
                pair, self._rules, kind, wanted.clients, wanted.span, wanted=wanted.sampled, random=self._random
            )
            findings.suspect(found)
            report.sampled += compared
        self._settle(pair, wanted, findings, report)
        self._rank(pair, wanted, report)
        self._reread(pair, wanted, report)

    def _settle(self, pair: Pair, wanted: Wanted, findings: Findings, report: Report) -> None:
        settling = Settling(
            pair, self._rules, settle_secs=wanted.settle_secs, looks=wanted.looks, shown=wanted.shown, pause=self._pause
        )
        report.settled = settling.run(findings.suspects.values()) if findings.suspects else Settled()
        report.unnamed = dict(findings.unnamed)
        report.narrowed = [each for each in findings.narrowed if self._still_differs(pair, each, wanted, report)]

    def _still_differs(self, pair: Pair, day: Narrowed, wanted: Wanted, report: Report) -> bool:
        """Look at a day's counts again: a store that gives the same documents but counts them otherwise answers queries differently."""
        if report.differing > len(report.settled.differences):
            return True
        if any(each.suspect.kind == day.kind and each.suspect.client == day.client for each in report.settled.differences):
            return True
        key = day.client, day.span
        before: tuple[Cell, Cell] | None = None
        for look in range(max(2, wanted.looks)):
            if look:
                self._wait(wanted)
            left, right = pair.both(lambda side: side.cells(day.kind, [day.client], [day.span], 0, adding=False))
            reasons = differing(left[key], right[key])
            if not reasons:
                return False
            if before == (left[key], right[key]):
                what = f"{day.kind} of client {day.client}: the documents are the same, but not what queries find"
                report.notes.append(f"{what} ({', '.join(reasons)}). Compare the mappings of both indices")
                return True
            before = left[key], right[key]
        return False

    def _rank(self, pair: Pair, wanted: Wanted, report: Report) -> None:
        if not wanted.top:
            return
        for kind in pair.left.views:
            found, guessed = tops.compare(pair, kind, wanted.clients, wanted.span, wanted.top)
            report.notes += guessed
            if found and not report.differing:
                self._wait(wanted)
                again, _ = tops.compare(pair, kind, wanted.clients, wanted.span, wanted.top)
                # Numbers that move on both sides are followed by the documents, which were compared.
                found = [each for each in again if each in found]
            report.tops += found

    def _reread(self, pair: Pair, wanted: Wanted, report: Report) -> None:
        if not wanted.api_clients:
            return
        if not all(layout.is_identity and not layout.client_from_index for _, layout in self._mapping.layouts()):
            report.notes.append("the read API was not asked: the source does not hold what Wellhead writes")
            return
        counts: dict[Client | None, int] = {}
        for kind in pair.right.views:
            for client, docs in pair.right.clients(kind, wanted.clients, wanted.span).items():
                counts[client] = counts.get(client, 0) + docs
        busiest = sorted((client for client in counts if client is not None), key=lambda each: (-counts[each], str(each)))
        rereads = Rereads(self._left, self._right, self._rules.ignored)
        report.api, report.asked_api = rereads.compare(busiest[: wanted.api_clients], wanted.span, lambda: self._wait(wanted))

    def _wait(self, wanted: Wanted) -> None:
        if self._pause(wanted.settle_secs):
            raise Stopped("stopped before the stores were compared")
