"""The Maven repository gives bytes, or an error that says whether trying again helps."""

import http.server
import sys
import threading
from collections.abc import Iterator

import pytest

from wellhead.stack.errors import ArtifactError, StackError
from wellhead.stack.fetch import MavenRepository, UnreachableError
from wellhead.stack.lock import LockedArtifact

ARTIFACT = LockedArtifact("org.example:thing:tar.gz:all:1.0", "", 5)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = {
            "/ok/org/example/thing/1.0/thing-1.0-all.tar.gz": (200, b"bytes"),
            "/broken/org/example/thing/1.0/thing-1.0-all.tar.gz": (503, b""),
            "/cut/org/example/thing/1.0/thing-1.0-all.tar.gz": (200, b"byt"),
        }.get(self.path, (404, b""))
        self.send_response(status)
        self.send_header("Content-Length", str(5 if status == 200 else 0))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_bytes_come_from_the_configured_base(base: str):
    """`WELLHEAD_MAVEN_BASE` decides where files come from, and an argument decides over it."""
    from_environment = MavenRepository(environ={"WELLHEAD_MAVEN_BASE": f"{base}/ok"})
    from_argument = MavenRepository(f"{base}/ok/", {"WELLHEAD_MAVEN_BASE": f"{base}/nowhere"})

    assert b"".join(from_environment(ARTIFACT)) == b"".join(from_argument(ARTIFACT)) == b"bytes"


def test_missing_file_is_final(base: str):
    """A 404 is an ArtifactError with the address, and not one that invites another attempt."""
    with pytest.raises(ArtifactError, match=rf"{base}/no/org/example.*answered 404") as caught:
        list(MavenRepository(f"{base}/no")(ARTIFACT))

    assert not isinstance(caught.value, UnreachableError)


@pytest.mark.parametrize("folder", ["broken", "cut"])
def test_failing_server_is_worth_another_attempt(base: str, folder: str):
    """A 5xx and a body shorter than announced are UnreachableErrors."""
    with pytest.raises(UnreachableError, match=f"{base}/{folder}"):
        list(MavenRepository(f"{base}/{folder}")(ARTIFACT))


def test_silent_address_is_worth_another_attempt():
    """A refused connection is an UnreachableError."""
    with pytest.raises(UnreachableError, match="ConnectionError"):
        list(MavenRepository("http://127.0.0.1:1")(ARTIFACT))


def test_missing_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    """Without maven-artifact the error holds the pip command."""
    monkeypatch.setitem(sys.modules, "maven_artifact", None)

    with pytest.raises(StackError, match=r"pip install 'wellhead\[stack\]'"):
        MavenRepository()
