"""Takes a ready answer, serves it to every request by `sendfile` from a process of its own; knows no tokens and no faults.

The simulator writes its archives while it serves them; a benchmark that shares two cores with it would measure both. Run as
`python -m benchmarks.vendor [FILE] [--silent]`: prints its port, then the monotonic time of each request. Without FILE it has no data.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO

from benchmarks.corpus import TRAILER

_SILENT = "--silent"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answer: Path | None = None
    tells = True

    def do_GET(self) -> None:
        """Answer with the archive and its trailer, or the trailer alone."""
        if self.tells:
            print(time.monotonic(), flush=True)
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(TRAILER) if self.answer is None else self.answer.stat().st_size))
        self.end_headers()
        if self.answer is None:
            self.wfile.write(TRAILER)
            return
        with self.answer.open("rb") as body:
            self.connection.sendfile(body)

    def log_message(self, *_args: object) -> None:
        """Say nothing: stdout tells the times."""


def main(answer: Path | None, *, tells: bool) -> None:
    """Serve until killed."""
    _Handler.answer, _Handler.tells = answer, tells
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


@dataclass
class Vendor:
    """A running vendor."""

    url: str
    _output: IO[str]

    def next_request_secs(self) -> float:
        """Wait for the next request and give its monotonic time."""
        return float(self._output.readline())


@contextmanager
def serving(answer: Path | None = None, *, tells: bool = True) -> Iterator[Vendor]:
    """Run a vendor in a process of its own; without `tells` nobody has to read the times of its requests, or it would stop."""
    words = [*([] if answer is None else [str(answer)]), *([] if tells else [_SILENT])]
    command = [sys.executable, "-m", "benchmarks.vendor", *words]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Vendor(f"http://127.0.0.1:{int(process.stdout.readline())}", process.stdout)
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    files = [Path(word) for word in sys.argv[1:] if word != _SILENT]
    main(files[0] if files else None, tells=_SILENT not in sys.argv)
