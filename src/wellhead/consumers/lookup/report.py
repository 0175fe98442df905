"""Takes what a run did, gives it as JSON on disk for `lookup status`, and back; never asks anyone anything."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from wellhead.consumers.lookup.durable import publish_text
from wellhead.errors import TemporaryError, WellheadError

NAME = "status.json"
PLACES = 20


class FileReport(BaseModel):
    """One file after a run; moments are epoch milliseconds, None while they have not happened.

    Attributes:
        file: Its name.
        rows: Its rows.
        nbytes: Its bytes, all parts together.
        newest_ms: The newest change among its records.
        sent: What the run sent: `whole`, `rows`, or `nothing`.
        why: Why it was sent, or not.
        right_ms: When the target was last known to hold the right file.
        ratio: Its size beside the one delivered last.
        missing_runs: Runs in a row after which it was missing at the target.
        alerts: The alerts that stand.
        problem: What is wrong and what to do, None where nothing is.
        again_secs: Seconds after which another try is worth it, whatever the schedule says; None where only a person can change something.
    """

    file: str
    rows: int = 0
    nbytes: int = 0
    newest_ms: int | None = None
    sent: str = "nothing"
    why: str = ""
    right_ms: int | None = None
    ratio: float | None = None
    missing_runs: int = 0
    alerts: list[str] = Field(default_factory=list)
    problem: str | None = None
    again_secs: float | None = None


class RunReport(BaseModel):
    """One run of a lookup.

    Attributes:
        lookup: Its name.
        target: Where its files go.
        started_ms: When the run began.
        ended_ms: When it ended; None while it goes on.
        next_ms: When the next one is due; None after the only one.
        messages: Messages read.
        changed: Rows new or newer in the state.
        removed: Rows gone from it.
        rebuilt: Why the state was made anew; None where it went on.
        rows: Rows in the state.
        resets: Cursors reset.
        foreign: Messages that are none of ours and were passed over.
        foreign_places: Where the first of them lie, and why.
        stopped: The process was told to stop before every file had its turn.
        alerts: The alerts that stand for the lookup as a whole.
        problems: What is wrong with the run as a whole.
        warnings: What may go wrong with later ones.
        again_secs: As of a file, for the run as a whole.
        files: Its files, in the order of the deployment.
    """

    lookup: str
    target: str
    started_ms: int
    ended_ms: int | None = None
    next_ms: int | None = None
    messages: int = 0
    changed: int = 0
    removed: int = 0
    rebuilt: str | None = None
    rows: int = 0
    resets: list[str] = Field(default_factory=list)
    foreign: int = 0
    foreign_places: list[str] = Field(default_factory=list)
    stopped: bool = False
    alerts: list[str] = Field(default_factory=list)
    problems: list[str] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)
    again_secs: float | None = None
    files: list[FileReport] = Field(default_factory=list)

    def note_foreign(self, place: str) -> None:
        """Count a message that was passed over; keep where the first ones lie."""
        self.foreign += 1
        if len(self.foreign_places) < PLACES:
            self.foreign_places.append(place)

    @property
    def good(self) -> bool:
        """Tell whether every file is as it should be."""
        return not self.stopped and not self.problems and all(file.problem is None for file in self.files)

    def wrong(self) -> list[str]:
        """Give everything that is wrong, one sentence each."""
        return [*self.problems, *(file.problem for file in self.files if file.problem is not None)]


def again_secs(error: WellheadError) -> float | None:
    """Give the seconds after which another try is worth it; None where only a person can change something."""
    return (error.after_secs or 0.0) if isinstance(error, TemporaryError) else None


def read(state_dir: Path) -> RunReport | None:
    """Give the report of the last run; None before the first."""
    try:
        return RunReport.model_validate_json((state_dir / NAME).read_bytes())
    except (OSError, ValidationError):
        return None


def write(state_dir: Path, report: RunReport) -> None:
    """Keep the report of a run, all of it or nothing."""
    publish_text(state_dir / NAME, report.model_dump_json(indent=1) + "\n")
