import hashlib

import pytest

from wellhead.errors import PermanentError
from wellhead.rest.accounts import LOOK_SECS, Reread, parse_tokens, parse_users
from wellhead.rest.contract import Role
from wellhead.testing.clock import FakeClock

HASH = "$2b$04$" + "a" * 53
DIGEST = hashlib.sha256(b"t").hexdigest()


def test_users_and_tokens():
    """A line is a name, a hash and a role; empty lines and comments are passed over."""
    users = parse_users(f"# people\n\nalice:{HASH}:admin\n bob:{HASH}:read-only \n")
    assert {name: user.role for name, user in users.items()} == {"alice": Role.ADMIN, "bob": Role.READ_ONLY}
    (token,) = parse_tokens(f"ci:{DIGEST.upper()}:operator")
    assert (token.name, token.digest.hex(), token.role) == ("ci", DIGEST, Role.OPERATOR)


@pytest.mark.parametrize(
    ("parse", "line", "told"),
    [
        (parse_users, "alice", "line 1: must be user:bcrypt-hash:role"),
        (parse_users, f":{HASH}:admin", "must be user:bcrypt-hash:role"),
        (parse_users, "alice:hunter2:admin", "no bcrypt hash"),
        (parse_users, f"alice:{HASH}:root", "the role must be read-only, operator, admin"),
        (parse_users, f"alice:{HASH}:admin\nalice:{HASH}:operator", "line 2: the user stands in the file twice"),
        (parse_tokens, f"ci:{DIGEST[1:]}:admin", "no SHA-256"),
        (parse_tokens, f"ci:{DIGEST}", "must be name:sha256-hex:role|the role must be"),
    ],
)
def test_lines_that_make_no_sense(parse, line, told):
    """A line that is something else is told by number and form, never by what stands in it."""
    with pytest.raises(ValueError, match=told) as refused:
        parse(line)
    assert "hunter2" not in str(refused.value)


def test_a_file_is_read_again_when_it_changes(tmp_path):
    """A change is seen within a second; what cannot be read leaves what was; a look too early costs nothing."""
    path, clock = tmp_path / "f", FakeClock()
    path.write_text("1")
    found = Reread(path, "word", int, clock)
    path.write_text("22")
    found.refresh()
    assert (found.content, found.version) == (1, 1)
    clock.advance(LOOK_SECS)
    found.refresh()
    assert (found.content, found.version) == (22, 2)
    path.write_text("xxx")
    clock.advance(LOOK_SECS)
    found.refresh()
    assert (found.content, found.version) == (22, 2)
    path.unlink()
    clock.advance(LOOK_SECS)
    found.refresh()
    assert found.content == 22


@pytest.mark.parametrize(("content", "told"), [(None, "cannot be read: no such file"), (b"\xff", "is not UTF-8"), (b"x", "x")])
def test_a_file_that_cannot_be_read_at_first(tmp_path, content, told):
    """At the start a file must be readable; what is wrong is told with its path."""
    path = tmp_path / "accounts"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PermanentError, match=told) as refused:
        Reread(path, "word", int, FakeClock())
    assert str(path) in str(refused.value)
