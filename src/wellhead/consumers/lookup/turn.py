"""Takes a mapping and the state at a moment, gives its file on disk and at the target, or the reason why not; one trouble never stops another file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wellhead.config.lookup import LookupSettings
from wellhead.consumers.lookup.deliver import Delivery, Found, Notes
from wellhead.consumers.lookup.guards import Size, oversize, shrunk
from wellhead.consumers.lookup.losses import REFILLED, Doubt, Losses, former_size
from wellhead.consumers.lookup.manifest import Manifest
from wellhead.consumers.lookup.mappings import LoadedMapping
from wellhead.consumers.lookup.report import FileReport, again_secs
from wellhead.consumers.lookup.reset import Reset
from wellhead.consumers.lookup.write import FileWriter, Moment, Wanted
from wellhead.errors import PermanentError, WellheadError
from wellhead.targets import LookupFile

ENOUGH_REFUSALS = 2
"""So many files in a row may be refused a look, which may be the files' own fault; then it is the target's answer to everything."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What all files of one run share.

    Attributes:
        at: What they are made of, and when.
        limit: Bytes a file may have at the target; None = any.
        force: Deliver files that the guard would hold back.
        lost: Why records may have been lost: the state was made anew. None where it went on, and what is gone has ended.
        trust: Take files of the right size for the right ones.
    """

    at: Moment
    limit: int | None
    force: bool
    lost: Doubt | None
    trust: bool


class Turn:
    """Does what one run does for each file.

    Args:
        settings: The lookup's.
        writer: Writes the file.
        delivery: Delivers it.
        notes: The state's.
        reset: Resets the cursors of streams, see `reset.py`.
    """

    def __init__(self, settings: LookupSettings, writer: FileWriter, delivery: Delivery, notes: Notes, reset: Reset) -> None:
        self._settings = settings
        self._writer = writer
        self._delivery = delivery
        self._notes = notes
        self.losses = Losses(settings, notes, reset)
        self.calls: list[float | None] = []
        self._refusals = 0
        self._silent: str | None = None

    def take(self, loaded: LoadedMapping, now: Circumstances) -> FileReport:
        """Bring one file to where it should be."""
        report = FileReport(file=loaded.mapping.file)
        try:
            limit = now.limit if self._settings.oversize == "split" else None
            wanted = Wanted(loaded, now.at, limit, self._delivery.parts(loaded.mapping.file))
            manifest = self._writer.write(wanted, trust=now.trust).manifest
        except WellheadError as error:
            report.problem, report.alerts, report.again_secs = str(error), ["run_failed"], again_secs(error)
            return report
        report.rows, report.nbytes, report.newest_ms = manifest.rows, manifest.bytes, manifest.newest_ms
        files = manifest.files(self._settings.output_dir)
        if self._silent is not None:
            _tell(report, "not_delivered", f"{manifest.file} was left for the next run: {self._silent}")
            return report
        try:
            found = {file.name: self._delivery.look(file.name) for file in files}
        except WellheadError as error:
            self._refusals += isinstance(error, PermanentError)
            self._failed(report, error)
            return report
        self._refusals = 0
        if any(each.secs > self._settings.alert_call_secs for each in found.values()):
            report.alerts.append("slow_call")
        if now.force:
            self.losses.forget(manifest.file)
        elif (lost := self.losses.mind(loaded, manifest, found, now.at, now.lost)) is not None:
            _tell(report, "lost", lost)
        self._bring(files, manifest, found, now, report)
        self._count_missing(found, now, report)
        return report

    def _bring(
        self, files: Sequence[LookupFile], manifest: Manifest, found: dict[str, Found], now: Circumstances, report: FileReport
    ) -> None:
        former, size = former_size(found), Size(manifest.bytes, manifest.rows)
        report.ratio = size.ratio_to(former) if former is not None else None
        is_there = any(each.there_bytes is not None for each in found.values())
        # Where nothing stands any more, less than before is better than nothing.
        too_small = shrunk(manifest.file, size, former, self._settings.guard_min_size_ratio) if is_there else None
        too_large = next(filter(None, (oversize(file.name, file.nbytes, now.limit) for file in files)), None)
        if "lost" in report.alerts and (not manifest.records or (is_there and (report.ratio or 0) < REFILLED)):
            report.why = "its records are lost: what the target holds is better than nothing"
        elif too_large is not None:
            _tell(report, "oversize", too_large)
        elif too_small is not None and not now.force:
            _tell(report, "shrunk", too_small)
        else:
            self._deliver(files, found, report)
        lasts = [self._delivery.last(file.name) for file in files]
        if report.problem is None or all(found[file.name].reason(file) is None for file in files):
            report.right_ms = now.at.now_ms
        else:
            report.right_ms = min((last.at_ms for last in lasts if last is not None), default=None)

    def _deliver(self, files: Sequence[LookupFile], found: dict[str, Found], report: FileReport) -> None:
        whys: list[str] = []
        for file in files:
            try:
                outcome = self._delivery.deliver(file, found[file.name])
            except WellheadError as error:
                self._failed(report, error)
                return
            if outcome.how == "nothing":
                continue
            self.calls.append(outcome.secs)
            report.sent, whys = outcome.how, [*whys, outcome.why]
            if outcome.secs > self._settings.alert_call_secs and "slow_call" not in report.alerts:
                report.alerts.append("slow_call")
        report.why = "; ".join(dict.fromkeys(whys)) or "it is there"

    def _failed(self, report: FileReport, error: WellheadError) -> None:
        self.calls.append(None)
        _tell(report, "not_delivered", str(error))
        report.again_secs = again_secs(error)
        # Who is asked to wait waits, and a login that was refused twice would be locked out by as many tries as there are files.
        if report.again_secs or self._refusals >= ENOUGH_REFUSALS:
            self._silent = str(error)

    def _count_missing(self, found: dict[str, Found], now: Circumstances, report: FileReport) -> None:
        """Count the runs after which the target still had no such file."""
        name = f"missing:{report.file}"
        missing = report.sent == "nothing" and any(each.there_bytes is None for each in found.values())
        note = self._notes.note(name)
        if missing:
            report.missing_runs = (note["runs"] if note else 0) + 1
            self._notes.write_note(name, {"runs": report.missing_runs, "since_ms": note["since_ms"] if note else now.at.now_ms})
            if report.missing_runs >= self._settings.alert_missing_runs:
                report.alerts.append("missing")
        elif note is not None:
            self._notes.write_note(name, None)


def _tell(report: FileReport, alert: str, problem: str) -> None:
    report.problem = problem if report.problem is None else f"{report.problem}. {problem}"
    report.alerts.append(alert)
