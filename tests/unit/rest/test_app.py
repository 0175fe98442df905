import asyncio
import json

import httpx
import pytest
from memory_cluster import MemoryCluster

from wellhead.config.access import AccessSettings
from wellhead.rest.access import Access
from wellhead.rest.app import create_api, description
from wellhead.rest.description import operations

WORDS = {"connector.class": "wss", "username": "u", "password": "open-sesame"}
CURSOR = {"partition": {"stream": "access_log", "tenant": "default"}, "offset": {"token": "t", "start_ms": 1_789_999_200_000}}


class Asker:
    """Asks one API, one request after the other."""

    def __init__(self, cluster):
        self.cluster = cluster
        self._api = create_api(cluster, Access.of(AccessSettings()), lambda: (b"page", "text/plain; version=0.0.4"))

    def __call__(self, method, path, body=None, **more):
        async def ask():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self._api), base_url="http://127.0.0.1:1") as client:
                content = None if body is None else json.dumps(body)
                headers = {"content-type": "application/json"} if body is not None else {}
                return await client.request(method, path, content=content, headers=headers, **more)

        return asyncio.run(ask())


@pytest.fixture
def ask():
    asker = Asker(MemoryCluster(lambda _loaded: CURSOR["offset"]))
    assert asker("POST", "/connectors", {"name": "c", "config": WORDS}).status_code == 201
    return asker


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/connectors/c/offsets?dryrun=true"),
        ("DELETE", "/connectors/c/offsets?dryRun=maybe"),
        ("PATCH", "/connectors/c/offsets?dry_run=true"),
        ("DELETE", "/connectors/c?offsets=all"),
        ("DELETE", "/connectors/c?offset=delete"),
        ("PUT", "/connectors/c/rollback?version=1&to=2"),
        ("PUT", "/connectors/c/rollback"),
        ("PUT", "/connectors/c/rollback?version=x"),
        ("POST", "/connectors/c/restart?onlyFailed=perhaps"),
        ("GET", "/connectors/c/runs?limit=0"),
        ("PUT", "/admin/loggers/root?scope=world"),
    ],
)
def test_a_parameter_that_is_not_clear_is_refused(ask, method, path):
    """Where a misspelt parameter would change the deed it is 400, and nothing is done."""
    ask("PUT", "/connectors/c/stop")
    before = list(ask.cluster.calls)
    answer = ask(method, path, {"offsets": [CURSOR]} if method == "PATCH" else {"level": "INFO"} if "loggers" in path else None)
    assert (answer.status_code, answer.json()["error_code"]) == (400, 400)
    assert ask.cluster.calls == before


@pytest.mark.parametrize("truth", ["true", "True", "1"])
def test_truth_is_written_as_clients_do(ask, truth):
    """Python's and JavaScript's spellings of a truth value are both understood."""
    assert ask("POST", f"/connectors/c/restart?includeTasks={truth}&forward=false").status_code == 202


@pytest.mark.parametrize(("method", "path"), [("POST", "/connectors/c/tasks"), ("PUT", "/connectors/c/fence")])
def test_what_connect_keeps_for_itself_is_not_there(ask, method, path):
    """Paths that Connect's workers use among themselves are not served."""
    assert ask(method, path, []).status_code in {404, 405}


def test_a_connector_may_be_born_with_cursors(ask):
    """initial_offsets are where the cursors of a new connector stand, whatever stood there before."""
    body = {"name": "d", "config": WORDS, "initial_state": "STOPPED", "initial_offsets": [CURSOR]}
    assert ask("POST", "/connectors", body).status_code == 201
    (offset,) = ask("GET", "/connectors/d/offsets").json()["offsets"]
    assert offset == {**CURSOR, "age_secs": 0.0, "history_id": "d-0"}


def test_cursors_can_be_tried_out(ask):
    """A dry run says what would change and changes nothing; it needs the same as the deed."""
    assert ask("DELETE", "/connectors/c/offsets?dryRun=true").status_code == 400
    ask("PUT", "/connectors/c/stop")
    dry = ask("DELETE", "/connectors/c/offsets?dryRun=true").json()
    assert dry["plan"] == [{**CURSOR, "offset": None}]
    assert len(ask("GET", "/connectors/c/offsets").json()["offsets"]) == 1
    assert ask("PATCH", "/connectors/c/offsets?dryRun=true", {"offsets": [CURSOR]}).json()["plan"] == [CURSOR]


def test_deleting_takes_the_cursors_only_when_told(ask):
    """Cursors outlive their connector, as in Connect, unless offsets=delete."""
    assert ask("DELETE", "/connectors/c").status_code == 204
    assert ask.cluster.cursors["c"]
    ask("POST", "/connectors", {"name": "c", "config": WORDS})
    assert ask("DELETE", "/connectors/c?offsets=delete").status_code == 204
    assert "c" not in ask.cluster.cursors


