"""Takes documents that one look saw differ, looks again after a while, gives those that differ for good and says how; never takes motion for a difference."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from wellhead.migration.copy.cap import Pause
from wellhead.migration.verify.asking import Stopped
from wellhead.migration.verify.document import Document, is_older, same
from wellhead.migration.verify.fields import FieldDifference, differences
from wellhead.migration.verify.findings import Suspect
from wellhead.migration.verify.pair import Pair
from wellhead.migration.verify.rules import INDEX, Rules
from wellhead.migration.verify.spans import told

What = Literal["missing", "extra", "duplicate", "index", "older", "time", "type", "changed"]
_AT_ONCE = 1_000
_DUPLICATES_ASKED = 200
_ALIKE_MAX = 50

State = tuple[tuple[str, int | None, bytes], ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One document that differs for good.

    Attributes:
        suspect: Which.
        what: In what way.
        fields: In which fields.
        twin: The document it is a second copy of, for duplicates.
    """

    suspect: Suspect
    what: What
    fields: tuple[FieldDifference, ...] = ()
    twin: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        suspect = self.suspect
        found: dict[str, Any] = {
            "kind": suspect.kind,
            "client": suspect.client,
            "day": told(suspect.at_ms),
            "hour": told(suspect.at_ms, "hour"),
            "id": suspect.id,
            "what": self.what,
            "fields": [each.fields() for each in self.fields],
        }
        return found | ({"duplicate_of": self.twin} if self.twin is not None else {})


@dataclass(slots=True)
class Settled:
    """What became of the suspects.

    Attributes:
        differences: Those that differ for good; the first ones.
        by_what: How many, by kind of difference.
        moving: How many were changing all the time, the target following the source.
    """

    differences: list[Difference] = field(default_factory=list)
    by_what: Counter[str] = field(default_factory=Counter)
    moving: int = 0

    @property
    def total(self) -> int:
        """How many documents differ for good."""
        return self.by_what.total()


@dataclass(slots=True)
class _Seen:
    """The looks at one document so far: what each side held, the newest last."""

    suspect: Suspect
    left: list[list[Document]] = field(default_factory=list)
    right: list[list[Document]] = field(default_factory=list)


