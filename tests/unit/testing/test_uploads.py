"""What simulated targets are built of."""

from __future__ import annotations

import httpx
import pytest

from wellhead.testing.blockingclock import SteppingClock
from wellhead.testing.uploads import Shelf, csv_problem, form_of


def encoded(**parts) -> tuple[str, bytes]:
    request = httpx.Request("POST", "http://x/", **parts)
    return request.headers["content-type"], request.read()


def test_a_form_reads_back():
    """Fields, names and bytes, line ends of every kind included."""
    content = b'"a"\r\n--not the boundary\r\n\r\n"b\n"\r\n'
    form = form_of(*encoded(data={"mode": "Größe"}, files={"file": ("x.csv", content)}))
    assert form.fields == {"mode": "Größe"}
    assert form.files == {"file": ("x.csv", content)}


def test_a_form_that_is_none_or_has_no_end_is_refused():
    """A cut upload must not pass for a short one."""
    kind, body = encoded(files={"file": ("x.csv", b"a\n1\n")})
    with pytest.raises(ValueError, match="has no end"):
        form_of(kind, body[:-10])
    with pytest.raises(ValueError, match="not multipart"):
        form_of("text/csv", body)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a,b\n1,2\n", None),
        (b'a,b\n"1\n2","3"\n', None),
        (b"\xef\xbb\xbfa\n", "byte-order mark"),
        (b"\xff", "not UTF-8"),
        (b"", "empty"),
        (b"a,b\n1\n", "row 1 has another number of columns than the header"),
        (b'a\n"1', "not CSV: unexpected end of data"),
    ],
)
def test_a_csv_is_judged_as_a_lookup(content, problem):
    """The reasons a real place refuses one for."""
    assert csv_problem(content) == problem


def test_a_file_shows_after_its_time_and_the_old_one_until_then():
    """As where uploads spread over a cluster."""
    clock = SteppingClock()
    shelf = Shelf(clock, show_secs=5)
    shelf.put("place", "x.csv", b"old", how="test")
    assert shelf.get("place", "x.csv") is None
    clock.advance(5)
    shelf.put("place", "x.csv", b"new", how="test")
    assert shelf.get("place", "x.csv") == b"old"
    clock.advance(5)
    assert shelf.get("place", "x.csv") == b"new"
    assert [upload.nbytes for upload in shelf.uploads] == [3, 3]
    assert [shelf.remove("place", "x.csv"), shelf.remove("place", "x.csv"), shelf.listing()] == [True, False, []]
