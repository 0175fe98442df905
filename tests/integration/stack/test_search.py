"""The embedded search stores are real ones that can be broken in every way a real one breaks."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from wellhead.stack import SearchOptions, SearchServer, StackError
from wellhead.stack.errors import PortTakenError, StartError
from wellhead.stack.search_files import SearchKind

# A busy machine answers late; what hangs is ended by the test's own limit.
PATIENCE_SECS = 60
VERSIONS: dict[SearchKind, str] = {"opensearch": "2.19.6", "elasticsearch": "6.8.23"}


@pytest.fixture(scope="module", params=VERSIONS)
def server(request: pytest.FixtureRequest) -> Iterator[SearchServer]:
    """One server of each product for all tests here; each test leaves it serving."""
    kind: SearchKind = request.param
    with SearchServer(kind) as running:
        yield running


@pytest.fixture
def client(server: SearchServer) -> Iterator[httpx.Client]:
    """A client of the server, of its own for each test: a killed server takes its connections along."""
    with httpx.Client(base_url=server.url, timeout=PATIENCE_SECS, trust_env=False) as opened:
        yield opened


def test_it_is_the_locked_version(server: SearchServer, client: httpx.Client):
    """Each product answers with the version that the lock names."""
    assert client.get("/").json()["version"]["number"] == VERSIONS[server.kind]


def test_what_it_acknowledged_survives_sigkill(server: SearchServer, client: httpx.Client, unique: str):
    """A document is found again by a search after a kill without warning, at the same address."""
    index, address = unique.strip("."), server.url
    assert client.put(f"/{index}/_doc/1", json={"domain": "shop.example"}).status_code == httpx.codes.CREATED

    server.kill()
    with pytest.raises(httpx.ConnectError):
        client.get("/")
    server.restart()

    assert server.url == address
    assert client.get(f"/{index}/_doc/1").json()["_source"] == {"domain": "shop.example"}
    found = client.post(f"/{index}/_search", json={"query": {"match": {"domain": "shop.example"}}}).json()
    assert [hit["_id"] for hit in found["hits"]["hits"]] == ["1"]


def test_frozen_then_resumed(server: SearchServer, client: httpx.Client, unique: str):
    """While frozen it accepts connections and answers nothing; afterwards it goes on with all it had."""
    index = unique.strip(".")
    client.put(f"/{index}/_doc/1", json={"count": 1}).raise_for_status()

    server.pause()
    with pytest.raises(httpx.ReadTimeout):
        client.get("/", timeout=0.5)
    server.resume()

    assert client.get(f"/{index}/_doc/1").json()["_source"] == {"count": 1}


def test_process_is_the_server_itself_on_loopback(server: SearchServer):
    """The pid is the server's own, so that signals reach it, and it listens nowhere else."""
    process = psutil.Process(server.process.pid)

    assert process.name() == "java"
    ips = {found.laddr.ip for found in process.net_connections() if found.status == psutil.CONN_LISTEN}
    assert ips <= {"127.0.0.1", "::ffff:127.0.0.1"}
    assert len(ips) == 1


def test_taken_port_is_named(server: SearchServer):
    """A port that another server has is refused before anything starts, with the way to find who has it."""
    with pytest.raises(PortTakenError, match=rf"port {server.port} on 127\.0\.0\.1 is taken by another process.*ss -ltnp"):
        SearchServer(server.kind, options=SearchOptions(port=server.port))


def test_bad_setting_is_quoted(tmp_path: Path, server: SearchServer):
    """A setting that the product refuses is told in its own words, with the place of its log."""
    options = SearchOptions(settings={"no.such.setting": 1})

    with pytest.raises(StartError, match=rf"(?s)exited with code \d+ while starting.*{server.kind}\.log:\n.*no\.such\.setting"):
        SearchServer(server.kind, tmp_path, options).start()


def test_java_it_does_not_run_on_is_told(tmp_path: Path, server: SearchServer):
    """A Java too new for the product is refused by name before a start could fail half way, with the way out."""
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"25.0.1\"' >&2\n")
    java.chmod(0o755)

    with pytest.raises(
        StackError, match=rf"(?i){server.kind} {VERSIONS[server.kind]} runs on Java 17.*is Java 25\.0\.1.*--java"
    ):
        SearchServer(server.kind, options=SearchOptions(java=str(java)))
