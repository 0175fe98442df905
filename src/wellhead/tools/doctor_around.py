"""Takes a deployment, looks at what is around Kafka: registry, clock, spool disk; writes one empty file and removes it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx

from wellhead.avro import schema as schemas
from wellhead.avro.registry import Registry
from wellhead.errors import PermanentError, TemporaryError
from wellhead.tools.doctor_finding import Finding

if TYPE_CHECKING:
    from pathlib import Path

    from wellhead.clock import Clock
    from wellhead.config.deployment import Deployment
    from wellhead.config.worker import WorkerSettings

AWRY_SECS: Final = 5.0
WRONG_SECS: Final = 60.0
_GIB: Final = 1024**3


def check_registry(deployment: Deployment) -> Iterator[Finding]:
    """Yield whether the registry takes each stream's schema; nothing is registered."""
    address = registry_address(deployment.worker)
    subjects = {
        f"{connector.settings.topic_of(stream.subject)}-value": stream.subject
        for connector in deployment.connectors
        for stream in connector.streams
    }
    try:
        with Registry(deployment.worker.schema_registry) as registry:
            registry.versions(next(iter(subjects), "wellhead-doctor-value"))
            yield Finding("ok", "registry", address, "answers")
            for subject, name in subjects.items():
                yield _subject(registry, subject, name)
    except (TemporaryError, PermanentError) as error:
        yield Finding("fail", "registry", address, str(error), "see schema.registry.url, its credentials and certificate")


def _subject(registry: Registry, subject: str, name: str) -> Finding:
    wanted = schemas.load(name)
    try:
        versions = registry.versions(subject)
        registry.check(subject, wanted)
    except PermanentError as error:
        advice = "do what it says: until then the stream's task fails, and publishes nothing"
        return Finding("fail", "registry", subject, str(error), advice)
    told = f"takes our schema; it has {len(versions)} versions" if versions else "is new; the first run registers it"
    return Finding("ok", "registry", subject, told)


def registry_address(worker: WorkerSettings) -> str:
    """Give the registry's first address, without the credentials it may hold."""
    settings = {key.removeprefix("schema.registry."): value for key, value in worker.schema_registry.items()}
    parts = urlsplit(str(settings.get("url", "")).split(",", maxsplit=1)[0].strip())
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"


def check_clock(address: str, clock: Clock, date_of: Callable[[str], str | None]) -> Iterator[Finding]:
    """Yield how far our clock is from the registry's, by the Date of its answer; seconds are all it tells.

    Args:
        address: Whom to ask.
        clock: Ours.
        date_of: Gives the Date header of an address, None where there is none.
    """
    try:
        date = date_of(address)
        off_secs = None if date is None else abs(clock.now_ms() / 1000 - parsedate_to_datetime(date).timestamp())
    except (httpx.HTTPError, ValueError) as error:
        yield Finding("skip", "clock", address, f"could not be compared: {type(error).__name__}", "see that it answers")
        return
    if off_secs is None:
        yield Finding("skip", "clock", address, "tells no Date to compare with")
        return
    advice = "synchronize this machine's clock (NTP): cursors and schedules go by it"
    status = "ok" if off_secs <= AWRY_SECS else "warn" if off_secs <= WRONG_SECS else "fail"
    yield Finding(status, "clock", address, f"within {off_secs:.0f} s of ours", "" if status == "ok" else advice)  # type: ignore[arg-type]


def date_of(address: str) -> str | None:
    """Ask an address for nothing in particular; give the Date of whatever it answers."""
    # Only the Date counts, whoever answers: the registry's own client has checked the certificate.
    answer = httpx.get(address, timeout=5.0, verify=False, trust_env=False)  # noqa: S501
    date: str | None = answer.headers.get("date")
    return date


def check_disk(folder: Path, needed_bytes: int, what: str = "spool.dir") -> Iterator[Finding]:
    """Yield whether a folder, or what is nearest above it, can be written and has room: what is missing is made by the first run.

    Args:
        folder: The folder.
        needed_bytes: What must be left.
        what: The option that names it.
    """
    place = str(folder)
    folder = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix="wellhead-doctor-"):
            free_bytes = shutil.disk_usage(folder).free
    except OSError as error:
        reason = error.strerror or type(error).__name__
        yield Finding("fail", "disk", place, f"{what} cannot be written: {reason}", "give a folder that exists and is ours")
        return
    told = f"{free_bytes / _GIB:.1f} GiB free"
    if free_bytes < needed_bytes:
        advice = f"make room, or name another {what}"
        yield Finding("fail", "disk", place, f"{told} for {what}, {needed_bytes / _GIB:.1f} GiB must be left", advice)
    elif free_bytes < 2 * needed_bytes:
        told = f"{told} for {what}, {needed_bytes / _GIB:.1f} GiB must be left"
        yield Finding("warn", "disk", place, told, "make room soon")
    else:
        yield Finding("ok", "disk", place, told)
