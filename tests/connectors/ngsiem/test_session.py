"""What the SDK's requests become on the wire."""

from __future__ import annotations

import io
import tracemalloc

import pytest
import requests
from falconpy import NGSIEM

from connectors.ngsiem.session import FormBody, StreamingSession
from wellhead.testing.uploads import form_of


def test_a_body_is_as_long_as_it_says_and_reads_back():
    """Fields, name and content come out as they went in, quotes and other alphabets included."""
    body = FormBody({"key_columns": "a,b", "note": "Größe"}, 'odd".csv', io.BytesIO(b'"a"\r\n"1"\n'))
    content = b"".join(body)
    form = form_of(body.content_type, content)
    assert len(content) == len(body)
    assert form.fields == {"key_columns": "a,b", "note": "Größe"}
    assert form.files["file"][1] == b'"a"\r\n"1"\n'


class Sink(requests.adapters.BaseAdapter):
    """Reads a request's body piece by piece and forgets it."""

    def __init__(self) -> None:
        super().__init__()
        self.nbytes = 0
        self.declared = ""

    def send(self, request, **kwargs):
        self.declared = request.headers["Content-Length"]
        self.nbytes = sum(map(len, request.body))
        answer = requests.Response()
        answer.status_code = 200
        return answer

    def close(self) -> None:
        return None


def test_a_large_file_is_never_in_memory(tmp_path):
    """64 MB go out with a peak below 2 MB, by Content-Length, not in chunks that the vendor may refuse."""
    path = tmp_path / "large.csv"
    with path.open("wb") as large:
        large.truncate(64 << 20)
    sink, session = Sink(), StreamingSession()
    session.mount("http://", sink)
    session.filename = "large.csv"
    tracemalloc.start()
    with path.open("rb") as large, session:
        session.request("POST", "http://sink.invalid/files", files={"file": large})
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert int(sink.declared) == sink.nbytes > 64 << 20
    assert peak_bytes < 2 << 20


def test_a_request_that_fails_is_remembered_with_its_reason():
    """The SDK makes a status of every failure; the session keeps what it was."""
    with StreamingSession() as session, pytest.raises(requests.ConnectionError):
        session.get("http://127.0.0.1:9/")
    assert session.answer is None
    assert isinstance(session.error, requests.ConnectionError)
    session.forget()
    assert session.error is None


def test_the_sdk_alone_sends_row_changes_that_say_nothing_of_their_mode(tenant, file):
    """Its own session puts the fields into the URL, where the vendor's description wants them in the form; ours puts them in both."""
    place = tenant(settings={"region": "here"})
    place.target.put(file())
    options = place.simulator.options(place.url)
    given = {
        "filename": "ip.csv",
        "search_domain": "falcon",
        "update_mode": "update",
        "key_columns": "ip",
        "ignore_case": "false",
    }
    rows = b'"ip","note"\n"192.0.2.1","z"\n'
    statuses = []
    for session in (requests.Session(), StreamingSession()):
        session.filename = "ip.csv"
        with session:
            sdk = NGSIEM(**options, session=session)
            statuses.append(sdk.update_lookup_file_entries(file=io.BytesIO(rows), **given)["status_code"])
    assert statuses == [400, 200]
