"""Gives a portal to ask and a careful client that reads it in its own way, sharing no code with the source or the simulator."""

from __future__ import annotations

import contextlib
import gzip
import io
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date

import httpx
import pytest

from connectors.wss.simulator import Settings, WssSimulator, create
from wellhead.testing.clock import FakeClock
from wellhead.testing.server import serve

TRAILER = re.compile(rb"X-sync-token: (\S+)\r\nX-sync-status: (more|done|abort)\r\n$")
MEMBER = re.compile(r"cloud_\d+_\d{14}\.log\.gz")
TOKEN_OR_WORD = re.compile(r'"[^"]*"|[^ "]+')


@dataclass
class Page:
    """One answer, taken apart."""

    response: httpx.Response
    token: str = ""
    status: str = ""
    zip_bytes: bytes = b""

    @property
    def code(self) -> int:
        return self.response.status_code

    def members(self) -> dict[str, bytes]:
        if not self.zip_bytes:
            return {}
        with zipfile.ZipFile(io.BytesIO(self.response.content)) as archive:  # the trailer must not disturb zipfile
            return {name: archive.read(name) for name in archive.namelist()}


@dataclass
class Log:
    """What was read out of members: rows by field, and the lines that are no rows."""

    rows: list[dict[str, str | None]] = field(default_factory=list)
    broken: list[bytes] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)

    @property
    def identities(self) -> Counter[tuple[str | None, ...]]:
        return Counter((row["date"], row["time"], row["x-bluecoat-transaction-uuid"]) for row in self.rows)

    def read(self, page: Page) -> None:
        for name, packed in page.members().items():
            if not MEMBER.fullmatch(name):
                self.strange.append(name)
            elif packed:
                self._read_member(gzip.decompress(packed))

    def _read_member(self, text: bytes) -> None:
        fields: list[str] = []
        for raw in text.split(b"\n"):
            line = raw.removesuffix(b"\r")
            if re.match(rb"# ?Fields:", line):
                fields = line.decode().partition(":")[2].split()
            elif line and not line.startswith(b"#"):
                self._read_line(line, fields)

    def _read_line(self, line: bytes, fields: list[str]) -> None:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            text = line.decode("iso-8859-15")
        words = TOKEN_OR_WORD.findall(text)
        values = {name: None if word == "-" else word.strip('"') for name, word in zip(fields, words, strict=False)}
        if " ".join(words) != text or len(words) != len(fields) or not _plausible(values):
            self.broken.append(line)
        else:
            self.rows.append(values)


def _plausible(values: dict[str, str | None]) -> bool:
    try:
        date.fromisoformat(values["date"] or "")
        int(values["sc-bytes"] or "0")
    except ValueError:
        return False
    return True


class Client:
    """Asks as the vendor's manual says; what it does not do by itself is wait."""

    def __init__(self, url: str, http: httpx.Client, user: str = "wss-user", password: str = "wss-password") -> None:
        self.url = url
        self.http = http
        self.credentials = {"X-APIUsername": user, "X-APIPassword": password}
        self.token = "none"
        self.start_ms = 0
        self.log = Log()

    def get(self, token: str | None = None, start_ms: int | None = None, end_ms: int = 0) -> Page:
        params = {
            "startDate": self.start_ms if start_ms is None else start_ms,
            "endDate": end_ms,
            "token": self.token if token is None else token,
        }
        response = self.http.get(f"{self.url}/reportpod/logs/sync", params=params, headers=self.credentials)
        found = TRAILER.search(response.content)
        if response.status_code != 200 or not found:
            return Page(response)
        return Page(response, found[1].decode(), found[2].decode(), response.content[: found.start()])

    def step(self) -> Page:
        """Ask once, and keep what came and the token, unless the answer says that it is not whole."""
        page = self.get()
        if page.code == 200 and page.status in ("more", "done"):
            self.log.read(page)
            self.token = page.token
        return page

    def drain(self) -> Log:
        """Step until done."""
        while True:
            page = self.step()
            assert page.code == 200, page.response.text
            if page.status == "done":
                return self.log


@dataclass
class Portal:
    """A running simulator with its clock and a way to open clients."""

    simulator: WssSimulator
    clock: FakeClock
    url: str
    http: httpx.Client

    def client(self, user: str = "wss-user", password: str = "wss-password") -> Client:
        return Client(self.url, self.http, user, password)


Portals = Callable[..., Portal]


@pytest.fixture
def portal() -> Iterator[Portals]:
    """Start portals with the settings given, on a clock that stands still until moved."""
    with contextlib.ExitStack() as stack:

        def start(clock: FakeClock | None = None, **settings: object) -> Portal:
            clock = clock or FakeClock()
            simulator = create(Settings.model_validate({"rows": 300, **settings}), clock=clock)
            url = stack.enter_context(serve(simulator))
            return Portal(simulator, clock, url, stack.enter_context(httpx.Client(trust_env=False)))

        yield start
