"""Takes the pieces of an input, gives what each parser makes of them; raises where a parser holds more than it may, or breaks its own word."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gateway_oracle

from connectors.push.events import Arrived
from connectors.push.jsonevents import add
from connectors.push.options import PushConfig
from connectors.sockets import netlink, proc
from connectors.webgateway.decode import FormatSpec, open_format
from connectors.webgateway.syslog_framing import Framing
from connectors.webgateway.syslog_message import parse
from wellhead.consumers.floods.bypass import is_entry, touches
from wellhead.consumers.floods.families import family_of, plain
from wellhead.consumers.floods.limits import matches
from wellhead.http.lines import LineParser
from wellhead.http.sse import EventParser

MAX = 64
HEADER, FIELDS = gateway_oracle.MWG, gateway_oracle.ELFF
_SLACK = 2


@dataclass(frozen=True)
class Target:
    """One parser.

    Attributes:
        run: Gives what it makes of pieces, in a form that can be compared.
        tokens: What its inputs are made of.
        by_lines: Whether its inputs may be cut between lines only.
    """

    run: Callable[[Sequence[bytes]], Any]
    tokens: tuple[bytes, ...]
    by_lines: bool = False


def held_bytes(thing: Any) -> int:
    """Count the bytes of text that an object holds, by whatever names."""
    if isinstance(thing, str):
        return len(thing.encode("utf-8", "replace"))
    if isinstance(thing, bytes | bytearray):
        return len(thing)
    if isinstance(thing, list | tuple | set):
        return sum(map(held_bytes, thing))
    if isinstance(thing, dict):
        return sum(map(held_bytes, thing.values()))
    return held_bytes(vars(thing)) if hasattr(thing, "__dict__") else 0


def sse(pieces: Sequence[bytes]) -> Any:
    """Give the events of a stream, and what to go on from."""
    parser = EventParser(MAX)
    events = []
    for piece in pieces:
        events += parser.feed(piece)
        # A line, data and the fields of an event, an id twice: each as long as a line may be.
        assert held_bytes(parser) <= 6 * (MAX + 16)
    assert all(len(event.data.encode()) <= MAX for event in events)
    return events, parser.last_event_id, parser.retry_ms


def lines(pieces: Sequence[bytes]) -> Any:
    """Give the lines of a stream."""
    parser = LineParser(MAX)
    found = []
    for piece in pieces:
        found += [(type(line).__name__, line) for line in parser.feed(piece)]
        assert parser.waiting_bytes <= MAX + _SLACK
        assert held_bytes(parser) <= MAX + _SLACK
    assert all(len(line) <= MAX for _, line in found)
    return found


def framing(pieces: Sequence[bytes]) -> Any:
    """Give the messages of a syslog connection."""
    parser = Framing(MAX)
    found = []
    for piece in pieces:
        found += parser.feed(piece)
        assert held_bytes(parser) <= MAX + 16
    found += parser.end()
    assert all(len(frame.raw) <= MAX for frame in found)
    return found


def message(pieces: Sequence[bytes]) -> Any:
    """Give what a syslog message says, or why it says nothing."""
    raw = b"".join(pieces)
    try:
        told = parse(raw)
    except ValueError as error:
        return str(error).partition(" ")
    assert raw.endswith(told.body)
    return told


def gateway(kind: Any, header: bytes) -> Callable[[Sequence[bytes]], Any]:
    """Give what reads a gateway's log of some format and holds it to a slow reading; a reject read again gives the same reject."""

    def run(pieces: Sequence[bytes]) -> Any:
        at, rows, rejects, wanted = header, list[Any](), list[Any](), 0
        for piece in pieces:
            begun, decoded = at, open_format(FormatSpec(kind, at)).decode(piece)
            at = decoded.header
            found = [_plain(row) for row in decoded.table.to_pylist()]
            lines = map(gateway_oracle.unmarked, piece.split(b"\n"))
            if not any(line.startswith(b"#") for line in lines) and (not begun or begun in gateway_oracle.HEADERS):
                assert (found, [reject.raw for reject in decoded.rejects]) == gateway_oracle.read(piece, kind, begun)
            rows += found
            rejects += decoded.rejects
            plain_lines = [gateway_oracle.unmarked(line) for line in piece.replace(b"\r\n", b"\n").split(b"\n")]
            wanted += sum(bool(line) and not line.startswith(b"#") for line in plain_lines)
        assert len(rows) + len(rejects) == wanted
        for reject in rejects:
            again = open_format(reject.context).decode(reject.raw)
            assert [(each.raw, each.reason) for each in again.rejects] == [(reject.raw, reject.reason)]
        return rows, rejects, at

    return run


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Give a record as the oracle does: without what is null or empty."""
    row["extensions"] = {name: held for name, held in row.get("extensions") or () if held}
    return {name: held for name, held in row.items() if held not in (None, "", {})}


def json_event(pieces: Sequence[bytes]) -> Any:
    """Give the event that a JSON text is, or the reject."""
    arrived = Arrived()
    config = PushConfig(url="https://push.example/", protocol="ndjson", id_field="a.b", event_field="c")
    raw = b"".join(pieces)
    add(arrived, raw, config)
    assert len(arrived.events) + len(arrived.rejects) + arrived.unwanted == 1
    assert all(event.data.encode() == raw for event in arrived.events)
    assert all(reject.raw == raw for reject in arrived.rejects)
    return arrived.position, len(arrived.events)


def sockets_proc(pieces: Sequence[bytes]) -> Any:
    """Give the sockets of a /proc/net/tcp: each line behind the first is one of them, or is given back."""
    text = b"".join(pieces)
    frame, rejects = proc.decode(text)
    told = [line for line in text.split(b"\n")[1:] if line]
    assert frame.schema == proc.SCHEMA
    assert frame.height + len(rejects) == len(told)
    assert [reject.raw for reject in rejects if reject.raw not in told] == []
    assert all(0 <= port < 1 << 16 for name in ("local_port", "remote_port") for port in frame[name])
    return frame.rows(), rejects


class _Kernel:
    """Answers every question with the same bytes, and then with none."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._left: list[bytes] = []

    def __call__(self) -> Any:
        return self

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None: ...

    def settimeout(self, _: float) -> None: ...

    def sendall(self, _: bytes) -> None:
        self._left = [self._answer]

    def recv(self, _: int) -> bytes:
        return self._left.pop() if self._left else b""


