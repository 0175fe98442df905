"""Takes a span of a tenant's log, gives the bytes of the ZIP that hands it out, piece by piece, never the whole in memory."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from isal import isal_zlib

from connectors.wss.simulation.quirks import Layout
from connectors.wss.simulation.rows import Rows
from connectors.wss.simulation.settings import HOUR_MS, Settings
from connectors.wss.simulation.timeline import SLICES_PER_HOUR, Timeline

GZIP_WINDOW_BITS = 31
PIECE_BYTES = 262_144
ROWS_THAT_NEED_ZIP64 = 2_000_000
MS_PER_SEC = 1_000
MID_LINE_BYTES = 7
"""Where one gzip stream of a member ends and the next begins: so many bytes before the end of a line."""


@dataclass(frozen=True, slots=True)
class Span:
    """Part of a tenant's log: the positions from `begin` up to, not including, `end`."""

    begin: int
    end: int


class Packer(Protocol):
    """What compresses one gzip stream."""

    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class _Sink(io.RawIOBase):
    """What zipfile writes into: forward only, emptied as we go."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.waiting_bytes = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._pieces.append(piece)
        self.waiting_bytes += len(piece)
        return len(piece)

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        self.waiting_bytes = 0
        return taken


class Archive:
    """The archive of one span; the same bytes each time."""

    def __init__(self, settings: Settings, timeline: Timeline, rows: Rows, span: Span) -> None:
        self._settings = settings
        self._timeline = timeline
        self._rows = rows
        self._span = span

    @property
    def file_name(self) -> str:
        return f"cloud_archive_{_stamp(self._timeline.moment_of(self._span.end))[2:]}.zip"

    def pieces(self, *, cut: bool = False) -> Iterator[bytes]:
        """Give the ZIP's bytes; with `cut`, as left behind by a service that failed while writing the last member."""
        sink = _Sink()
        members = list(self._members())
        method = zipfile.ZIP_STORED if self._settings.zip_method == "stored" else zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(sink, "w", method) as archive:
            for hour, appliance in members:
                last = (hour, appliance) == members[-1]
                for _ in self._write_member(archive, sink, hour, appliance):
                    if cut and last:
                        break
                    yield sink.take()
                if cut and last:
                    partial = sink.take()
                    yield partial[: len(partial) // 2]
                    return
                self._write_extras(archive, hour, appliance)
        yield sink.take()

    def _members(self) -> Iterator[tuple[int, int]]:
        first, last = self._span.begin // SLICES_PER_HOUR, (self._span.end - 1) // SLICES_PER_HOUR
        for hour in range(first, last + 1):
            for appliance in range(self._settings.appliances):
                if self._rows.count(hour, appliance, self._span.begin, self._span.end):
                    yield hour, appliance

    def _write_member(self, archive: zipfile.ZipFile, sink: _Sink, hour: int, appliance: int) -> Iterator[None]:
        """Write one member, stopping whenever a piece is ready to be taken."""
        info = self._info(f"cloud_{self._rows.cloud_name(appliance)}_{self._hour_stamp(hour)}.log.gz", hour)
        large = self._rows.count(hour, appliance, self._span.begin, self._span.end) > ROWS_THAT_NEED_ZIP64
        with archive.open(info, "w", force_zip64=large) as member:
            for packed in self._gzipped(hour, appliance):
                member.write(packed)
                if sink.waiting_bytes >= PIECE_BYTES:
                    yield
        yield

    def _gzipped(self, hour: int, appliance: int) -> Iterator[bytes]:
        streams_left = self._settings.streams_per_member - 1
        packer = self._packer()
        for text in self._text(hour, appliance):
            if streams_left and len(text) > MID_LINE_BYTES:
                streams_left -= 1
                yield packer.compress(text[:-MID_LINE_BYTES]) + packer.flush()
                packer = self._packer()
                yield packer.compress(text[-MID_LINE_BYTES:])
            else:
                yield packer.compress(text)
        yield packer.flush()

    def _packer(self) -> Packer:
        packer: Packer = isal_zlib.compressobj(self._settings.gzip_level, isal_zlib.DEFLATED, GZIP_WINDOW_BITS)
        return packer

    def _text(self, hour: int, appliance: int) -> Iterator[bytes]:
        """Give a member's text: its header, then its rows."""
        layout = self._rows.layout(hour, appliance)
        end = layout.line_end
        pending = self._header(layout, hour, appliance) + end
        for block in self._rows.blocks(hour, appliance, self._span.begin, self._span.end):
            yield pending
            pending = end.join(self._rows.lines(block)) + end
        yield pending if layout.final_newline else pending.removesuffix(end)

    def _header(self, layout: Layout, hour: int, appliance: int) -> bytes:
        began_ms = self._timeline.start_ms + hour * HOUR_MS
        began = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(began_ms // MS_PER_SEC))
        lines = ["#Version: 1.0", f"#Date: {began[:10]}T{began[11:13]}", "#Software: EAR 2.6", f"#Start-Date: {began}"]
        if layout.fault != "no_fields":
            # Both spellings occur in the field.
            lines.append(("# Fields: " if appliance % 2 else "#Fields: ") + " ".join(layout.fields))
        return layout.line_end.join(line.encode() for line in lines)

    def _write_extras(self, archive: zipfile.ZipFile, hour: int, appliance: int) -> None:
        layout = self._rows.layout(hour, appliance)
        cloud, stamp = self._rows.cloud_name(appliance), self._hour_stamp(hour)
        if layout.with_manifest and "manifest.txt" not in archive.namelist():
            archive.writestr(self._info("manifest.txt", hour), f"{cloud} {stamp}\n")
        if layout.with_empty_member:
            archive.writestr(self._info(f"cloud_{cloud}00_{stamp}.log.gz", hour), b"")

    def _info(self, name: str, hour: int) -> zipfile.ZipInfo:
        moment = time.gmtime((self._timeline.start_ms + hour * HOUR_MS) // MS_PER_SEC)
        info = zipfile.ZipInfo(name, date_time=moment[:6])
        info.compress_type = zipfile.ZIP_STORED if self._settings.zip_method == "stored" else zipfile.ZIP_DEFLATED
        return info

    def _hour_stamp(self, hour: int) -> str:
        return _stamp(self._timeline.start_ms + hour * HOUR_MS)


def _stamp(at_ms: int) -> str:
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(at_ms // MS_PER_SEC))
