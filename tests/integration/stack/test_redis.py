"""The embedded Redis is a real one that can be broken in every way a real one breaks."""

import sys
from pathlib import Path

import psutil
import pytest
from certificates import Authority
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from wellhead.stack import RedisOptions, RedisServer, StackError, TlsDoor
from wellhead.stack.errors import PortTakenError, StartError

WRITES = 500
ONCE = Retry(NoBackoff(), 0)


def test_what_it_acknowledged_survives_sigkill(redis_server: RedisServer):
    """Every write that was answered is there after a kill in the middle of writing, on the same address."""
    address = redis_server.url
    with Redis.from_url(address) as client:
        for number in range(WRITES):
            client.set(f"key-{number}", number)
        redis_server.kill()
        assert redis_server.pid is None

        redis_server.restart()

        assert redis_server.url == address
        assert client.mget([f"key-{number}" for number in range(WRITES)]) == [b"%d" % number for number in range(WRITES)]


def test_a_server_that_keeps_nothing_comes_back_empty():
    """The same kill leaves nothing where no data is kept: what a test of lost state needs."""
    with RedisServer(options=RedisOptions(keeps=False)) as server, Redis.from_url(server.url) as client:
        client.set("key", "value")
        server.kill()
        server.restart()

        assert client.get("key") is None


def test_frozen_then_resumed(redis_server: RedisServer):
    """While frozen it accepts connections and answers nothing; afterwards it goes on with all it had."""
    with Redis.from_url(redis_server.url) as client:
        client.set("key", "value")
    redis_server.pause()
    with (
        Redis.from_url(redis_server.url, retry=ONCE, socket_timeout=0.5) as client,
        pytest.raises((RedisTimeoutError, RedisConnectionError)),
    ):
        client.get("key")
    redis_server.resume()

    with Redis.from_url(redis_server.url) as client:
        assert client.get("key") == b"value"


def test_kept_folder_keeps_data_and_address(tmp_path: Path):
    """A second server on the folder of a first has its keys, at its address; a third at the same time is refused."""
    with RedisServer(tmp_path) as first:
        address = first.url
        with Redis.from_url(address) as client:
            client.set("key", "value")
        with pytest.raises(StackError, match="is in use by another stack"):
            RedisServer(tmp_path)

    with RedisServer(tmp_path) as second, Redis.from_url(second.url) as client:
        assert (second.url, client.get("key")) == (address, b"value")


def test_throw_away_folder_is_deleted(redis_server: RedisServer):
    """A closed server leaves no process and no folder behind; closing again does no harm, starting again is refused."""
    process = psutil.Process(redis_server.process.pid)

    redis_server.close()
    redis_server.close()

    assert not process.is_running()
    assert not redis_server.folder.exists()
    with pytest.raises(StackError, match="was closed"):
        redis_server.start()


def test_taken_port_is_named(redis_server: RedisServer):
    """A port that another server has is refused before anything starts, with the way to find who has it."""
    with pytest.raises(
        PortTakenError, match=rf"port {redis_server.port} on 127\.0\.0\.1 is taken by another process.*ss -ltnp"
    ):
        RedisServer(options=RedisOptions(port=redis_server.port))


def test_bad_setting_is_quoted(tmp_path: Path):
    """A setting that Redis refuses is told in its own words with the place of its log; the folder is free again."""
    with pytest.raises(StartError, match=r"(?s)redis exited with code 1 while starting.*redis\.log:\n.*no-such-setting"):
        RedisServer(tmp_path, RedisOptions(settings={"no-such-setting": 1})).start()

    with RedisServer(tmp_path) as again:
        assert again.pid is not None


def test_password_is_asked_for_and_not_shown():
    """Without the password nobody comes in; neither the options' text nor the command line holds it."""
    options = RedisOptions(password='s3 cr"et')
    with RedisServer(options=options) as server:
        with Redis(port=server.port, retry=ONCE) as stranger, pytest.raises(AuthenticationError):
            stranger.ping()
        with Redis(port=server.port, password=options.password) as client:
            assert client.ping()
        assert "s3 cr" not in repr(options) + " ".join(psutil.Process(server.process.pid).cmdline())


def test_user_behind_a_tls_door(tmp_path: Path):
    """With a user of one's own the default user is off; a TLS door asks for a certificate and outlives its server's kill."""
    authority = Authority(tmp_path)
    certificate = authority.issue("door")
    own = authority.issue("client")
    with (
        RedisServer(options=RedisOptions(username="wellhead", password="pass word")) as server,
        TlsDoor(server.port, certificate, client_ca=authority.file) as door,
    ):
        with Redis(port=server.port, retry=ONCE) as stranger, pytest.raises((AuthenticationError, NoPermissionError)):
            stranger.ping()
        with Redis(
            port=door.port,
            retry=ONCE,
            username="wellhead",
            password="pass word",
            ssl=True,
            ssl_ca_certs=str(authority.file),
            ssl_certfile=str(own[0]),
            ssl_keyfile=str(own[1]),
        ) as client:
            client.set("key", b"x" * 1_000_000)
            assert client.get("key") == b"x" * 1_000_000
            server.kill()
            with pytest.raises(RedisError):
                client.get("key")
            server.restart()
            assert client.strlen("key") == 1_000_000
        with (
            Redis(port=door.port, retry=ONCE, ssl=True, ssl_ca_certs=str(authority.file)) as nameless,
            pytest.raises(RedisConnectionError),
        ):
            nameless.ping()


def test_process_is_the_server_itself_on_loopback(redis_server: RedisServer):
    """The pid is Redis' own, so that signals reach it, and it listens nowhere else."""
    process = psutil.Process(redis_server.process.pid)

    assert process.name() == "redis-server"
    assert {found.laddr.ip for found in process.net_connections() if found.status == psutil.CONN_LISTEN} == {"127.0.0.1"}
    assert sys.prefix in process.exe()