def sockets_netlink(pieces: Sequence[bytes]) -> Any:
    """Give the sockets that the kernel tells, or why they cannot be known."""
    try:
        frame = netlink.sockets(_Kernel(b"".join(pieces)))
    except OSError as error:
        return str(error)
    assert frame.schema == proc.SCHEMA
    return frame.rows()


def names(pieces: Sequence[bytes]) -> Any:
    """Give the family of a host, and whether it may be a line of a bypass file."""
    text = b"".join(pieces).decode("utf-8", "replace")
    family = family_of(text)
    assert matches(text, text) or not is_entry(text)
    assert touches(text, text)
    if is_entry(text):
        assert "\n" not in text
    return family.name, plain(text), is_entry(text)


_OF_LOGS = (
    b" ", b"  ", b"\n", b"\n\n", b"\r\n", b"\r", b'"', b'""', b'\\"', b"\\\\", b"\\", b"-", b"\x00", b"\x1a\x1a", b"\x1c\x1c", b"\xff",
    "é日".encode(), b"[03/Feb/2026:10:00:07 +0100]", b"[", b"]", b"1770109207.123", b"2026-02-03 09:00:07", b"198.51.100.24", b"2001:db8::9",
    b"200", b"007", b"99999999999999999999", b"TCP_MISS/200", b"HIER_DIRECT/203.0.113.9", b'"GET http://[::1]:80/a?b#c HTTP/1.1"',
    b"push.example:443", b"#", b"#Fields: date time c-ip", b'#time_stamp "auth_user" src_ip', b"# a comment\n", HEADER, FIELDS,
    b'[03/Feb/2026:10:00:07 +0100] "u" 10.0.0.1 200 "GET / HTTP/1.1" "c" 5 "a \\"b\\"" "x"\n',
    b"2026-02-03 09:00:07 10.0.0.1 - Example/1.0 200 5 ?a=b x\n",
    b'10.0.0.1 - - [03/Feb/2026:10:00:07 +0100] "GET / HTTP/1.1" 200 5 "-" "a"\n',
    b"1770109207.123     64 10.0.0.1 TCP_MISS/200 5 GET http://example.org/ - HIER_NONE/- -\n",
)  # fmt: skip
_OF_SSE = (
    b"data: a\n", b"data", b":", b" ", b"id: 7\n", b"id: a\0b\n", b"id\n", b"event: x\n", b"retry: 10\n", b"retry: 1x\n", b"\n", b"\r", b"\r\n",
    b"\xef\xbb\xbf", b"\xe2\x82", b"\xac", b"\xff", b"x" * 40, b": ping\n", b"data: " + b"y" * 100 + b"\n",
)  # fmt: skip
_OF_SYSLOG = (
    b"<34>", b"<192>", b"1 ", b"2026-02-03T09:00:07Z ", b"host ", b"app ", b"12 ", b"- ", b"-", b'[a@1 b="c"]', b'[a b="\\]\\"\\\\"]', b"[", b'"', b"]",
    b"\xef\xbb\xbf", b"text", b"\n", b"\r", b"\0", b"\xff", b"Feb  3 09:00:07 ", b"app[7]: ", b"999999999 ", b"0 ", b"5 hello", b"x" * 70,
)  # fmt: skip
_OF_JSON = (
    b"{", b"}", b"[", b"]", b'"a"', b":", b",", b'{"a":{"b":', b'"c":"x"', b"1", b"1e999", b"-0", b"null", b"true", b'"\\ud800"', b'"\xff"', b" ",
    b'{"a":{"b":7},"c":"d"}', "é".encode(), b"\0", b"[" * 1100,
)  # fmt: skip
_OF_PROC = (
    b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n", b"\n", b" ", b"   7: ", b"0100007F:1F90 ",
    b"00000000000000000000000001000000:0050 ", b"01 ", b"0A ", b"0D ", b"00000000:00000000 ", b"00:00000000 ", b"00000000 ", b"  1000 ", b"  0 ",
    b"99999999999 ", b"999999999999999999 ", b"\xb2 ", b"\r", b"\0", b"\xff",
    b"   0: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0000000000000000 20 4 30 10 -1\n",
)  # fmt: skip
_DIAG = struct.pack("=BBBB", 2, 1, 0, 0) + struct.pack(">HH", 443, 9) + bytes(56) + struct.pack("=II", 7, 9)
_OF_NETLINK = (
    struct.pack("=IHHII", 88, 20, 2, 1, 0) + _DIAG, struct.pack("=IHHII", 20, 3, 2, 1, 0) + bytes(4), struct.pack("=IHHII", 20, 2, 0, 1, 0),
    struct.pack("=IHHII", 256, 20, 2, 1, 0) + _DIAG + struct.pack("=HH", 164, 2), struct.pack("=IHHII", 15, 20, 0x10, 1, 0), struct.pack("=i", -1 << 31),
    struct.pack("=HH", 3, 2), struct.pack("=HH", 0, 0), b"\xff" * 160, bytes(120), b"\x0a\x01", b"\x02\x0a", b"\0", b"\xff\xff",
)  # fmt: skip
_OF_NAMES = (
    b"a", b".", b"*", b"*.", b"example", b".org", b"co.uk", b"com", b"203.0.113.9", b"2001:db8::9", b"[", b"]", b":443", b"xn--", "日本".encode(), b"-",
    b"_", b" ", b"\n", b"%", b"/", b"A" * 64, b"\xff", b"1", b"0x7f", b"::ffff:",
)  # fmt: skip

TARGETS = {
    "sse": Target(sse, _OF_SSE),
    "lines": Target(lines, (b"{}", b"\n", b"\r\n", b"\r", b"\0", b"\xff", b"a" * 30, b"b" * 70)),
    "syslog_framing": Target(framing, _OF_SYSLOG),
    "syslog_message": Target(message, _OF_SYSLOG),
    "gateway_mwg": Target(gateway("mwg", HEADER), _OF_LOGS, by_lines=True),
    "gateway_elff": Target(gateway("elff", FIELDS), _OF_LOGS, by_lines=True),
    "gateway_squid": Target(gateway("squid", b""), _OF_LOGS, by_lines=True),
    "gateway_combined": Target(gateway("combined", b""), _OF_LOGS, by_lines=True),
    "push_json": Target(json_event, _OF_JSON),
    "sockets_proc": Target(sockets_proc, _OF_PROC),
    "sockets_netlink": Target(sockets_netlink, _OF_NETLINK),
    "flood_names": Target(names, _OF_NAMES),
}
