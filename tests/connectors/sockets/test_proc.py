"""Tests of the kernel's tables as text: every line is a socket or a reject, whatever stands in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sockets.proc import decode

HEADER = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
TAIL = "00000000:00000000 00:00000000 00000000  1000        0"


def row(number, local="0100000A", remote="076433C6", state="01", inode=41_822):
    return f"{number:4d}: {local}:{number % 65_536:04X} {remote}:01BB {state} {TAIL} {inode} 1 0000000000000000 20 4 30 10 -1"


def test_fifty_thousand_rows_are_fifty_thousand_sockets():
    """None is left out, each with its own numbers."""
    text = HEADER + "".join(f"{row(number, inode=number)}\n" for number in range(50_000)).encode()
    found, rejects = decode(text)
    assert (found.height, rejects) == (50_000, [])
    assert found.row(1_025)[:7] == ("10.0.0.1", 1_025, "198.51.100.7", 443, "ESTABLISHED", 1000, 1_025)
    assert found["inode"].to_list() == list(range(50_000))


def test_addresses_are_as_people_write_them():
    """IPv6 shortened, IPv4 within IPv6 as IPv4."""
    mapped, six = "0000000000000000FFFF0000076433C6", "B80D0120000000000000000001000000"
    found, _ = decode(HEADER + f"{row(1, remote=mapped)}\n{row(2, remote=six)}\n".encode())
    assert found["remote_ip"].to_list() == ["198.51.100.7", "2001:db8::1"]


@given(st.lists(st.one_of(st.builds(row, st.integers(0, 9_999)), st.text(max_size=200)), max_size=8), st.integers(0, 150))
def test_each_line_is_a_socket_or_a_reject_with_its_bytes(lines, cut):
    """Also the last one, cut anywhere."""
    text = "\n".join(line.replace("\n", " ") for line in lines).encode()
    body = text[: max(0, len(text) - cut)]
    found, rejects = decode(HEADER + body)
    kept = [line for line in body.split(b"\n") if line]
    assert found.height + len(rejects) == len(kept)
    assert all(reject.raw in kept for reject in rejects)


@given(st.binary(max_size=400))
def test_any_bytes_are_read(text):
    """Whatever a file under `proc_root` holds, nothing is raised."""
    found, rejects = decode(text)
    assert found.height + len(rejects) == len([line for line in text.split(b"\n")[1:] if line])


@pytest.mark.parametrize("words", [2, 3])
def test_an_address_of_no_known_length_is_a_reject_and_costs_no_other_line(words):
    """Addresses have one word or four; a row with another number of them is given back, the one beside it is told."""
    odd = row(1, local="0100000A" * words)
    found, rejects = decode(HEADER + f"{odd}\n{row(2)}\n".encode())
    assert found["local_port"].to_list() == [2]
    assert [reject.raw for reject in rejects] == [odd.encode()]