def test_back_to_an_older_version(ask):
    """Versions are kept, shown without secrets, and one can be made the newest again."""
    ask("PATCH", "/connectors/c/config", {"chunk_bytes": "200000"})
    shown = ask("GET", "/connectors/c/versions")
    assert [each["version"] for each in shown.json()] == [2, 1]
    assert "open-sesame" not in shown.text
    assert "chunk_bytes" not in ask("PUT", "/connectors/c/rollback?version=1").json()["config"]
    missing = ask("PUT", "/connectors/c/rollback?version=9")
    assert (missing.status_code, "has no version 9" in missing.json()["message"]) == (404, True)


def test_insight(ask):
    """Explanation, runs and dead letters are lists and mappings of what the cluster tells, bounded as asked."""
    assert ask("GET", "/connectors/c/explain").json()["connector"] == "c"
    assert len(ask("GET", "/connectors/c/runs?limit=2").json()) == 2
    assert ask("GET", "/connectors/c/dead-letters").json() == []
    assert {ask("GET", f"/connectors/nope/{what}").status_code for what in ("explain", "runs", "dead-letters", "versions")} == {
        404
    }


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "config: required"),
        ({"config": {"a": {"b": 1}}}, "config.a: must be text"),
        ({"config": {"a": ["b"]}}, "config.a: must be text"),
        ({"config": []}, "config: must be an object"),
        ([], "the body: must be an object"),
        (None, "the body: must be an object"),
        ({"name": 5, "config": {}}, "name: must be text"),
        ({"name": "a", "config": WORDS, "initial_offsets": [{"partition": {}}]}, "initial_offsets.0.offset: required"),
        ({"name": "a", "config": WORDS, "initial_offsets": [{"partition": {}, "offset": None, "x": 1}]}, 'field "x"'),
        (
            {"name": "a", "config": WORDS, "initial_offsets": [{"partition": {"a": []}, "offset": {}}]},
            "initial_offsets.0.partition.a",
        ),
    ],
)
def test_bodies_that_make_no_sense(ask, body, told):
    """What is wrong with a body is told by field, with 400, and nothing of its values."""

    answer = ask("POST", "/connectors", body if body is not None else "")
    assert answer.status_code == 400
    assert told in answer.json()["message"]
    assert "open-sesame" not in answer.text


def test_numbers_and_truths_are_read_as_text(ask):
    """A configuration's values may be written as JSON's own, as Connect reads them."""
    body = {"name": "n", "config": {**WORDS, "tasks.max": 2, "poll.continuous": True, "poll.jitter.ratio": 0.5, "tenant": None}}
    made = ask("POST", "/connectors", body).json()["config"]
    assert (made["tasks.max"], made["poll.continuous"], made["poll.jitter.ratio"], "tenant" in made) == (
        "2",
        "true",
        "0.5",
        False,
    )


def test_secrets_come_out_of_no_answer(ask):
    """No path shows a password, and a configuration that is sent back as shown keeps it."""
    paths = ("", "/config", "/status", "/tasks", "/versions", "/explain", "/offsets", "/topics")
    told = [ask("GET", f"/connectors/c{path}").text for path in paths] + [
        ask("GET", "/connectors?expand=info&expand=status").text
    ]
    shown = ask("GET", "/connectors/c/config").json()
    told.append(ask("PUT", "/connector-plugins/wss/config/validate", {**WORDS, "name": "c", "chunk_bytes": "no"}).text)
    told.append(ask("PUT", "/connectors/c/config", {**shown, "chunk_bytes": "no"}).text)
    told.append(ask("PUT", "/connectors/c/config", {**shown, "chunk_bytes": "100000"}).text)
    assert not [text for text in told if "open-sesame" in text]
    assert shown["password"] == "******"
    assert ask.cluster._connectors["c"].words["password"] == "open-sesame"


def test_the_description_names_every_path_and_loads_nothing(ask):
    """The OpenAPI document has each path with its answers, and the page of it refers to no other host."""
    described = ask("GET", "/openapi.json").json()
    assert described == description()
    assert len(list(operations(described))) == 39
    assert all("422" not in operation["responses"] for _, _, operation in operations(described))
    page = ask("GET", "/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "PATCH /connectors/{name}/offsets" in page.text
    assert "http" not in page.text.replace("HTTP", "").replace("http-", "")


def test_names_with_odd_characters_are_found_again(ask):
    """A name with percent signs and letters of any script can be made, is where Location says, and can be deleted."""
    made = ask("POST", "/connectors", {"name": "ü%41?x", "config": WORDS})
    assert made.headers["location"] == "http://127.0.0.1:1/connectors/%C3%BC%2541%3Fx"
    assert ask("GET", made.headers["location"]).json()["name"] == "ü%41?x"
    assert ask("DELETE", made.headers["location"]).status_code == 204


def test_metrics(ask):
    """The metrics page keeps its own content type."""
    page = ask("GET", "/metrics")
    assert (page.content, page.headers["content-type"]) == (b"page", "text/plain; version=0.0.4; charset=utf-8")
