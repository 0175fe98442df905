import asyncio
import base64
import hashlib

import bcrypt
import pytest

from wellhead.config.access import AccessSettings
from wellhead.errors import ConfigError
from wellhead.rest.access import Access, is_loopback
from wellhead.rest.contract import ApiError, Caller, Role
from wellhead.testing.clock import FakeClock

PASSWORD, TOKEN = "corréct horse", "tok-123"


@pytest.fixture(scope="module")
def hashed():
    return bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


@pytest.fixture
def files(tmp_path, hashed):
    users, tokens = tmp_path / "users", tmp_path / "tokens"
    users.write_text(f"alice:{hashed}:operator\n")
    tokens.write_text(f"ci:{hashlib.sha256(TOKEN.encode()).hexdigest()}:read-only\n")
    return users, tokens


def basic(name, password):
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def asked(access, headers=(), peer=None):
    """Give who asks, or the status of the refusal."""
    try:
        return asyncio.run(access.caller(dict(headers), peer, "10.0.0.9"))
    except ApiError as error:
        return error.status


def test_alone_on_loopback_everybody_may():
    """Without any way to know callers, whoever reaches the listener on this machine is let in."""
    assert asked(Access.of(AccessSettings())) == Caller("anonymous", Role.ADMIN, "10.0.0.9")


def test_by_password(files):
    """A user with the right password has the file's role; a wrong name, password or scheme is refused alike."""
    access = Access.of(AccessSettings(rest_auth_basic_file=files[0]), FakeClock())
    assert asked(access, basic("alice", PASSWORD)) == Caller("alice", Role.OPERATOR, "10.0.0.9")
    assert asked(access, basic("alice", PASSWORD)) == Caller("alice", Role.OPERATOR, "10.0.0.9")
    wrong = [basic("alice", "x"), basic("bob", PASSWORD), basic("alice", ""), basic("alice", "x" * 73), basic("alice", "a\0b")]
    wrong += [{}, {"authorization": "Basic ???"}, {"authorization": "Digest x"}, {"authorization": f"Bearer {TOKEN}"}]
    assert [asked(access, each) for each in wrong] == [401] * len(wrong)
    assert access.challenges() == ['Basic realm="wellhead"']


def test_by_token(files):
    """Whoever shows a token of the file is who the file says."""
    access = Access.of(AccessSettings(rest_auth_token_file=files[1]), FakeClock())
    assert asked(access, {"authorization": f"Bearer {TOKEN}"}) == Caller("ci", Role.READ_ONLY, "10.0.0.9")
    assert asked(access, {"authorization": f"bearer {TOKEN}x"}) == 401
    assert asked(access, basic("alice", PASSWORD)) == 401
    assert access.challenges() == ["Bearer"]


def test_by_certificate(tmp_path):
    """A certificate has the role of its common name, or that of `*`; without a role it is 403, without a certificate 401."""
    named = AccessSettings(rest_tls_client_ca=tmp_path, rest_auth_roles="alice=admin")
    anybody = AccessSettings(rest_tls_client_ca=tmp_path, rest_auth_roles="alice=admin,*=read-only")
    assert asked(Access.of(named), peer="alice") == Caller("alice", Role.ADMIN, "10.0.0.9")
    assert (asked(Access.of(named), peer="bob"), asked(Access.of(named))) == (403, 401)
    assert asked(Access.of(anybody), peer="bob").role is Role.READ_ONLY


def test_what_is_said_wins_over_the_certificate(files, tmp_path):
    """Who sends a wrong password is refused, whatever their certificate."""
    settings = AccessSettings(rest_auth_basic_file=files[0], rest_tls_client_ca=tmp_path, rest_auth_roles="alice=admin")
    assert asked(Access.of(settings), basic("alice", "x"), peer="alice") == 401


def test_guessing_is_bounded(files):
    """After some wrong tries an address is told to wait; the right password, proven before, still works for others and for it."""
    clock = FakeClock()
    access = Access.of(AccessSettings(rest_auth_basic_file=files[0], rest_auth_token_file=files[1]), clock)
    assert asked(access, basic("alice", PASSWORD)).name == "alice"
    tries = [asked(access, {"authorization": f"Bearer {number}"}) for number in range(30)]
    assert tries == [401] * 19 + [429] * 11
    assert asked(access, basic("alice", "wrong")) == 429
    assert asked(access, basic("alice", PASSWORD)).name == "alice"
    assert asked(access, {"authorization": f"Bearer {TOKEN}"}).name == "ci"
    clock.advance(1)
    assert asked(access, {"authorization": "Bearer x"}) == 401


def test_changed_files_count_at_once(files, hashed):
    """A user taken out of the file is refused, even one who was let in before; one put in is let in."""
    clock = FakeClock()
    access = Access.of(AccessSettings(rest_auth_basic_file=files[0]), clock)
    assert asked(access, basic("alice", PASSWORD)).name == "alice"
    files[0].write_text(f"bobby:{hashed}:admin\n")
    clock.advance(2)
    assert asked(access, basic("alice", PASSWORD)) == 401
    assert asked(access, basic("bobby", PASSWORD)).role is Role.ADMIN


@pytest.mark.parametrize(
    ("words", "paths"),
    [
        ({"listeners": "http://:8083"}, ["listeners", "listeners"]),
        ({"listeners": "https://0.0.0.0:8083"}, ["listeners"]),
        ({"listeners": "http://10.0.0.1:8083", "rest_auth_token_file": "tokens"}, ["listeners"]),
        ({"listeners": "http://127.0.0.1:1,https://wellhead.example:2"}, ["listeners"]),
        ({"rest_tls_client_ca": "ca"}, ["rest.auth.roles"]),
        ({"rest_auth_token_file": "gone"}, ["rest.auth"]),
        ({"rest_auth_basic_file": "tokens"}, ["rest.auth"]),
    ],
)
def test_what_is_not_safe_is_refused_at_the_start(files, words, paths):
    """Beyond this machine there must be TLS and a way to know callers; files must be readable; each reason names its option."""
    folder = files[0].parent
    given = {word: folder / value if word != "listeners" else value for word, value in words.items()}
    with pytest.raises(ConfigError) as refused:
        Access.of(AccessSettings(**given))
    assert [problem.path for problem in refused.value.problems] == [f"worker.{path}" for path in paths]


@pytest.mark.parametrize("listeners", ["", "http://127.0.0.1:1", "http://localhost:1,http://[::1]:2", "https://127.8.9.1:3"])
def test_this_machine_is_safe(listeners):
    """Loopback needs nothing."""
    assert Access.of(AccessSettings(listeners=listeners)).is_open


def test_beyond_this_machine_with_tls_and_tokens(files):
    """https and tokens together open the API to other machines."""
    settings = AccessSettings(listeners="https://:8083", rest_auth_token_file=files[1])
    assert not Access.of(settings).is_open


@pytest.mark.parametrize(
    ("host", "is_so"), [("localhost", True), ("127.0.0.2", True), ("::1", True), ("localhost.evil", False), ("0.0.0.0", False)]
)
def test_loopback(host, is_so):
    """Loopback is told by the name alone; a name that only begins like it is not."""
    assert is_loopback(host) is is_so
