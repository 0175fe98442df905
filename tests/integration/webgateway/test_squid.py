"""Proves with a real squid that what it logs of each request is one record, over a rotation."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from system_program import system_program

from connectors.webgateway.files import FilesCursor, FilesTask
from connectors.webgateway.source import GatewayConfig
from wellhead.api import TaskContext
from wellhead.clock import SystemClock

DEADLINE_SECS = 60.0
CONFIG = """
http_port 127.0.0.1:{port}
acl local src 127.0.0.1/32
acl blocked dstdomain .blocked.test
acl unreachable dst 2001:db8::/32
http_access deny blocked
http_access deny unreachable
http_access allow local
http_access deny all
logformat apache %>a %[ui %[un [%tl] "%rm %ru HTTP/%rv" %>Hs %<st "%{{Referer}}>h" "%{{User-Agent}}>h" %Ss:%Sh
access_log stdio:{folder}/native.log squid
access_log stdio:{folder}/combined.log apache
cache_log {folder}/cache.log
pid_filename {folder}/squid.pid
coredump_dir {folder}
netdb_filename none
cache deny all
pinger_enable off
strip_query_terms off
visible_hostname gateway
logfile_rotate 5
shutdown_lifetime 1 second
"""

pytestmark = pytest.mark.timeout(300)


class Origin(BaseHTTPRequestHandler):
    """Answers every request with a body as long as its path says."""

    def do_GET(self) -> None:
        body = b"x" * (len(self.path) * 37)
        self.send_response(404 if "missing" in self.path else 200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name that the server looks for

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@pytest.fixture
def origin() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Origin)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield server.server_address[1]
    server.shutdown()
    serving.join()
    server.server_close()


class Squid:
    """A squid of our own on loopback.

    Attributes:
        sent: What was asked, as (method, host, path, status, bytes that came back), a counter.
    """

    def __init__(self, program: str, folder: Path) -> None:
        self.program, self.folder, self.sent = program, folder, Counter[tuple[Any, ...]]()
        self.conf = folder / "squid.conf"
        for _ in range(5):
            with socket.socket() as bound:
                bound.bind(("127.0.0.1", 0))
                self.port: int = bound.getsockname()[1]
            self.conf.write_text(CONFIG.format(port=self.port, folder=folder))
            with (folder / "out.log").open("ab") as log:
                self.process = subprocess.Popen([program, "-N", "-f", str(self.conf)], stdout=log, stderr=log)
            if self._listens():
                return
        raise AssertionError(f"squid does not start: {(folder / 'out.log').read_text()[-2_000:]}")

    def _listens(self) -> bool:
        deadline = time.monotonic() + DEADLINE_SECS
        while self.process.poll() is None and time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
                return True
            time.sleep(0.05)
        self.stop()
        return False

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def rotate(self) -> None:
        done = subprocess.run([self.program, "-k", "rotate", "-f", str(self.conf)], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()

    def ask(self, method: str, host: str, path: str, status: int) -> None:
        """Ask for something, and note what came back."""
        target = host if method == "CONNECT" else f"http://{host}{path}"
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_SECS) as client:
            head = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: probe/1 (a; b)\r\nConnection: close\r\n"
            client.sendall(f"{head}{'Content-Length: 0' if method == 'POST' else 'Accept: */*'}\r\n\r\n".encode())
            received = b""
            while piece := client.recv(65_536):
                received += piece
                if method == "CONNECT" and status == 200 and received.endswith(b"\r\n\r\n"):
                    break
        assert received.split(b" ", 2)[1] == str(status).encode(), received[:200]
        nbytes = None if method == "CONNECT" else len(received)
        self.sent[method, host, path, status, nbytes] += 1


@pytest.fixture
def squid() -> Iterator[Squid | None]:
    program = system_program("squid", "squid")
    if program is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="squid-") as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, "proxy", "proxy")  # to whom squid changes
        made = Squid(program, Path(folder))
        try:
            yield made
        finally:
            made.stop()


def drive(squid: Squid, origin: int, begin: int, end: int) -> None:
    for number in range(begin, end):
        squid.ask("GET", f"127.0.0.1:{origin}", f"/docs/{number}?q=%C3%BC%22&n={number}", 200)
        squid.ask("GET", f"localhost:{origin}", f"/missing/{number}", 404)
        squid.ask("POST", f"127.0.0.1:{origin}", f"/form/{number}", 200)
        squid.ask("GET", f"www{number}.blocked.test", f"/{number}", 403)
        squid.ask("CONNECT", f"c{number}.blocked.test:443", "", 403)
        squid.ask("GET", "[2001:db8::9]:8080", f"/six/{number}", 403)
        squid.ask("CONNECT", f"127.0.0.1:{origin}", "", 200)


class Reader:
    """Reads a log again and again, each time from the stored cursor."""

    def __init__(self, folder: Path, name: str) -> None:
        self.config = GatewayConfig(paths=[f"{folder}/{name}*"], follow=False)
        self.folder, self.records, self.rejects = folder, list[dict[str, Any]](), list[Any]()
        self.cursor: FilesCursor | None = None

    def read(self) -> None:
        asyncio.run(self._read())

    async def _read(self) -> None:
        context = TaskContext(http=None, clock=SystemClock(), spool_dir=self.folder, report=lambda *_, **__: None)  # type: ignore[arg-type]
        async for batch in FilesTask(self.config, "access_log", context).poll(self.cursor):
            self.cursor = FilesCursor.model_validate_json(batch.cursor.model_dump_json())
            self.rejects += batch.rejects
            if isinstance(batch.table, pa.RecordBatch):
                self.records += batch.table.to_pylist()

    def seen(self) -> Counter[tuple[Any, ...]]:
        return Counter(asked(record) for record in self.records if record.get("url_domain"))


def asked(record: dict[str, Any]) -> tuple[Any, ...]:
    """Give what a record says was asked, as `Squid.sent` has it."""
    host = record["url_domain"] if ":" not in record["url_domain"] else f"[{record['url_domain']}]"
    if record.get("url_port") is not None:
        host += f":{record['url_port']}"
    method = record["method"]
    path = record.get("url_path") or ""
    if record.get("url_query"):
        path += f"?{record['url_query']}"
    nbytes = None if method == "CONNECT" else record["bytes_to_client"]
    return method, host, "" if method == "CONNECT" else path, record["status"], nbytes


def test_each_request_of_a_real_squid_is_one_record(squid: Squid | None, origin: int) -> None:
    """HTTP, CONNECT, refused and IPv6 requests before, while and after squid rotates: each is one record, in both formats, with what was asked and sent."""
    if squid is None:
        return
    readers = [Reader(squid.folder, "native.log"), Reader(squid.folder, "combined.log")]
    drive(squid, origin, 0, 5)
    for reader in readers:
        reader.read()
    driving = threading.Thread(target=drive, args=(squid, origin, 5, 40))
    driving.start()
    for turn in range(3):
        deadline = time.monotonic() + DEADLINE_SECS
        squid.rotate()
        while not (squid.folder / f"native.log.{turn}").exists() and time.monotonic() < deadline:
            readers[turn % 2].read()
    driving.join()
    squid.rotate()
    drive(squid, origin, 40, 42)
    deadline = time.monotonic() + DEADLINE_SECS
    while time.monotonic() < deadline and any(reader.seen().total() < squid.sent.total() for reader in readers):
        for reader in readers:
            reader.read()
    for reader in readers:
        assert reader.rejects == []
        assert reader.seen() == squid.sent
        (knock,) = [record for record in reader.records if not record.get("url_domain")]
        assert knock["url"] == "error:transaction-end-before-headers"  # of the connection that only tried whether squid listens
        assert {record["client_ip"] for record in reader.records} == {"127.0.0.1"}
    native = [record for record in readers[0].records if record["method"] == "GET" and record["status"] == 200]
    assert {(record["action"], record["media_type"]) for record in native} == {("TCP_MISS", "text/plain")}
    combined = [record for record in readers[1].records if record["method"] == "GET"]
    assert {record["user_agent"] for record in combined} == {"probe/1 (a; b)"}
