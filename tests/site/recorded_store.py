"""A search store that gives recorded answers over real HTTP, and remembers what it was asked."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import orjson

from wellhead.clock import SystemClock
from wellhead.config.store import StoreSettings
from wellhead.search.store import SearchStore


def banner(number: str, *, distribution: str | None = None, flavor: str | None = None) -> dict[str, Any]:
    """What `GET /` answers."""
    told = {"number": number, "distribution": distribution, "build_flavor": flavor}
    return {"cluster_name": "c", "version": {name: text for name, text in told.items() if text is not None}}


OPENSEARCH = banner("2.19.6", distribution="opensearch")
ELASTICSEARCH_6 = banner("6.8.23", flavor="default")
ELASTICSEARCH_8 = banner("8.15.1", flavor="default")


@dataclass(frozen=True)
class Answer:
    """One answer; a body that is no text is sent as JSON."""

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def lines(self) -> list[Any]:
        return [orjson.loads(line) for line in self.body.splitlines()]


class RecordedStore:
    """Answers `METHOD /path` with what was recorded for it, one after the other, the last again and again."""

    def __init__(self, answers: Mapping[str, Answer | list[Answer]], tls: ssl.SSLContext | None = None) -> None:
        listed = {place: answer if isinstance(answer, list) else [answer] for place, answer in answers.items()}
        self._answers = {place: list(found) for place, found in listed.items()}
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def asked_for(self, method: str, path: str) -> list[Asked]:
        return [asked for asked in self.asked if (asked.method, asked.path) == (method, path)]

    def next_answer(self, place: str) -> Answer:
        found = self._answers.get(place, [Answer({"error": f"nothing recorded for {place}"}, 418)])
        return found.pop(0) if len(found) > 1 else found[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        recorded = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                recorded.asked.append(Asked(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body))
                answer = recorded.next_answer(f"{self.command} {parts.path}")
                if answer.cut:
                    self.close_connection = True
                    return
                sent = answer.body.encode() if isinstance(answer.body, str) else orjson.dumps(answer.body)
                self.send_response(answer.status)
                kind = "text/html" if isinstance(answer.body, str) else "application/json"
                for name, value in {"content-type": kind, "content-length": str(len(sent)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(sent)

            do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the base class's names

            def log_message(self, *_: object) -> None:
                return

        return Handler


def store_at(*urls: str, **more: Any) -> SearchStore:
    return SearchStore(StoreSettings(url=urls, **more), name="primary", clock=SystemClock())
