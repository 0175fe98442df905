"""Takes settings, gives a folder with the access logs of a gateway whose every line is known, never shares code with the source.

A gateway has no connection to who reads its logs: what it could see of a reader is which of its files are held open. A stalled gateway is one that writes nothing more.
"""

from __future__ import annotations

import gzip
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field
from starlette.routing import BaseRoute

from wellhead.testing.simulator import Clock, Rehearsal, Simulator, SimulatorSettings
from wellhead.testing.truth import TruthRecord

HEADER = b'#time_stamp "auth_user" src_ip status_code "req_line" "media_type" bytes_to_client "user_agent" "block_res"\n'
_ZONE = timezone(timedelta(hours=1))
_BEGIN = datetime(2026, 2, 3, 10, 0, tzinfo=_ZONE)
_MONTH = "Feb"
_EVERY = 7


class Settings(SimulatorSettings):
    """Options of the simulated gateway."""

    lines: int = Field(default=1_000, ge=3, description="Lines in all files together.")
    folder: Path | None = Field(
        default=None, description="Folder to write into; left out: a new one, removed when the simulator ends."
    )


CONFORMANCE = Rehearsal({"lines": 300}, {"chunk_bytes": 4_096})
DEMO = Rehearsal({"lines": 10_000})


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log, and what it means."""

    raw: bytes
    truth: TruthRecord


class GatewaySimulator(Simulator):
    """One gateway with a log, the one before it, and a compressed one before that."""

    name: ClassVar[str] = "webgateway"
    status_faults: ClassVar[Mapping[str, str]] = {}
    content_faults: ClassVar[Mapping[str, str]] = {
        "garbage": "A line that is none of the format.",
        "bad_time": "A line whose time cannot be read.",
        "latin1": "A line that is not UTF-8.",
        "escaped_quote": "A line with a quote within a quoted field.",
        "ipv6": "A line of a client with an IPv6 address.",
    }
    settings: Settings

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        super().__init__(settings, clock=clock)
        self.folder = settings.folder or Path(tempfile.mkdtemp(prefix="wellhead-gateway-")).resolve()
        if settings.folder is None:
            weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self._written = False

    @property
    def open_connections(self) -> int:
        """How many files of the folder this process holds open, which is all that a reader leaves to be seen."""
        held = 0
        for entry in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                held += entry.readlink().is_relative_to(self.folder)
        return held

    def content_changed(self) -> None:
        self._written = False

    def routes(self) -> Sequence[BaseRoute]:
        return []

    def write(self) -> None:
        """Write the files; twice does no harm."""
        if self._written:
            return
        self._written = True
        self.folder.mkdir(parents=True, exist_ok=True)
        raws = [line.raw for line in self._lines()]
        third = len(raws) // 3
        parts = [HEADER + b"".join(part) for part in (raws[:third], raws[third : 2 * third], raws[2 * third :])]
        (self.folder / "access.log.2.gz").write_bytes(gzip.compress(parts[0], mtime=0))
        (self.folder / "access.log.1").write_bytes(parts[1])
        (self.folder / "access.log").write_bytes(parts[2])

    def truth(self, *, values: bool = True) -> Iterator[TruthRecord]:  # noqa: ARG002 - they cost nothing
        return (line.truth for line in self._lines())

    def identity_of(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        return (str(round(record["time"].timestamp() * 1000)), str(record["client_ip"]), str(record["url"]))

    def options(self, url: str) -> dict[str, Any]:  # noqa: ARG002 - its files are the interface
        self.write()
        stalled = any(fault.startswith("stall") for fault in self.settings.faults)
        return {"paths": [f"{self.folder}/access.log*"], "follow": stalled}

    def hint(self, url: str) -> str:
        options = {"connector.class": self.name, "paths": ", ".join(self.options(url)["paths"])}
        return "\n".join(f"{name}: {value}" for name, value in options.items())

    def _lines(self) -> Iterator[Line]:
        quirks = [name for name in sorted(self.content) for _ in range(_times(self.content[name].count))]
        for number in range(self.settings.lines):
            quirk = quirks[number // _EVERY] if number % _EVERY == 0 and number // _EVERY < len(quirks) else ""
            yield self._line(number, quirk)

    def _line(self, number: int, quirk: str) -> Line:
        at = _BEGIN + timedelta(seconds=number)
        client = f"2001:db8::{number:x}" if quirk == "ipv6" else f"198.51.100.{number % 250 + 1}"
        url = f"https://www{self.settings.seed}.example.org/page/{number}?lang=en"
        stamp = "[??]" if quirk == "bad_time" else f"[{at:%d}/{_MONTH}/{at:%Y:%H:%M:%S} +0100]"
        agent = {"latin1": "Gerät/1", "escaped_quote": 'an \\"odd\\" one'}.get(quirk, "curl/8.5.0")
        text = f'{stamp} "" {client} 200 "GET {url} HTTP/1.1" "text/html" {1_000 + number} "{agent}" "0"'
        if quirk == "garbage":
            text = f"nothing that a gateway would write {number}"
        raw = text.encode("latin-1" if quirk == "latin1" else "utf-8")
        if quirk in ("garbage", "bad_time"):
            return Line(raw + b"\n", TruthRecord("access_log", "", "broken", raw=raw, quirk=quirk))
        identity = (str(round(at.astimezone(UTC).timestamp() * 1000)), client, url)
        values = {"src_ip": client, "user_agent": agent, "bytes_to_client": 1_000 + number}
        return Line(raw + b"\n", TruthRecord("access_log", "", "record", identity, values, quirk=quirk))


def _times(count: int | None) -> int:
    return 5 if count is None else count


def create(settings: Settings, *, clock: Clock | None = None) -> GatewaySimulator:
    """Give a gateway with these settings; time is the machine's unless a clock is given."""
    return GatewaySimulator(settings, clock=clock)
