"""`wellhead stack` starts, shows and stops real servers in the background."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest
from confluent_kafka.admin import AdminClient
from redis import Redis

from wellhead.stack.cache import cache_dir
from wellhead.stack.lock import load_lock

PROGRAM = "from wellhead.tools.stack import stack; stack()"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real cache under another name: its own background stack, no second download."""
    real = cache_dir()
    folder = tmp_path_factory.mktemp("cache")
    for name in ("archives", "kafka", "maven", "unpacked"):
        (real / name).mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(real / name)
    return folder


def run(*words: str, cache: Path, expect: int = 0) -> str:
    # Java, Maven and everything else are off the PATH.
    environ = {k: v for k, v in os.environ.items() if not k.startswith("WELLHEAD_")} | {"PATH": "/nowhere", "COLUMNS": "60"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words, "--cache", str(cache)],
        env=environ,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + done.stderr


def exports_of(shown: str) -> dict[str, str]:
    return dict(line.removeprefix("export ").split("=", 1) for line in shown.splitlines() if line.startswith("export "))


def assert_gone(pids: list[int]) -> None:
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], 10)
    assert alive == []


def test_up_status_down(cache: Path, tmp_path: Path):
    """`up` prints addresses that work, `status` sees every server, `down` leaves no process and keeps the data."""
    data = tmp_path / "data"
    shown = run("up", "--data", str(data), cache=cache)
    exports = exports_of(shown)
    state = json.loads(run("status", "--json", cache=cache))
    table = run("status", cache=cache)
    again = run("up", cache=cache)
    conflict = run("up", "--brokers", "3", cache=cache, expect=1)
    AdminClient({"bootstrap.servers": exports["WELLHEAD_KAFKA_BOOTSTRAP_SERVERS"]}).list_topics(timeout=30)
    stopped = run("down", cache=cache)

    assert state["healthy"] is True
    assert exports["WELLHEAD_SCHEMA_REGISTRY_URL"] == state["registry_url"]
    assert [server["health"] for server in state["servers"]] == ["serving", "serving"]
    assert all(server["address"] in table and server["log"] in table for server in state["servers"])
    assert "already up" in again
    assert "Stop it first: wellhead stack down" in conflict
    assert f"data kept in {data}" in stopped
    assert_gone([state["pid"], *(server["pid"] for server in state["servers"])])
    assert (data / "broker-1" / "data").is_dir()
    assert run("down", cache=cache) == "no stack is up\n"


def test_servers_beside_the_broker(cache: Path):
    """`--with` starts them at addresses that work; `status` tells a frozen and a dead one; `down` ends both."""
    shown = run("up", "--no-registry", "--with", "redis,search", cache=cache)
    exports = exports_of(shown)
    with Redis.from_url(exports["WELLHEAD_REDIS_URL"]) as client:
        client.set("key", "value")
    httpx.put(f"{exports['WELLHEAD_SEARCH_URL']}/kept/_doc/1", json={"a": 1}, trust_env=False, timeout=60).raise_for_status()
    state = json.loads(run("status", "--json", cache=cache))
    conflict = run("up", "--with", "old-search", cache=cache, expect=1)
    _, redis, search = state["servers"]
    psutil.Process(redis["pid"]).kill()
    psutil.Process(search["pid"]).suspend()
    broken = json.loads(run("status", "--json", cache=cache, expect=1))
    run("down", cache=cache)

    assert state["healthy"] is True
    assert [server["name"] for server in state["servers"]] == ["broker-1", "redis", "opensearch"]
    assert "1 broker(s) and redis, search with data in" in conflict
    assert [server["health"] for server in broken["servers"]] == ["serving", "dead", "silent"]
    assert_gone([server["pid"] for server in state["servers"]])


def test_servers_beside_the_broker_keep_their_data(cache: Path, tmp_path: Path):
    """With `--data` the next start has the same keys at the same address."""
    words = ("up", "--no-registry", "--with", "redis", "--data", str(tmp_path / "data"))
    first = exports_of(run(*words, cache=cache))
    with Redis.from_url(first["WELLHEAD_REDIS_URL"]) as client:
        client.set("key", "value")
    run("down", cache=cache)
    second = exports_of(run(*words, cache=cache))
    with Redis.from_url(first["WELLHEAD_REDIS_URL"]) as client:
        kept = client.get("key")
    run("down", cache=cache)

    assert (first, kept) == (second, b"value")


def test_unknown_server_is_refused_before_anything_starts(cache: Path):
    """A typo in `--with` is answered with the names there are."""
    assert "Choose of: redis, search, old-search" in run("up", "--with", "redis,serch", cache=cache, expect=1)
    assert run("down", cache=cache) == "no stack is up\n"


def test_fetch_leaves_the_stores_out_when_asked(cache: Path):
    """What `make test` fetches is there for every server; a demo's machine need not download the stores."""
    everything, without = run("fetch", cache=cache), run("fetch", "--no-search", cache=cache)

    lock = load_lock()
    assert int(everything.split()[0]) == len(lock.artifacts("kafka", "registry", "opensearch", "elasticsearch"))
    assert int(without.split()[0]) == len(lock.artifacts("kafka", "registry"))


def test_status_tells_a_dead_server_from_a_serving_one(cache: Path):
    """A broker killed behind our back is `dead`, the exit code says so, and `down` still cleans up."""
    run("up", cache=cache)
    broker, _ = json.loads(run("status", "--json", cache=cache))["servers"]
    psutil.Process(broker["pid"]).kill()
    seen = json.loads(run("status", "--json", cache=cache, expect=1))
    stopped = run("down", cache=cache)

    assert [server["health"] for server in seen["servers"]] == ["dead", "serving"]
    assert "data deleted" in stopped
    assert not Path(seen["data_dir"]).exists()


def test_failed_start_shows_the_reason(cache: Path, tmp_path: Path):
    """A folder in use by another stack is refused by name, from the background too."""
    run("up", "--no-registry", "--data", str(tmp_path / "data"), cache=cache)
    other = tmp_path / "other"
    other.mkdir()
    for name in ("archives", "kafka", "maven", "unpacked"):
        (other / name).symlink_to(cache / name)
    refused = run("up", "--no-registry", "--data", str(tmp_path / "data"), cache=other, expect=1)
    run("down", cache=cache)

    assert "data is in use by another stack" in refused


def test_foreground_ends_with_its_terminal(cache: Path):
    """`--foreground` serves until Ctrl-C, then stops within seconds with exit code 0."""
    words = ["up", "--foreground", "--no-registry", "--cache", str(cache)]
    with subprocess.Popen([sys.executable, "-c", PROGRAM, *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        [broker] = json.loads(run("status", "--json", cache=cache))["servers"]
        process.send_signal(2)
        assert process.wait(20) == 0

    assert "the stack is up: broker-1" in first
    assert_gone([broker["pid"]])
