"""Proves that the way in which a connection ended is told by what reading it raised."""

import errno

import httpx
import pytest

from wellhead.http.lost import reason_of


def caused(error):
    """An error of the client, as it is raised with the system's own beneath."""
    try:
        try:
            raise error
        except OSError as beneath:
            raise httpx.ReadError("") from beneath
    except httpx.ReadError as told:
        return told


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (caused(OSError(errno.ETIMEDOUT, "timed out")), "half_open"),
        (caused(OSError(errno.EHOSTUNREACH, "no route")), "half_open"),
        (caused(OSError(errno.ECONNRESET, "reset")), "reset"),
        (caused(OSError(errno.EPIPE, "pipe")), "reset"),
        (httpx.RemoteProtocolError("cut"), "cut"),
        (httpx.ReadTimeout("late"), "silent"),
    ],
)
def test_the_systems_words_are_told_apart(error, reason):
    """A peer found gone by the kernel, a reset, an end in the middle and silence each have their word."""
    assert reason_of(error) == reason
