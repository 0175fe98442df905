"""Takes a job and its source, gives how many documents of which client and month it would copy; never writes anything, anywhere."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import orjson

from wellhead.clock import Clock
from wellhead.config.worker import WorkerSettings
from wellhead.migration.copy.cap import SourceCap
from wellhead.migration.copy.counts import Counts
from wellhead.migration.copy.ends import FindStore, Planner, open_ends
from wellhead.migration.copy.job import Job
from wellhead.migration.copy.mapping import Layout
from wellhead.migration.copy.slices import time_filter
from wellhead.migration.copy.source import Source
from wellhead.migration.copy.translate import Found
from wellhead.search.store import SearchStore

Row = tuple[str, str, str]
"""Kind, client and month."""

_PAGE_DOCS = 2_000
NOBODY = "(none)"


def survey(job: Job, worker: WorkerSettings, find: FindStore, clock: Clock) -> Counter[Row]:
    """Count what a job would copy.

    Raises:
        ConfigError: A store is not known.
        TemporaryError: The source cannot be reached.
        PermanentError: It refuses.
    """
    ends = open_ends(job, worker, find, clock)
    try:
        if ends.source_store is not None:
            return survey_store(job, ends.source_store, ends.source_store.settings.index_prefix)
        cap = SourceCap(lambda: job.caps, lambda: 1.0, clock, threading.Event().wait)
        return survey_topic(ends.planner, ends.source, cap)
    finally:
        ends.close()


def survey_store(job: Job, store: SearchStore, prefix: str) -> Counter[Row]:
    """Count what a job would copy from a store."""
    counted: Counter[Row] = Counter()
    for kind, layout in job.mapping.layouts():
        pattern = layout.index.format(prefix=prefix, month="*")
        for index in store.indices(pattern):
            owner = layout.client_of(index)
            if layout.client_from_index and (owner is None or owner not in job.chosen):
                continue
            for client, month, docs in _of_index(job, Counts(store, layout), layout, index, owner):
                counted[kind, client, month] += docs
    return counted


def _of_index(job: Job, counts: Counts, layout: Layout, index: str, owner: str | None) -> Iterator[tuple[str, str, int]]:
    whose = [] if layout.client_from_index else job.chosen.query(layout.client)
    span = counts.span(index, [*time_filter(layout, job.from_ms, job.to_ms), *whose])
    for first_ms, end_ms in _months(*span) if span else ():
        low = first_ms if job.from_ms is None else max(first_ms, job.from_ms)
        high = end_ms if job.to_ms is None else min(end_ms, job.to_ms)
        filters = [*time_filter(layout, low, high), *whose]
        month = datetime.fromtimestamp(first_ms / 1000, UTC).strftime("%Y-%m")
        if owner is not None:
            yield owner, month, counts.all(index, filters)
            continue
        for client, docs in counts.clients(index, filters).items():
            yield str(client), month, docs
        if job.chosen.is_all and (nobody := counts.all(index, filters, without=layout.client)):
            yield NOBODY, month, nobody


def _months(first_ms: int, last_ms: int) -> Iterator[tuple[int, int]]:
    """Yield beginning and end of each month in between."""
    begins = datetime.fromtimestamp(first_ms / 1000, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while begins.timestamp() * 1000 <= last_ms:
        ends = begins.replace(year=begins.year + begins.month // 12, month=begins.month % 12 + 1)
        yield round(begins.timestamp() * 1000), round(ends.timestamp() * 1000)
        begins = ends


def survey_topic(planner: Planner, source: Source, cap: SourceCap) -> Counter[Row]:
    """Count what a job would replay from a topic; it has to be read for that."""
    counted: Counter[Row] = Counter()
    for each in planner.plan().slices:
        with closing(source.pages(each, None, _PAGE_DOCS, cap)) as pages:  # type: ignore[type-var]
            for page in pages:
                counted.update(_row(found) for found in page.found)
    return counted


def _row(found: Found) -> Row:
    try:
        client = orjson.loads(found.content).get("client_id", NOBODY) if isinstance(found.content, bytes) else NOBODY
    except (orjson.JSONDecodeError, AttributeError):
        client = NOBODY
    return found.kind or "(unknown)", str(client), (found.month or "(none)").replace(".", "-")
