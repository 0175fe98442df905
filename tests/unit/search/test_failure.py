"""Proves over real sockets that each way a store can fail has the type that is its recovery, and a message for three in the morning."""

import socket
import ssl
import threading

import pytest
from certificates import Authority
from recorded_store import OPENSEARCH, Answer, RecordedStore, store_at

from wellhead.errors import PermanentError, TemporaryError
from wellhead.search.failure import reason_of


def failure_of(*urls, **more):
    store = store_at(*urls, **more)
    try:
        with pytest.raises((TemporaryError, PermanentError), match=r"^store 'primary' at ") as raised:
            store.about()
    finally:
        store.close()
    return raised.value


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (Answer({"error": {"type": "security_exception", "reason": "missing"}}, 401), PermanentError, "401"),
        (Answer({"error": {"type": "security_exception", "reason": "no perm"}}, 403), PermanentError, "403.*no perm.*Grant"),
        (Answer({"error": {"type": "cluster_block_exception", "reason": "x"}}, 403), TemporaryError, "Free disk space"),
        (Answer({"error": {"type": "circuit_breaking_exception", "reason": "heap"}}, 429), TemporaryError, "busy.*heap"),
        (Answer("<html>", 502), TemporaryError, "502"),
        (Answer({}, 503), TemporaryError, "503"),
        (Answer({"error": {"type": "parsing_exception", "reason": "bad query"}}, 400), PermanentError, "400, .*bad query"),
        (Answer({"error": "no handler"}, 404), PermanentError, "404, no handler"),
        (Answer("<html>hello</html>"), TemporaryError, "something else than JSON"),
        (Answer({"hello": "world"}), PermanentError, "neither OpenSearch nor Elasticsearch"),
        (Answer({"version": {"number": "5.6.0"}}), PermanentError, "too old"),
        (Answer(cut=True), TemporaryError, "cannot be reached"),
    ],
)
def test_each_answer_has_its_recovery(answer, kind, told):
    """What may pass is temporary, what a person must change is permanent and says what."""
    with RecordedStore({"GET /": answer}) as recorded:
        error = failure_of(recorded.url)
    assert type(error) is kind
    with pytest.raises(kind, match=f"127.0.0.1:{recorded.port}.*{told}"):
        raise error


def test_a_store_that_is_gone_is_away():
    """A refused connection is temporary and says so."""
    error = failure_of("http://127.0.0.1:1")
    assert isinstance(error, TemporaryError)
    assert "Connection refused" in str(error)


def test_a_store_that_is_silent_is_away():
    """A store that accepts and says nothing is given up after timeout.secs."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = failure_of(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_secs=0.2)
    assert isinstance(error, TemporaryError)
    assert "no answer in time" in str(error)


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def served(authority):
    """Serve over TLS, as 127.0.0.1 and localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("store"))
    with RecordedStore({"GET /": Answer(OPENSEARCH)}, context) as recorded:
        yield recorded


def test_trust_is_by_authority(served, authority):
    """A certificate of a trusted authority will do; without that authority it is a person's turn."""
    store = store_at(served.url, ca_file=authority.file)
    assert store.about().product == "opensearch"
    store.close()
    error = failure_of(served.url)
    assert isinstance(error, PermanentError)
    assert "not trusted" in str(error)
    assert "ca.file" in str(error)


def test_the_name_is_checked_unless_told_otherwise(served, authority):
    """A certificate for another host is refused, and taken with verify.hostname off; a foreign authority still is not."""
    url = f"https://127.1:{served.port}"
    error = failure_of(url, ca_file=authority.file)
    assert isinstance(error, PermanentError)
    assert "verify.hostname" in str(error)
    store = store_at(url, ca_file=authority.file, verify_hostname=False)
    assert store.about().product == "opensearch"
    store.close()
    assert isinstance(failure_of(url, verify_hostname=False), PermanentError)


def test_a_handshake_that_is_cut_is_no_lack_of_trust():
    """A server that goes away in the middle of the handshake is away, not untrusted."""
    with socket.create_server(("127.0.0.1", 0)) as cutting:

        def cut() -> None:
            for _ in range(2):
                connection, _ = cutting.accept()
                connection.recv(65536)  # all of it, so that it is an end and no reset
                connection.close()

        thread = threading.Thread(target=cut, daemon=True)
        thread.start()
        error = failure_of(f"https://127.0.0.1:{cutting.getsockname()[1]}")
        thread.join(10)
    assert isinstance(error, TemporaryError)


def test_plain_http_where_tls_is_expected_is_a_mistake():
    """TLS to a server that speaks none is a wrong url."""
    with RecordedStore({"GET /": Answer(OPENSEARCH)}) as recorded:
        error = failure_of(recorded.url.replace("http:", "https:"))
    assert isinstance(error, PermanentError)
    assert "scheme in url" in str(error)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"ca_file": "/nowhere.pem"}, "ca.file /nowhere.pem: No such file"),
        ({"cert_file": "/nowhere.pem", "key_file": "/nowhere.key"}, "cert.file /nowhere.pem"),
    ],
)
def test_certificate_files_are_read_at_once(options, told):
    """A file that cannot be used is told before anything is asked."""
    with pytest.raises(PermanentError, match=told):
        store_at("https://127.0.0.1:1", **options)


def test_reasons_are_short_and_told_once():
    """Type, reason and cause, each once, and never a whole answer."""
    root = {"type": "a", "reason": "b;"}
    assert reason_of({"error": {**root, "root_cause": [root]}}) == "a: b"
    assert reason_of({"error": {"type": "x", "reason": "y" * 9999}}) == ("x: " + "y" * 9999)[:500]
    assert reason_of(None) == ""
