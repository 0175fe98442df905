"""Tests of what belongs into a bypass file, and of the file itself."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watchable import NOON_MS, finding

from wellhead.consumers.floods.bypass import BypassFile, bypass_of, is_entry, touches
from wellhead.consumers.floods.findings import Suggestion
from wellhead.errors import PermanentError


def suggest(entry, action="bypass"):
    return Suggestion(action, entry, "text")


def made(*findings, allow=(), now_ms=NOON_MS, grace_secs=60):
    return bypass_of(findings, allow=allow, grace_secs=grace_secs, now_ms=now_ms)


def test_an_entry_stands_as_long_as_a_finding_suggests_it():
    """Then for the grace, and then no more; what only is to be limited is never let past."""
    closed = finding("f2", kind="closed", time_ms=NOON_MS - 59_000, suggestion=suggest("*.late.example"))
    limit = finding("f3", suggestion=suggest("198.51.100.7", "limit_destination"))
    assert list(made(finding(), closed, limit).entries) == ["*.late.example", "*.ticker.example"]
    assert list(made(finding(), closed, limit, now_ms=NOON_MS + 2_000).entries) == ["*.ticker.example"]
    assert list(made(finding(), closed, limit, now_ms=NOON_MS + 9_000_000_000).entries) == ["*.ticker.example"]


@pytest.mark.parametrize("allow", ["*.ticker.example", "ticker.example", "*.push.ticker.example", "p1.ticker.example", "*.TICKER.example"])  # fmt: skip
def test_what_must_be_looked_at_is_never_let_past(allow):
    """Neither the family itself, nor an entry that covers a part of it that must be looked at."""
    other = finding("f2", suggestion=suggest("*.else.example"), members=("push.else.example",))
    found = made(finding(), other, allow=[allow.lower()])
    assert (list(found.entries), list(found.kept_out)) == (["*.else.example"], ["*.ticker.example"])


@pytest.mark.parametrize("allow", ["198.51.100.0/24", "pay.bank.example", "*.bank.example"])
def test_what_was_counted_with_what_must_be_looked_at_is_never_let_past(allow):
    """An entry covers every member of its finding, whatever names the family."""
    shared = finding(members=("p1.ticker.example", "198.51.100.7", "pay.bank.example"))
    assert list(made(shared, allow=[allow]).kept_out) == ["*.ticker.example"]
    assert list(made(shared, allow=["203.0.113.0/24"]).entries) == ["*.ticker.example"]


@pytest.mark.parametrize(
    ("allowed", "entry", "is_so"),
    [
        ("*.bank.example", "*.bank.example", True),
        ("*.bank.example", "pay.bank.example", True),
        ("pay.bank.example", "*.bank.example", True),
        ("*.bank.example", "*.mybank.example", False),
        ("bank.example", "bank.example.net", False),
        ("198.51.100.0/24", "198.51.100.7", True),
        ("198.51.100.7", "198.51.100.7", True),
        ("198.51.100.7", "198.51.100.70", False),
    ],
)
def test_what_touches_what(allowed, entry, is_so):
    """By whole labels, and by networks."""
    assert touches(allowed, entry) is is_so


@pytest.mark.parametrize("text", ["*", "*.com", "*.co.uk", "a b", "x\ny", "#x", "", "*.*.example", "evil.example # ok", "a/b", "*.", "../x", "é.example"])  # fmt: skip
def test_a_gateway_is_never_told_to_let_past_more_than_one_family(text):
    """Names come from outside: a line that says more than a name, or too much, is no entry."""
    assert not is_entry(text)
    assert made(finding(suggestion=suggest(text))).entries == {}


@pytest.mark.parametrize("text", ["*.ticker.example", "intranet", "198.51.100.7", "2001:db8::7", "*.example.co.uk", "my_host.example"])  # fmt: skip
def test_families_hosts_and_addresses_are_entries(text):
    """Those a detector suggests."""
    assert is_entry(text)


@given(st.text(max_size=30))
def test_an_entry_is_one_line_of_plain_characters(text):
    """Whatever the text is."""
    assert not is_entry(text) or (text.isascii() and not set(text) & set(" \t\r\n#/\\\"'"))


def test_the_file_is_replaced_as_a_whole_and_only_when_it_changes(tmp_path):
    """A reader has the former or the new one; its rights stay; an equal one keeps its time."""
    path = tmp_path / "bypass.txt"
    file = BypassFile(path)
    text = made(finding()).text("proxies")
    assert file.put(text) is True
    assert [line for line in path.read_text().splitlines() if not line.startswith("#")] == ["*.ticker.example"]
    assert path.stat().st_mode & 0o777 == 0o644
    path.chmod(0o600)
    before = path.stat().st_mtime_ns
    assert file.put(text) is False
    assert path.stat().st_mtime_ns == before
    path.write_text("edited by hand")
    assert file.put(text) is True
    assert (path.read_text(), path.stat().st_mode & 0o777) == (text, 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_never_sees_half_a_file(tmp_path):
    """However often it is replaced while somebody reads."""
    path = tmp_path / "bypass.txt"
    file = BypassFile(path)
    texts = ["".join(f"*.h{number}-{size}.example\n" for number in range(size)) + "end\n" for size in (1, 4000)]
    file.put(texts[0])
    stop, seen = threading.Event(), []

    def read():
        while not stop.is_set():
            seen.append(path.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(60):
        file.put(texts[number % 2])
    stop.set()
    reader.join()
    assert set(seen) <= set(texts)


def test_processes_with_one_pid_do_not_write_into_each_other(tmp_path):
    """As in containers that share the folder, where every process is number one: each text arrives whole."""
    path = tmp_path / "bypass.txt"
    texts = [f"{letter * 20_000}\n" for letter in "ab"]

    def write(text):
        for _ in range(50):
            BypassFile(path).put(text)
            assert path.read_text() in texts

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(write, text) for text in texts]:
            done.result()
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_says_what_to_do(tmp_path):
    """The gateway goes on with the one it has."""
    with pytest.raises(PermanentError, match=r"bypass.file .*/none/bypass.txt: cannot be written .* Make its folder"):
        BypassFile(tmp_path / "none" / "bypass.txt").put("x\n")


def test_what_a_killed_process_left_is_tidied_up(tmp_path):
    """But not what another one is just writing."""
    old, young = tmp_path / ".bypass.txt.1.new", tmp_path / ".bypass.txt.2.new"
    for each in (old, young):
        each.write_text("half")
    os.utime(old, (1, 1))
    BypassFile(tmp_path / "bypass.txt").tidy()
    assert list(tmp_path.iterdir()) == [young]
