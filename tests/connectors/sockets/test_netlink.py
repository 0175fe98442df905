"""Tests of what the kernel answers: read whole or refused, and what it refuses for good told from what it lacks just now."""

import errno
import os
import re
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sockets import netlink

DONE, ERROR, INTERRUPTED = 3, 2, 0x10


def message(kind, body, flags=2):
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body + bytes(-len(body) % 4)


def diag(number, *, family=socket.AF_INET, state=1, info=b""):
    """One inet_diag_msg of connection `number`, with its tcp_info."""
    size = 4 if family == socket.AF_INET else 16
    local, remote = (bytes(size - 1) + b"\x01").ljust(16, b"\0"), number.to_bytes(size).ljust(16, b"\0")
    ports = struct.pack(">HH", number % 65_536, 443)
    head = struct.pack("=BBBB", family, state, 0, 0) + ports + local + remote + bytes(12) + bytes(12)
    told = struct.pack("=HH", 4 + len(info), 2) + info if info else b""
    return head + struct.pack("=II", 1000, number) + told


def info(sent_ms, received_ms, sent, received):
    held = bytearray(160)
    struct.pack_into("=I", held, 44, sent_ms)
    struct.pack_into("=I", held, 52, received_ms)
    struct.pack_into("=QQ", held, 120, sent, received)
    return bytes(held)


class Kernel:
    """Answers each request with the next of its answers, each a list of what is received at once."""

    def __init__(self, *answers):
        self.answers, self.asked, self.open = list(answers), 0, 0
        self.pieces = []

    def __call__(self):
        self.open += 1
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open -= 1

    def settimeout(self, secs):
        assert secs > 0

    def sendall(self, request):
        self.asked += 1
        self.family = request[16]
        self.pieces = list(self.answers.pop(0))

    def recv(self, _):
        return self.pieces.pop(0)


EMPTY = [message(DONE, b"\0\0\0\0")]


def test_fifty_thousand_sockets_of_both_families_are_read():
    """In pieces as the kernel sends them, each with its bytes and how long nothing moved."""
    told = [message(20, diag(number, info=info(9_000, 61_500, number, 7))) for number in range(1, 50_001)]
    pieces = [b"".join(told[at : at + 100]) for at in range(0, len(told), 100)]
    six = message(20, diag(5, family=socket.AF_INET6, state=10, info=info(1, 1, 1, 1)))
    kernel = Kernel([*pieces, *EMPTY], [six, *EMPTY])
    found = netlink.sockets(kernel)
    assert (found.height, kernel.asked, kernel.open) == (50_001, 2, 0)
    assert found.row(41_999) == ("0.0.0.1", 42_000, "0.0.164.16", 443, "ESTABLISHED", 1000, 42_000, 9.0, 42_000, 7)
    assert found.row(50_000) == ("::1", 5, "::5", 443, "LISTEN", 1000, 5, None, None, None)


def test_a_list_that_changed_while_it_was_read_is_asked_for_again():
    """What was torn is thrown away whole."""
    torn = [message(20, diag(1), INTERRUPTED), *EMPTY]
    kernel = Kernel(torn, torn, [message(20, diag(2)), *EMPTY], EMPTY)
    assert netlink.sockets(kernel)["inode"].to_list() == [2]


def test_a_list_that_changes_each_time_is_refused_and_not_taken_for_whole():
    """Half a list would close connections that are there."""
    torn = [message(20, diag(1), INTERRUPTED), *EMPTY]
    with pytest.raises(OSError, match="changed each of 3 times") as caught:
        netlink.sockets(Kernel(torn, torn, torn))
    assert not netlink.is_refusal(caught.value)


@pytest.mark.parametrize(
    ("code", "for_good"),
    [(errno.EPERM, True), (errno.EACCES, True), (errno.ENOENT, True), (errno.ENOBUFS, False), (errno.ENOMEM, False)],
)
def test_what_the_kernel_refuses_is_told_from_what_it_lacks(code, for_good):
    """Who may not ask never may; who asked while memory was short may ask again."""
    with pytest.raises(OSError, match=re.escape(os.strerror(code))) as caught:
        netlink.sockets(Kernel([message(ERROR, struct.pack("=i", -code))]))
    assert (caught.value.errno, netlink.is_refusal(caught.value)) == (code, for_good)


def test_no_answer_and_no_more_files_are_no_refusal():
    """A gateway in a flood is short of both; just then bytes and idle times matter."""
    assert not netlink.is_refusal(TimeoutError("timed out"))
    assert not netlink.is_refusal(OSError(errno.EMFILE, "Too many open files"))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(received):
    """Never another error, never a hang."""
    codes = []
    try:
        for _, _, body in netlink.messages(received):
            assert len(netlink.row(body)) == 10
    except OSError as error:
        codes.append(error.errno)
    assert set(codes) <= {errno.EBADMSG}


@given(st.integers(0, 72 + 8 + 160), st.sampled_from([socket.AF_INET, socket.AF_INET6]))
def test_a_message_that_is_cut_is_refused_or_tells_less(size, family):
    """Behind its fixed part only bytes and idle times are missing."""
    body = diag(77, family=family, info=info(2_000, 3_000, 10, 20))[:size]
    if size < 72:
        with pytest.raises(OSError, match="is cut"):
            netlink.row(body)
    else:
        assert netlink.row(body)[1:7] == (77, netlink.row(diag(77, family=family))[2], 443, "ESTABLISHED", 1000, 77)
