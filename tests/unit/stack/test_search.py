"""A node is ready when it says so itself, of every index."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from wellhead.stack.search import answers_healthy


@contextmanager
def answering(body: bytes) -> Iterator[int]:
    """A server on loopback that answers everything with `body`; gives its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        log_message: Callable[..., None] = lambda *_: None

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("body", "healthy"),
    [
        (b'{"status":"green"}', True),
        (b'{"status":"yellow"}', True),
        (b'{"status":"red"}', False),
        (b'{"error":"not yet"}', False),
        (b"[]", False),
        (b"<html>", False),
    ],
)
def test_only_green_and_yellow_are_ready(body: bytes, healthy: bool):
    """While an index cannot be read, or something else answers, the node is not ready."""
    with answering(body) as port:
        assert answers_healthy(port) is healthy


def test_nobody_there_is_not_ready():
    """A port where nobody listens is an answer, not an error."""
    with answering(b"") as port:
        pass

    assert answers_healthy(port) is False
