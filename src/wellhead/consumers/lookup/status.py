"""Takes what a lookup's last run left on disk, gives it to people and machines, with what is wrong; asks nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from wellhead.config.lookup import LookupSettings
from wellhead.consumers.lookup import report as reports
from wellhead.consumers.lookup.manifest import as_text
from wellhead.consumers.lookup.report import FileReport, RunReport

# A run that is so long overdue means that nobody runs the lookup.
OVERDUE_MS = 120_000
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def status_of(settings: LookupSettings, now_ms: int) -> dict[str, Any]:
    """Give the state of one lookup as a JSON object; `wrong` is empty when all is well."""
    report = reports.read(settings.state_dir)
    shown: dict[str, Any] = {
        "lookup": settings.name,
        "target": settings.target,
        "schedule": settings.schedule(),
        "last_run": _time(report.ended_ms if report else None),
        "next_run": _time(report.next_ms if report else None),
        "rows": report.rows if report else 0,
        "files": [_file(each) for each in report.files] if report else [],
        "wrong": [*_overdue(settings, report, now_ms), *(report.wrong() if report else [])],
    }
    return shown


def _overdue(settings: LookupSettings, report: RunReport | None, now_ms: int) -> Iterator[str]:
    if report is None:
        yield f"{settings.name} has not run yet: start it with `wellhead lookup run`"
    elif report.next_ms is not None and now_ms > report.next_ms + OVERDUE_MS:
        yield (
            f"the run due at {as_text(report.next_ms)} has not ended: see that `wellhead lookup run` is running, and its /health and log"
        )


def _file(report: FileReport) -> dict[str, Any]:
    return {
        "file": report.file,
        "rows": report.rows,
        "bytes": report.nbytes,
        "newest": _time(report.newest_ms),
        "delivered": _time(report.right_ms),
        "alerts": report.alerts,
        "problem": report.problem,
    }


def _time(epoch_ms: int | None) -> str | None:
    return None if epoch_ms is None else as_text(epoch_ms)


def table_of(state: dict[str, Any], now_ms: int) -> Iterator[str]:
    """Give the lines of a lookup's table as `status_of` tells it; ages are of `now_ms`."""
    yield f"lookup {state['lookup']}: to {state['target']}, {state['schedule']}"
    yield f"  last run {_ago(state['last_run'], now_ms)}, next run {_ago(state['next_run'], now_ms)}, {state['rows']:,} records in the state"
    if state["files"]:
        head = ("file", "rows", "bytes", "newest", "delivered", "")
        rows = [
            (
                file["file"],
                f"{file['rows']:,}",
                f"{file['bytes']:,}",
                _ago(file["newest"], now_ms),
                _ago(file["delivered"], now_ms),
                ", ".join(file["alerts"]) if file["alerts"] else "ok" if file["problem"] is None else "wrong",
            )
            for file in state["files"]
        ]
        widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
        for row in [head, *rows]:
            yield (
                "  "
                + "  ".join(
                    _set(cell, width, right=at in {1, 2}) for at, (cell, width) in enumerate(zip(row, widths, strict=True))
                ).rstrip()
            )
    yield from (f"  ! {text}" for text in state["wrong"])


def _set(cell: str, width: int, *, right: bool) -> str:
    return cell.rjust(width) if right else cell.ljust(width)


def _ago(moment: str | None, now_ms: int) -> str:
    if moment is None:
        return "-"
    secs = (now_ms - datetime.fromisoformat(moment).timestamp() * 1000) / 1000
    size, unit = next(((size, unit) for size, unit in _UNITS if abs(secs) >= size), (1, "s"))
    return f"{abs(secs) / size:.0f} {unit} ago" if secs >= 0 else f"in {abs(secs) / size:.0f} {unit}"
