"""Takes bodies as the field has seen them, proves that a trailer is found only where a whole one stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.wss.trailer import TAIL_BYTES, Trailer, retry_after_secs, tail_of, trailer_in

SAMPLES = Path(__file__).parents[3] / "connectors" / "wss" / "samples" / "trailers"
TOKEN = "9f" * 34


def text(token: str = TOKEN, status: str = "more", end: str = "\r\n") -> bytes:
    return f"X-sync-token: {token}{end}X-sync-status: {status}{end}".encode()


@pytest.mark.parametrize(
    ("name", "size", "token", "status"),
    [
        ("idle-41.txt", 41, "none", "done"),
        ("idle-105.txt", 105, TOKEN, "done"),
        ("more.txt", 105, TOKEN, "more"),
        ("abort.txt", 106, TOKEN, "abort"),
    ],
)
def test_the_bodies_of_the_field_are_read(name: str, size: int, token: str, status: str) -> None:
    """The 41 and 105 bytes of an idle answer are a trailer alone; nothing is sought before their beginning."""
    path = SAMPLES / name
    assert path.stat().st_size == size
    assert trailer_in(tail_of(path), size) == Trailer(token, status, archive_bytes=0)


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("status", ["more", "done", "abort"])
@pytest.mark.parametrize("before", [0, 1, 98, TAIL_BYTES - 1, TAIL_BYTES, 3 * TAIL_BYTES])
def test_the_archive_ends_where_the_trailer_begins(tmp_path: Path, end: str, status: str, before: int) -> None:
    """However long the archive is, its length is told to the byte."""
    path = tmp_path / "body"
    path.write_bytes(b"P" * before + text(status=status, end=end))
    assert trailer_in(tail_of(path), path.stat().st_size) == Trailer(TOKEN, status, before)


def test_a_cut_trailer_is_none() -> None:
    """At whatever byte the body ends, there is no trailer, or the whole one: a part of a token is never taken for it."""
    whole = b"PK" + text()
    for size in range(len(whole)):
        found = trailer_in(whole[:size], size)
        assert found is None or (size >= len(whole) - 2 and found == Trailer(TOKEN, "more", 2))


@pytest.mark.parametrize(
    "tail",
    [
        b"",
        b"PK\x05\x06" + bytes(18),
        b"X-sync-token: \r\nX-sync-status: done\r\n",
        b"X-sync-status: done\r\n",
        text() + b"more bytes behind it",
        b"X-sync-token: a b\r\nX-sync-status: done\r\n",
        text(status="don"),
    ],
)
def test_what_is_no_trailer_is_none_or_unknown(tail: bytes) -> None:
    """Half a trailer, none, or one with something behind it never gives a status that would move the cursor."""
    found = trailer_in(tail, len(tail))
    assert found is None or found.status not in {"more", "done", "abort"}


def test_names_in_the_archive_do_not_mislead() -> None:
    """The same words inside the archive are not the trailer."""
    body = b"PK X-sync-token: fake\r\nX-sync-status: done\r\n" + text()
    assert trailer_in(body, len(body)) == Trailer(TOKEN, "more", len(body) - len(text()))


def test_either_order_and_case_is_read() -> None:
    """The order of the two lines and their letters' case do not matter."""
    body = b"x-SYNC-status: done\r\nX-Sync-Token: " + TOKEN.encode() + b"\r\n"
    assert trailer_in(body, len(body)) == Trailer(TOKEN, "done", 0)


@pytest.mark.parametrize(
    ("body", "secs"),
    [
        (b"slow\r\nRetry-After: 300\r\n", 300),
        (b"retry-after:5", 5),
        (b"X-Retry-After: 7\r\n" + text(), 7),
        (b"nothing", None),
        (b"Retry-After: soon", None),
    ],
)
def test_the_wait_in_a_body_is_found(body: bytes, secs: float | None) -> None:
    """A retry-after line counts wherever it stands; words do not."""
    assert retry_after_secs(body) == secs
