"""Takes what clients upload to a simulated target, gives the files back to tests and to the admin routes, never judges a client."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from wellhead.clock import Clock
from wellhead.testing.front import ADMIN
from wellhead.testing.simulator import Simulator, SimulatorSettings
from wellhead.testing.truth import TruthRecord

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?')
_PARAMETER = re.compile(rb'(\w+)="((?:[^"\\]|\\.)*)"')
_NO_ARRIVAL_SECS = 0.0


@dataclass(frozen=True, slots=True)
class Form:
    """A `multipart/form-data` body, read: its text fields, and its files with their names."""

    fields: Mapping[str, str]
    files: Mapping[str, tuple[str, bytes]]


def form_of(content_type: str, body: bytes) -> Form:
    """Read a multipart body.

    Raises:
        ValueError: It is none.
    """
    boundary = _BOUNDARY.search(content_type)
    if not content_type.startswith("multipart/form-data") or boundary is None:
        raise ValueError("not multipart/form-data")
    mark = b"--" + boundary[1].encode()
    pieces = (b"\r\n" + body).split(b"\r\n" + mark)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):  # noqa: PLR2004 - what stands before the first mark, and the end
        raise ValueError("the multipart body has no end")
    fields: dict[str, str] = {}
    files: dict[str, tuple[str, bytes]] = {}
    for piece in pieces[1:-1]:
        head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        said = {name.decode(): value.decode() for name, value in _PARAMETER.findall(head)}
        if "filename" in said:
            files[said["name"]] = (said["filename"], content)
        else:
            fields[said["name"]] = content.decode()
    return Form(fields, files)


def csv_problem(content: bytes) -> str | None:
    """Tell why a CSV cannot be looked things up in; None when it can."""
    if content.startswith(b"\xef\xbb\xbf"):
        return "byte-order mark"
    width = 0
    try:
        # Row by row: a file of the vendor's limit has millions of them.
        for at, row in enumerate(csv.reader(io.TextIOWrapper(io.BytesIO(content), "utf-8", newline=""), strict=True)):
            width = width or len(row)
            if len(row) != width:
                return f"row {at} has another number of columns than the header"
    except UnicodeDecodeError:
        return "not UTF-8"
    except csv.Error as error:
        return f"not CSV: {error}"
    return None if width else "empty"


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload that was taken.

    Attributes:
        at_ms: When, in the simulator's time.
        how: The request that brought it, as in `POST /files`.
    """

    at_ms: int
    place: str
    name: str
    nbytes: int
    how: str


@dataclass(slots=True)
class _Kept:
    content: bytes
    shows_at_secs: float


@dataclass(slots=True)
class Shelf:
    """Files by place (a repository) and name. Thread-safe.

    Attributes:
        uploads: Every upload that was taken, in order.
    """

    clock: Clock
    show_secs: float = _NO_ARRIVAL_SECS
    uploads: list[Upload] = field(default_factory=list)
    _files: dict[tuple[str, str], list[_Kept]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, place: str, name: str, content: bytes, *, how: str) -> None:
        """Keep a file in place of one of that name; it shows after `show_secs`."""
        with self._lock:
            self.uploads.append(Upload(self.clock.now_ms(), place, name, len(content), how))
            versions = self._files.setdefault((place, name), [])
            versions.append(_Kept(content, self.clock.monotonic_secs() + self.show_secs))

    def get(self, place: str, name: str) -> bytes | None:
        """Give the newest content that shows; None when there is none."""
        with self._lock:
            versions = self._files.get((place, name), [])
            shown = [kept for kept in versions if kept.shows_at_secs <= self.clock.monotonic_secs()]
            if shown:
                del versions[: versions.index(shown[-1])]
            return shown[-1].content if shown else None

    def remove(self, place: str, name: str) -> bool:
        """Forget a file; whether there was one."""
        with self._lock:
            return self._files.pop((place, name), None) is not None

    def listing(self) -> list[dict[str, Any]]:
        """Give what shows, as JSON."""
        found = ((place, name, self.get(place, name)) for place, name in sorted(self._files))
        return [
            {"place": place, "name": name, "nbytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for place, name, content in found
            if content is not None
        ]


class TargetSimulator(Simulator):
    """The base of a simulated target: a simulator that holds files in place of records.

    Under `/_sim/files` another process may list, fetch, put and delete them.

    Attributes:
        shelf: What was uploaded.
    """

    def __init__(self, settings: SimulatorSettings, *, clock: Clock | None = None, show_secs: float = _NO_ARRIVAL_SECS) -> None:
        super().__init__(settings, clock=clock)
        self.shelf = Shelf(self.clock, show_secs)

    def routes(self) -> Sequence[BaseRoute]:
        admin = [
            Route(f"{ADMIN}/files", self._list),
            Route(f"{ADMIN}/files/{{place}}/{{name}}", self._one, methods=["GET", "PUT", "DELETE"]),
        ]
        return [*admin, *self.target_routes()]

    def target_routes(self) -> Sequence[BaseRoute]:
        """Give the vendor's routes."""
        raise NotImplementedError

    def secrets(self) -> list[str]:
        """Give what was handed out and must not be shown, such as tokens."""
        return []

    async def _list(self, _request: Request) -> Response:
        return JSONResponse(self.shelf.listing())

    async def _one(self, request: Request) -> Response:
        place, name = request.path_params["place"], request.path_params["name"]
        if request.method == "PUT":
            self.shelf.put(place, name, await request.body(), how="admin")
        if request.method == "DELETE":
            return Response(status_code=204 if self.shelf.remove(place, name) else 404)
        content = self.shelf.get(place, name)
        return Response(status_code=404) if content is None else Response(content, media_type="text/csv")

    def state(self) -> dict[str, Any]:
        return {"files": self.shelf.listing(), "uploads": len(self.shelf.uploads)}

    def truth(self, *, values: bool = True) -> Iterator[TruthRecord]:  # noqa: ARG002 - a target holds no records
        return iter(())

    def identity_of(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        raise NotImplementedError("a target publishes no records")

    def hint(self, url: str) -> str:
        return "\n".join(f"{self.name}.{word}: {value}" for word, value in self.options(url).items())
