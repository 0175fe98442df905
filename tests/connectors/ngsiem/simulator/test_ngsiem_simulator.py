"""The simulated tenant, asked by a plain HTTP client."""

from __future__ import annotations

import httpx
import pytest

from connectors.ngsiem.simulator import Settings, create
from wellhead.testing.blockingclock import SteppingClock
from wellhead.testing.server import serve

FILES = "/humio/api/v1/repositories/search-all/files"
CONTENT = "/ngsiem-content/entities/lookupfiles/v1"
ENTRIES = "/ngsiem-content/entities/lookupfiles-entries/v1"
CSV = b"ip,note\n192.0.2.1,a\n192.0.2.2,b\n"


@pytest.fixture
def clock():
    return SteppingClock()


@pytest.fixture
def client(clock):
    simulator = create(Settings(max_file_bytes=200), clock=clock)
    with serve(simulator) as url, httpx.Client(base_url=url, trust_env=False) as made:
        login(made, simulator.settings.client_secret)
        yield made


def login(client, secret: str = "simulated-client-secret") -> httpx.Response:
    answer = client.post("/oauth2/token", data={"client_id": "wellhead-client", "client_secret": secret})
    if answer.status_code == 201:
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return answer


def send(client, method: str = "POST", url: str = CONTENT, content: bytes = CSV, **form: str) -> httpx.Response:
    data = {"search_domain": "falcon", "filename": "x.csv", **form}
    return client.request(method, url, data=data, files={"file": ("x.csv", content)})


def test_a_token_has_a_region_and_an_end(client, clock):
    """201, the region's header, and after half an hour 401."""
    answer = login(client)
    assert answer.headers["X-Cs-Region"] == "us-1"
    assert answer.json()["expires_in"] == 1_799
    assert client.get(f"{FILES}/x.csv").status_code == 404
    clock.advance(1_800)
    assert client.get(f"{FILES}/x.csv").status_code == 401
    assert login(client, "other").status_code == 403


def test_the_older_api_answers_an_upload_with_a_plain_id(client):
    """Which is no JSON."""
    answer = client.post(FILES, files={"file": ("x.csv", CSV)})
    assert answer.headers["content-type"].startswith("text/plain")
    assert len(answer.text) == 24
    assert client.get(f"{FILES}/x.csv").content == CSV


@pytest.mark.parametrize("url", [f"{FILES}/x.csv", f"{CONTENT}?search_domain=falcon&filename=x.csv"])
def test_head_is_not_allowed(client, url):
    """Whoever takes that for a missing file is wrong."""
    client.post(FILES, files={"file": ("x.csv", CSV)})
    send(client)
    assert client.head(url).status_code == 405
    assert client.get(url).status_code == 200


def test_the_newer_api_creates_replaces_lists_and_deletes(client):
    """Each by its verb."""
    assert send(client, "PATCH").status_code == 404
    assert send(client).status_code == 201
    assert send(client, "PATCH", content=CSV[:8]).status_code == 200
    assert client.get(CONTENT, params={"search_domain": "falcon", "filename": "x.csv"}).content == CSV[:8]
    queries = {"search_domain": "falcon", "filter": "name:~'x'"}
    assert client.get("/ngsiem-content/queries/lookupfiles/v1", params=queries).json()["resources"] == ["x.csv"]
    gone = [client.delete(CONTENT, params={"search_domain": "falcon", "filename": "x.csv"}).status_code for _ in range(2)]
    assert gone == [200, 404]


def test_rows_are_merged_by_key_or_appended(client):
    """Where keys are named rows of the same key are replaced in their place."""
    send(client)
    changes = b"ip,note\n192.0.2.2,z\n192.0.2.3,c\n"
    by_key = {"update_mode": "update", "key_columns": "ip", "ignore_case": "false"}
    assert send(client, "PATCH", ENTRIES, changes, **by_key).status_code == 200
    merged = b'"ip","note"\n"192.0.2.1","a"\n"192.0.2.2","z"\n"192.0.2.3","c"\n'
    assert client.get(CONTENT, params={"search_domain": "falcon", "filename": "x.csv"}).content == merged
    assert send(client, "PATCH", ENTRIES, changes, update_mode="append").status_code == 200
    rows = client.get(CONTENT, params={"search_domain": "falcon", "filename": "x.csv"}).content
    assert rows == merged + b'"192.0.2.2","z"\n"192.0.2.3","c"\n'


@pytest.mark.parametrize(
    ("form", "content", "status"),
    [
        ({}, CSV, 400),
        ({"update_mode": "update", "key_columns": "ip"}, CSV, 400),
        ({"update_mode": "update", "key_columns": "other", "ignore_case": "false"}, CSV, 400),
        ({"update_mode": "append"}, b"ip,other\n1,2\n", 400),
        ({"update_mode": "append", "filename": "y.csv"}, CSV, 404),
        ({"update_mode": "append", "search_domain": "nowhere"}, CSV, 404),
    ],
)
def test_row_changes_that_say_too_little_are_refused(client, form, content, status):
    """The mode stands in the form, keys with it, columns are the file's."""
    send(client)
    assert send(client, "PATCH", ENTRIES, content, **form).status_code == status


@pytest.mark.parametrize(
    ("content", "name", "status"),
    [
        (b"\xef\xbb\xbfa\n1\n", "x.csv", 400),
        (b"a,b\n1\n", "x.csv", 400),
        (b'a\n"1\n', "x.csv", 400),
        (b"a\n1\n", "x y.csv", 400),
        (b"a\n" + b"1\n" * 200, "x.csv", 413),
    ],
)
def test_what_cannot_be_looked_up_is_refused(client, content, name, status):
    """Byte-order mark, uneven rows, an open quote, odd names, too many bytes."""
    assert send(client, content=content, filename=name).status_code == status


def test_the_sixth_upload_in_half_a_minute_is_refused(client, clock):
    """And told when there is room again."""
    assert [send(client).status_code for _ in range(6)] == [201] * 5 + [429]
    answer = send(client)
    assert int(answer.headers["X-Ratelimit-Retryafter"]) == clock.now_ms() // 1_000 + 30
    clock.advance(30)
    assert send(client).status_code == 201


def test_a_secret_that_was_given_is_not_shown():
    """Only the invented one is (I6)."""
    assert "simulated-client-secret" in create(Settings()).hint("http://x")
    assert "perhaps-real" not in create(Settings(client_secret="perhaps-real")).hint("http://x")
