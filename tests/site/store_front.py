"""Stands before a real search store: passes requests on, remembers which documents were written, and can be slow or full."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit


class StoreFront:
    """An HTTP server on loopback before the store at `url`; a `with` block ends it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.place = (parts.hostname, parts.port)
        self.written: Counter[str] = Counter()  # how often each document was sent and taken into a bulk
        self.bulks = 0
        self.refused_bulks = 0
        self.searches: list[tuple[float, float]] = []  # beginning and end of each search for documents
        self.search_docs = 0
        self.is_full: Callable[[int], bool] = lambda _number: False  # whether the bulk of a number is answered 429
        self.before_bulk: Callable[[int], None] = lambda _number: None
        self._lock = threading.Lock()
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                with suppress(ConnectionError):  # whoever asked was killed
                    super().handle()

            def handle_any(self) -> None:
                front.serve(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any  # noqa: N815 - http.server's names

            def log_message(self, *_args: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("content-length") or 0))
        is_bulk, is_search = "_bulk" in request.path, request.path.split("?")[0].endswith("_search") and b'"sort"' in body
        if is_bulk:
            with self._lock:
                self.bulks += 1
                number = self.bulks
            self.before_bulk(number)
            if self.is_full(number):
                self.refused_bulks += 1
                self._answer(request, 429, b'{"error":{"type":"es_rejected_execution_exception","reason":"full"},"status":429}')
                return
        began = time.monotonic()
        status, answer = self._pass_on(request, body)
        with self._lock:
            if is_search:
                self.searches.append((began, time.monotonic()))
                self.search_docs += len(json.loads(answer)["hits"]["hits"])
            if is_bulk and status == 200:
                self.written.update(self._ids(body))
        self._answer(request, status, answer)

    def _pass_on(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(*self.place, timeout=60)
        try:
            kept = {name: value for name, value in request.headers.items() if name.lower() in ("content-type", "accept")}
            connection.request(request.command, request.path, body or None, kept)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    @staticmethod
    def _answer(request: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
        try:
            request.send_response(status)
            request.send_header("content-type", "application/json; charset=UTF-8")
            request.send_header("content-length", str(len(body)))
            request.end_headers()
            if request.command != "HEAD":
                request.wfile.write(body)
        except OSError:
            request.close_connection = True  # whoever asked was killed

    @staticmethod
    def _ids(body: bytes) -> list[str]:
        lines = body.split(b"\n")
        return [json.loads(line)["index"]["_id"] for line in lines[::2] if line]

    def most_searches(self) -> int:
        """Give how many searches overlapped at most."""
        edges = sorted([(begin, 1) for begin, _ in self.searches] + [(end, -1) for _, end in self.searches])
        under_way = most = 0
        for _, step in edges:
            under_way += step
            most = max(most, under_way)
        return most
