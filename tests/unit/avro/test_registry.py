"""What a registry answers becomes an id, or an error that says the recovery and names the registry's reason."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from wellhead.avro.registry import Registry
from wellhead.errors import PermanentError, TemporaryError

SECRET = "s3cret-of-the-registry"


class Answers(BaseHTTPRequestHandler):
    """Answers every request with what the test put into `server.script`, by method and the start of the path."""

    def do_GET(self):
        self._answer("GET")

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer("POST")

    def _answer(self, method):
        self.server.asked.append(f"{method} {self.path}")
        status, body = next(
            (answer for start, answer in self.server.script.items() if f"{method} {self.path}".startswith(start)),
            (404, {"error_code": 40401, "message": "Subject not found"}),
        )
        text = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_args: object):
        """Keep quiet."""


@pytest.fixture
def server():
    running = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    running.script, running.asked = {}, []
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture
def registry(server):
    with Registry({"schema.registry.url": f"http://user:{SECRET}@127.0.0.1:{server.server_port}/apis/ccompat/v7"}) as registry:
        yield registry


@pytest.fixture
def one(schema):
    return schema(("a", "string"))


def found(schema_id):
    return (200, {"subject": "s", "version": 1, "id": schema_id, "schema": "{}"})


def test_a_registered_schema_is_looked_up_and_not_written(registry, server, one):
    """Starting again writes nothing to the registry."""
    server.script = {"POST /apis/ccompat/v7/subjects/s?": found(7)}
    assert registry.register("s", one) == 7
    assert not [request for request in server.asked if "/versions" in request]


def test_a_new_schema_is_registered(registry, server, one):
    """The id is the registry's."""
    server.script = {"POST /apis/ccompat/v7/subjects/s/versions": (200, {"id": 9})}
    assert registry.register("s", one) == 9


def test_a_schema_text_is_fetched_once(registry, server):
    """An id's schema never changes."""
    server.script = {"GET /apis/ccompat/v7/schemas/ids/5": (200, {"schema": '"string"'})}
    assert [registry.schema_text(5) for _ in range(3)] == ['"string"'] * 3
    assert len(server.asked) == 1


def test_an_incompatible_schema_is_refused_with_the_registrys_reason(registry, server, one):
    """The check writes nothing and quotes what the registry said."""
    server.script = {
        "GET /apis/ccompat/v7/subjects/s/versions": (200, [1]),
        "POST /apis/ccompat/v7/compatibility": (
            200,
            {"is_compatible": False, "messages": ["READER_FIELD_MISSING_DEFAULT_VALUE: a"]},
        ),
    }
    with pytest.raises(
        PermanentError, match=r"incompatible with what s holds: READER_FIELD_MISSING_DEFAULT_VALUE: a"
    ) as raised:
        registry.check("s", one)
    assert SECRET not in str(raised.value)


def test_a_registry_that_takes_anything_is_not_trusted(registry, server, schema, one):
    """At compatibility level NONE our own check stands in: old messages must stay readable."""
    old = schema(("b", "long"))
    server.script = {
        "GET /apis/ccompat/v7/subjects/s/versions/latest": (200, {"subject": "s", "version": 3, "id": 1, "schema": old.text}),
        "GET /apis/ccompat/v7/subjects/s/versions": (200, [1, 2, 3]),
        "POST /apis/ccompat/v7/compatibility": (200, {"is_compatible": True}),
    }
    with pytest.raises(PermanentError, match="a: not in schema s registered version 3, and has no default"):
        registry.check("s", one)


def test_a_new_subject_is_compatible_with_nothing(registry, one):
    """The first version of a topic needs nobody's leave."""
    assert registry.check("s", one) is None
    assert registry.versions("s") == []


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        ((401, {"error_code": 40101, "message": "no"}), PermanentError, "does not know the credentials.*basic.auth.user.info"),
        ((403, "<html>denied by proxy</html>"), PermanentError, "may not do this"),
        ((409, {"error_code": 409, "message": "field a changed"}), PermanentError, "incompatible: field a changed"),
        ((422, {"error_code": 42201, "message": "Invalid schema"}), PermanentError, "invalid: Invalid schema"),
        ((429, {"error_code": 429, "message": "slow down"}), TemporaryError, "429"),
        ((500, {"error_code": 50001, "message": "backend"}), TemporaryError, "500.*Waiting for it to recover"),
        ((503, "<html>starting</html>"), TemporaryError, "503"),
        ((418, "<html>secret page</html>"), PermanentError, "418.*Check schema.registry.url"),
        ((200, "<html>secret page</html>"), PermanentError, "is no registry's"),
    ],
)
def test_an_answer_says_its_recovery(answer, error, told, server, schema):
    """Credentials and schemas are a person's to change, the rest is waited for; no page and no secret is quoted."""
    server.script = {"POST": answer}
    url = f"http://user:{SECRET}@127.0.0.1:{server.server_port}"
    with (
        Registry({"url": url}) as registry,
        pytest.raises(error, match=rf"registry 127\.0\.0\.1:{server.server_port}: .*{told}") as raised,
    ):
        registry.register("s", schema(("a", "string")))
    assert "html" not in str(raised.value)
    assert SECRET not in str(raised.value)


def test_a_dead_registry_is_waited_for(one):
    """The message names the host and where to look; the client does not retry behind our back."""
    told = r"registry 127\.0\.0\.1:9: cannot be reached to look up .*schema\.registry\.url"
    with Registry({"url": f"http://user:{SECRET}@127.0.0.1:9"}) as dead, pytest.raises(TemporaryError, match=told) as raised:
        dead.register("s", one)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "schema.registry.url is not set"),
        ({"url": f"ftp://user:{SECRET}@host"}, "schema.registry.url is not set, or no URL"),
        ({"url": "http://127.0.0.1:9", "colour": "red"}, "Unrecognized properties: colour"),
        ({"url": "http://127.0.0.1:9", "timeout": "soon"}, "timeout"),
        ({"url": "http://127.0.0.1:9", "ssl.ca.location": "/nowhere.pem"}, "schema.registry settings"),
        ({"url": "http://127.0.0.1:9", "basic.auth.user.info": SECRET}, "username"),
    ],
)
def test_a_bad_setting_is_told_without_its_value(settings, told):
    """At construction, by name."""
    with pytest.raises(PermanentError, match=told) as raised:
        Registry(settings)
    assert SECRET not in str(raised.value)


def test_settings_pass_through_as_the_client_wants_them():
    """The worker file holds texts; numbers are made of those that are numbers."""
    settings = {
        "schema.registry.url": "http://127.0.0.1:9",
        "schema.registry.timeout": "2.5",
        "schema.registry.cache.capacity": "10",
    }
    with Registry(settings) as registry:
        assert registry._client._rest_client.timeout == 2.5
        assert registry._client._rest_client.cache_capacity == 10
        assert registry._client._rest_client.max_retries == 0