class Settling:
    """Looks again.

    Args:
        pair: The sides.
        rules: How documents are compared.
        settle_secs: Between two looks: longer than either side takes to show what was written.
        looks: How many looks a document gets at most; two that are alike are enough.
        shown: How many differences are kept with their fields.
        pause: Waits.
    """

    def __init__(self, pair: Pair, rules: Rules, *, settle_secs: float, looks: int, shown: int, pause: Pause) -> None:
        self._pair = pair
        self._rules = rules
        self._settle_secs = settle_secs
        self._looks = max(2, looks)
        self._shown = shown
        self._pause = pause
        self._asked_for_twins = 0

    def run(self, suspects: Iterable[Suspect]) -> Settled:
        """Look until every suspect is equal, differs in the same way twice, or has had its looks."""
        settled = Settled()
        open_ = [_Seen(suspect) for suspect in suspects]
        for look in range(1, self._looks + 1):
            if not open_:
                break
            if look > 1 and self._pause(self._settle_secs):
                raise Stopped("stopped before the stores were compared")
            open_ = [seen for seen in self._look(open_) if not self._is_done(seen, look, settled)]
        return settled

    def _look(self, open_: Sequence[_Seen]) -> Sequence[_Seen]:
        by_kind: dict[str, list[_Seen]] = defaultdict(list)
        for seen in open_:
            by_kind[seen.suspect.kind].append(seen)
        for kind, group in by_kind.items():
            for at in range(0, len(group), _AT_ONCE):
                self._look_at(kind, group[at : at + _AT_ONCE])
        return open_

    def _look_at(self, kind: str, group: Sequence[_Seen]) -> None:
        ids = [seen.suspect.id for seen in group]
        left, right = self._pair.both(lambda side: side.documents(kind, ids))
        for seen in group:
            seen.left.append(left.get(seen.suspect.id, []))
            seen.right.append(right.get(seen.suspect.id, []))

    def _is_done(self, seen: _Seen, look: int, settled: Settled) -> bool:
        left, right = seen.left[-1], seen.right[-1]
        if self._agree(left, right):
            return True
        if look == 1:
            return False
        if self._stands_still(seen.left) and self._stands_still(seen.right):
            self._keep(seen, settled)
            return True
        if look == self._looks:
            if self._follows(seen):
                settled.moving += 1
            else:
                self._keep(seen, settled)
            return True
        return False

    def _agree(self, left: Sequence[Document], right: Sequence[Document]) -> bool:
        return len(left) == len(right) and all(any(same(one, other, self._rules) for other in right) for one in left)

    def _stands_still(self, looks: Sequence[Sequence[Document]]) -> bool:
        return self._state(looks[-1]) == self._state(looks[-2])

    def _state(self, documents: Sequence[Document]) -> State:
        return tuple(sorted(each.state(self._rules) for each in documents))

    def _follows(self, seen: _Seen) -> bool:
        """Tell whether each side has come at least as far as the other was one look before."""
        return self._reached(seen.right[-1], seen.left[-2]) and self._reached(seen.left[-1], seen.right[-2])

    def _reached(self, now: Sequence[Document], then: Sequence[Document]) -> bool:
        if not then or self._agree(then, now):
            return True
        return bool(now) and None not in (now[0].version, then[0].version) and not is_older(then[0], now[0])

    def _keep(self, seen: _Seen, settled: Settled) -> None:
        what, twin = self._what(seen)
        settled.by_what[what] += 1
        if len(settled.differences) < self._shown:
            left, right = seen.left[-1], seen.right[-1]
            fields = differences(left[0], right[0], self._rules) if left and right else []
            settled.differences.append(Difference(seen.suspect, what, tuple(fields), twin))

    def _what(self, seen: _Seen) -> tuple[What, str | None]:
        left, right = seen.left[-1], seen.right[-1]
        if not right:
            return "missing", None
        if not left:
            twin = self._twin(seen.suspect, right[0])
            return ("duplicate", twin) if twin is not None else ("extra", None)
        if len(right) > len(left):
            return "duplicate", f"{seen.suspect.id} in {', '.join(sorted(each.index for each in right))}"
        found = differences(left[0], right[0], self._rules)
        hows = {each.how for each in found}
        if INDEX not in self._rules.ignored and hows == {"index"}:
            return "index", None
        if is_older(left[0], right[0]) or _has_lower_version(left[0].content, right[0].content):
            return "older", None
        for how, what in _SAY:
            if how in hows:
                return what, None
        return "changed", None

    def _twin(self, suspect: Suspect, extra: Document) -> str | None:
        """Find the document that an extra one is a copy of: the one its own id field names, or one of the same time and content."""
        if self._asked_for_twins >= _DUPLICATES_ASKED:
            return None
        self._asked_for_twins += 1
        view = self._pair.right.views[suspect.kind]
        marks = {name: extra.content.get(name) for name in (view.time, view.client) if name is not None}
        if any(not isinstance(mark, int | str) for mark in marks.values()):
            return None
        filters = [{"term": {name: mark}} for name, mark in marks.items()]
        alike = self._pair.right.matching(suspect.kind, {"bool": {"filter": filters}}, _ALIKE_MAX)
        wanted = _without_id(extra, self._rules)
        return next((each.id for each in alike if each.id != extra.id and _without_id(each, self._rules) == wanted), None)


_SAY: tuple[tuple[str, What], ...] = (("type", "type"), ("time", "time"), ("index", "index"))


def _has_lower_version(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    ours, theirs = left.get("version"), right.get("version")
    return isinstance(ours, int) and isinstance(theirs, int) and theirs < ours


def _without_id(document: Document, rules: Rules) -> dict[str, Any]:
    return {name: value for name, value in document.form(rules).items() if name != "id"}
