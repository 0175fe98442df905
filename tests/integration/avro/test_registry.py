"""A real registry takes our schemas, refuses what would break readers, and is missed when it is gone."""

import io
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import fastavro
import httpx
import pyarrow as pa
import pytest

from wellhead.avro.decode import Decoder
from wellhead.avro.encode import Encoder
from wellhead.avro.registry import Registry
from wellhead.avro.schema import Schema, load, subjects
from wellhead.cli import run
from wellhead.errors import PermanentError, TemporaryError


def schema(*fields: tuple[str, Any, dict[str, Any]], version: int = 1) -> Schema:
    record = {"type": "record", "name": "Row", "fields": [{"name": name, "type": kind, **more} for name, kind, more in fields]}
    return Schema("test.rows", version, json.dumps(record))


ONE = schema(("a", "string", {}))
TWO = schema(("a", "string", {}), ("b", ["null", "long"], {"default": None}), version=2)
BREAKING = schema(("a", "long", {}), version=2)


@pytest.fixture
def registry(stack):
    with Registry({"schema.registry.url": stack.registry_url}) as registry:
        yield registry


@pytest.fixture
def subject(unique):
    return f"{unique}rows-value"


def test_a_schema_is_registered_once(registry, subject):
    """Again it is looked up; a compatible one becomes the next version; both texts come back as written."""
    assert registry.find(subject, ONE) is None
    registry.check(subject, ONE)
    first = registry.register(subject, ONE)
    assert registry.register(subject, ONE) == first
    registry.check(subject, TWO)
    second = registry.register(subject, TWO)
    assert second != first
    assert registry.versions(subject) == [1, 2]
    assert [json.loads(registry.schema_text(each)) for each in (first, second)] == [ONE.raw, TWO.raw]


def test_many_that_register_the_same_at_once_get_one_id(stack, subject):
    """Streams and workers that start together with one new schema all get its id, whoever of them was first."""
    together = threading.Barrier(8)

    def register(_number):
        with Registry({"schema.registry.url": stack.registry_url}) as registry:
            assert registry.find(subject, ONE) is None
            together.wait()
            return registry.register(subject, ONE)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(register, range(8)))) == 1


@pytest.mark.parametrize("level", ["NONE", "BACKWARD"])
def test_a_breaking_schema_is_refused_at_the_check(level, registry, stack, subject):
    """Whatever the registry's own level; nothing is registered by asking."""
    registry.register(subject, ONE)
    httpx.put(f"{stack.registry_url}/config/{subject}", json={"compatibility": level}).raise_for_status()
    with pytest.raises(PermanentError, match=rf"schema test\.rows v2 is incompatible with what {subject} holds: .+"):
        registry.check(subject, BREAKING)
    assert registry.versions(subject) == [1]


def test_a_breaking_schema_is_refused_at_registration(registry, stack, subject):
    """The registry's refusal reaches a person with its reason."""
    registry.register(subject, ONE)
    httpx.put(f"{stack.registry_url}/config/{subject}", json={"compatibility": "BACKWARD"}).raise_for_status()
    with pytest.raises(PermanentError, match=r"could not register .*: incompatible: .+ Make it read the older versions"):
        registry.register(subject, BREAKING)


def test_an_id_nobody_knows_is_an_error(registry):
    """Naming the id."""
    with pytest.raises(PermanentError, match="fetch the schema with id 99999999"):
        registry.schema_text(99_999_999)


def test_a_url_that_is_not_the_api_root_is_told(stack):
    """A path too few is the likeliest mistake."""
    root = stack.registry_url.replace("/apis/ccompat/v7", "")
    with Registry({"url": root}) as wrong, pytest.raises(PermanentError, match=r"schema\.registry\.url"):
        wrong.register("x-value", ONE)


def test_a_dead_registry_is_waited_for():
    """Nothing listens there; the error is temporary and names the host."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    told = rf"registry 127\.0\.0\.1:{port}: cannot be reached"
    with Registry({"url": f"http://127.0.0.1:{port}"}) as dead, pytest.raises(TemporaryError, match=told):
        dead.check("x-value", ONE)


def test_messages_of_two_versions_are_read_by_their_registered_schemas(registry, subject):
    """Written under the registry's ids, read by asking it for them, by our decoder and by plain fastavro."""
    ids = [registry.register(subject, each) for each in (ONE, TWO)]
    old = Encoder(ONE, ids[0]).encode(pa.record_batch({"a": ["x"]})).values
    new = Encoder(TWO, ids[1]).encode(pa.record_batch({"a": ["y"], "b": [5]})).values
    batch = Decoder(registry.schema_text).decode([*old, *new])
    assert batch.to_pylist() == [{"a": "x", "b": None}, {"a": "y", "b": 5}]
    written = json.loads(registry.schema_text(int.from_bytes(new[0][1:5], "big")))
    assert fastavro.schemaless_reader(io.BytesIO(new[0][5:]), written, None) == {"a": "y", "b": 5}


def test_shipped_schemas_register_from_the_command_line(stack, unique, capsys, registry):
    """The plan first, then the deed, then nothing more to do."""
    words = ["schemas", "register", "--registry-url", stack.registry_url, "--topic-prefix", unique]
    assert run([*words, "--dry-run"]) == 0
    assert "dry run: nothing was registered" in capsys.readouterr().out
    assert registry.versions(f"{unique}wss.access_log-value") == []
    assert run(words) == 0
    told = capsys.readouterr().out
    for subject in subjects():
        assert f"+ {unique}{subject}-value v1: to register" in told
        assert registry.find(f"{unique}{subject}-value", load(subject)) is not None
    assert run(words) == 0
    assert "to register" not in capsys.readouterr().out


def test_nothing_is_registered_where_one_is_refused(stack, unique, tmp_path, capsys, registry):
    """All or nothing, with the reason and exit code 1."""
    target = f"{unique}acme.log-value"
    registry.register(target, BREAKING)
    for name, text in (("acme.log/v1.avsc", ONE.text), ("acme.other/v1.avsc", ONE.text)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    words = ["schemas", "register", "--registry-url", stack.registry_url, "--topic-prefix", unique, "--root", str(tmp_path)]
    assert run(words) == 1
    told = capsys.readouterr()
    assert f"! {target} v1: refused" in told.out
    assert "nothing was registered" in told.err
    assert registry.versions(f"{unique}acme.other-value") == []
