"""Takes what workers tell of their connectors, look by look, gives the table of `wellhead top`; never asks anybody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from wellhead.tools.explain import span

if TYPE_CHECKING:
    from rich.table import Table

WORST_FIRST: Final = ("FAILED", "UNASSIGNED", "RESTARTING", "DEGRADED", "PAUSED", "STOPPED", "RUNNING")
COLOURS: Final = {
    "FAILED": "bold red",
    "UNASSIGNED": "red",
    "RESTARTING": "yellow",
    "DEGRADED": "yellow",
    "PAUSED": "dim",
    "STOPPED": "dim",
    "RUNNING": "green",
}
HEAD: Final = ("connector", "stream", "state", "owner", "newest", "polled", "rec/s", "rejects", "calls left", "says")
NUMBERS: Final = frozenset({"newest", "polled", "rec/s", "rejects", "calls left"})


@dataclass(frozen=True, slots=True)
class Line:
    """One stream of one tenant, as it is now; None where nobody told.

    Attributes:
        connector: Its connector.
        stream: Its name, and the tenant's.
        state: Connect's word, or DEGRADED.
        owner: The worker that runs it.
        newest_secs: Age of the newest event.
        polled_secs: How long ago a poll was good.
        records: Records published since the task began there.
        rejects: Dead letters since then.
        quota: Calls left.
        message: What it says of itself.
        per_sec: Records published each second since the look before; None at the first.
    """

    connector: str
    stream: str
    state: str
    owner: str
    newest_secs: float | None
    polled_secs: float | None
    records: int | None
    rejects: int | None
    quota: int | None
    message: str
    per_sec: float | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two lines the same stream on the same worker, so that their records can be compared."""
        return self.connector, self.stream, self.owner


class Looks:
    """Remembers the look before, to tell rates."""

    def __init__(self) -> None:
        self._before: dict[tuple[str, str, str], int] = {}
        self._at_secs: float | None = None

    def lines(self, told: Iterable[Mapping[str, Any]], now_secs: float) -> list[Line]:
        """Give a line for each stream of what `GET /connectors/{name}/explain` said of each connector, the worst first.

        Args:
            told: The answers.
            now_secs: Monotonic seconds.
        """
        found = [line for each in told for line in _lines(each)]
        passed_secs = None if self._at_secs is None else now_secs - self._at_secs
        rated = [self._rated(line, passed_secs) for line in found]
        self._before = {line.key: line.records for line in found if line.records is not None}
        self._at_secs = now_secs
        return sorted(rated, key=lambda line: (_rank(line.state), line.connector, line.stream))

    def _rated(self, line: Line, passed_secs: float | None) -> Line:
        before = self._before.get(line.key)
        # Fewer than before: the task began anew.
        if not passed_secs or before is None or line.records is None or line.records < before:
            return line
        return replace(line, per_sec=(line.records - before) / passed_secs)


def _lines(told: Mapping[str, Any]) -> Iterator[Line]:
    for task in told["tasks"]:
        for stream in task["streams"]:
            yield Line(
                connector=told["name"],
                stream=f"{stream['stream']} {stream.get('tenant', task.get('tenant', ''))}".rstrip(),
                state=stream.get("state") or task["state"],
                owner=task.get("worker_id") or "",
                newest_secs=stream.get("newest_event_age_secs"),
                polled_secs=stream.get("last_poll_age_secs"),
                records=stream.get("records"),
                rejects=stream.get("rejects"),
                quota=stream.get("quota_remaining"),
                message=stream.get("message") or "",
            )
    if not told["tasks"]:
        yield Line(told["name"], "", told["state"], "", None, None, None, None, None, "has no tasks")


def _rank(state: str) -> int:
    return WORST_FIRST.index(state) if state in WORST_FIRST else 0


def table(lines: Iterable[Line], title: str) -> Table:
    """Give the table for a terminal."""
    from rich.table import Table  # noqa: PLC0415 - the verb is listed without loading what it shows
    from rich.text import Text  # noqa: PLC0415

    made = Table(title=title, title_justify="left", expand=True, box=None, header_style="bold")
    for head in HEAD:
        last = head == HEAD[-1]
        made.add_column(head, justify="right" if head in NUMBERS else "left", no_wrap=not last, ratio=1 if last else None)
    for line in lines:
        # What a worker says is text, never markup.
        cells = [Text(cell) for cell in _cells(line)]
        cells[HEAD.index("state")].stylize(COLOURS.get(line.state, "red"))
        made.add_row(*cells)
    return made


def _cells(line: Line) -> tuple[str, ...]:
    return (
        line.connector,
        line.stream,
        line.state,
        line.owner,
        "-" if line.newest_secs is None else span(line.newest_secs),
        "-" if line.polled_secs is None else span(line.polled_secs),
        "-" if line.per_sec is None else f"{line.per_sec:,.0f}",
        "-" if line.rejects is None else f"{line.rejects:,}",
        "-" if line.quota is None else f"{line.quota:,}",
        line.message,
    )
