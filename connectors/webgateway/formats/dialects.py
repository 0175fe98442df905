"""Takes a header line or the name of a format, gives how its lines are cut and what their fields fill; never reads a line."""

from __future__ import annotations

import re
from functools import lru_cache

from connectors.webgateway.formats.layout import (
    CLF_TIME,
    CLOCK,
    DATE,
    EPOCH,
    OUTCOME,
    PEER,
    REQUEST,
    RESULT,
    URL,
    Dialect,
    Layout,
    Slot,
    layout_of,
)  # fmt: skip

_NAME = re.compile(r'"([^"]*)"|([^\s"]+)')
_FIELDS = re.compile(rb"#\s*fields\s*:", re.IGNORECASE)

_BY_RULE = {
    "time_stamp": CLF_TIME, "timestamp": CLF_TIME, "[time_stamp]": CLF_TIME,
    "auth_user": "user", "user": "user", "username": "user",
    "src_ip": "client_ip", "client_ip": "client_ip",
    "status_code": "status", "status": "status",
    "req_line": REQUEST, "request": REQUEST, "method": "method", "url": URL, "host": "url_domain", "url_host": "url_domain",
    "protocol": "url_scheme", "url_port": "url_port",
    "categories": "categories", "category": "categories",
    "rep_level": "reputation", "reputation": "reputation",
    "media_type": "media_type", "bytes_to_client": "bytes_to_client", "bytes_from_client": "bytes_from_client",
    "user_agent": "user_agent", "referer": "referrer", "referrer": "referrer",
    "virus_name": "virus_name", "block_res": "block_code", "application_name": "application",
    "dst_ip": "server_ip", "server_ip": "server_ip", "elapsed_ms": "duration_ms", "time_taken_ms": "duration_ms",
    "gateway": "gateway", "proxy_name": "gateway", "hostname": "gateway",
}  # fmt: skip
_OF_ELFF = {
    "date": DATE, "time": CLOCK, "timestamp": EPOCH, "x-timestamp-unix": EPOCH, "localtime": CLF_TIME,
    "c-ip": "client_ip", "cs-username": "user", "cs-userdn": "user", "cs-method": "method", "cs-uri": URL,
    "cs-uri-scheme": "url_scheme", "cs-host": "url_domain", "cs-uri-port": "url_port", "cs-uri-path": "url_path",
    "cs-uri-stem": "url_path", "cs-uri-query": "url_query", "cs-version": "http_version", "cs-protocol-version": "http_version",
    "cs-request-line": REQUEST,
    "sc-status": "status", "s-action": "action", "x-exception-id": "block_code",
    "cs-categories": "categories", "sc-filter-category": "categories", "rs(content-type)": "media_type",
    "sc(content-type)": "media_type", "sc-bytes": "bytes_to_client", "cs-bytes": "bytes_from_client", "time-taken": "duration_ms",
    "cs(user-agent)": "user_agent", "cs(referer)": "referrer", "x-virus-id": "virus_name",
    "x-bluecoat-application-name": "application", "s-hierarchy": "hierarchy", "r-ip": "server_ip", "s-supplier-ip": "server_ip",
    "s-computername": "gateway", "x-bluecoat-appliance-name": "gateway",
}  # fmt: skip


def _fixed(*fields: tuple[str, str | None] | tuple[str, str | None, bool]) -> Layout:
    return Layout(tuple(Slot(*field) for field in fields))


_COMMON: tuple[tuple[str, str | None] | tuple[str, str | None, bool], ...] = (
    ("client", "client_ip"), ("ident", None), ("user", "user"), ("time", CLF_TIME), ("request", REQUEST, True),
    ("status", "status"), ("bytes", "bytes_to_client"),
)  # fmt: skip
_ASKED = (("referer", "referrer", True), ("user_agent", "user_agent", True))
_OUTCOME = ("outcome", OUTCOME)

CLF = Dialect(
    b"combined",
    "backslash",
    (_fixed(*_COMMON), _fixed(*_COMMON, _OUTCOME), _fixed(*_COMMON, *_ASKED), _fixed(*_COMMON, *_ASKED, _OUTCOME)),
    folds_backslashes=True,
)
"""The common log format and the combined one, each also with what squid adds, as in `TCP_MISS:HIER_DIRECT`."""
SQUID = Dialect(
    b"squid",
    "none",
    (
        _fixed(
            ("time", EPOCH), ("elapsed", "duration_ms"), ("client", "client_ip"), ("result", RESULT),
            ("bytes", "bytes_to_client"), ("method", "method"), ("url", URL), ("user", "user"), ("peer", PEER),
            ("type", "media_type"),
        ),
    ),
    padded=True,
)  # fmt: skip
"""squid's own format."""


def elff(line: bytes) -> Dialect | None:
    """Give the dialect a `#Fields:` line declares, None for any other line."""
    match = _FIELDS.match(line)
    if match is None:
        return None
    return _elff(line.rstrip(b"\r\n"), match.end())


def by_rule(line: bytes, *, sure: bool = False) -> Dialect | None:
    """Give the dialect of a header whose fields stand in quotes or not as in the header itself.

    Args:
        line: A line that begins with `#`.
        sure: Whether it is known to be a header; otherwise None for one that names no time and nothing else.
    """
    dialect = _by_rule(line.rstrip(b"\r\n"))
    layout = dialect.layouts[0]
    known = sum(slot.target is not None for slot in layout.slots)
    return dialect if layout.slots and (sure or (layout.timed and known > 1)) else None


def is_header(line: bytes) -> bool:
    """Tell whether a line declares what the lines behind it hold."""
    return line.startswith(b"#") and (elff(line) or by_rule(line)) is not None


@lru_cache(maxsize=256)
def _elff(line: bytes, at: int) -> Dialect | None:
    names = line[at:].decode("latin-1").split()
    return Dialect(line, "doubled", (layout_of(((name, False) for name in names), _OF_ELFF),)) if names else None


@lru_cache(maxsize=256)
def _by_rule(line: bytes) -> Dialect:
    found = _NAME.findall(line.lstrip(b"#").decode("utf-8", "replace"))
    layout = layout_of(((quoted or plain, bool(quoted)) for quoted, plain in found), _BY_RULE)
    return Dialect(line, "backslash", (layout,))
