"""Takes a log, gives its records and rejects line by line and character by character: slow, plain, and written from what the formats say."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

Fields = list[tuple[str, str | None, bool]]
"""Name of each field, what it fills, and whether its header has it in quotes."""

MWG = b'#time_stamp "auth_user" src_ip status_code "req_line" "categories" bytes_to_client "user_agent" "odd_field"'
ELFF = b"#Fields: date time c-ip cs-username cs(User-Agent) sc-status sc-bytes cs-uri-query x-odd-field"
SHORT = b"#Fields: x-timestamp-unix cs-uri cs-host"
HEADERS: dict[bytes, tuple[str, Fields]] = {
    MWG: (
        "backslash",
        [
            ("time_stamp", "@clf", False), ("auth_user", "user", True), ("src_ip", "client_ip", False),
            ("status_code", "status", False), ("req_line", "@request", True), ("categories", "categories", True),
            ("bytes_to_client", "bytes_to_client", False), ("user_agent", "user_agent", True), ("odd_field", None, True),
        ],
    ),
    ELFF: (
        "doubled",
        [
            ("date", "@date", False), ("time", "@clock", False), ("c-ip", "client_ip", False), ("cs-username", "user", False),
            ("cs(User-Agent)", "user_agent", False), ("sc-status", "status", False), ("sc-bytes", "bytes_to_client", False),
            ("cs-uri-query", "url_query", False), ("x-odd-field", None, False),
        ],
    ),
    SHORT: ("doubled", [("x-timestamp-unix", "@epoch", False), ("cs-uri", "@url", False), ("cs-host", "url_domain", False)]),
}  # fmt: skip
_CLF: Fields = [
    ("client", "client_ip", False), ("ident", None, False), ("user", "user", False), ("time", "@clf", False),
    ("request", "@request", True), ("status", "status", False), ("bytes", "bytes_to_client", False),
]  # fmt: skip
_ASKED: Fields = [("referer", "referrer", True), ("user_agent", "user_agent", True)]
_OUTCOME: Fields = [("outcome", "@outcome", False)]
CLF = [_CLF, _CLF + _OUTCOME, _CLF + _ASKED, _CLF + _ASKED + _OUTCOME]
SQUID: Fields = [
    ("time", "@epoch", False), ("elapsed", "duration_ms", False), ("client", "client_ip", False), ("result", "@result", False),
    ("bytes", "bytes_to_client", False), ("method", "method", False), ("url", "@url", False), ("user", "user", False),
    ("peer", "@peer", False), ("type", "media_type", False),
]  # fmt: skip
BITS = {"status": 31, "duration_ms": 63, "bytes_to_client": 63}
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def unmarked(line: bytes) -> bytes:
    """Give a line without the byte order marks at its beginning."""
    while line.startswith(b"\xef\xbb\xbf"):
        line = line[3:]
    return line


def read(log: bytes, kind: str, header: bytes = b"") -> tuple[list[dict[str, Any]], list[bytes]]:
    """Read a log of a format, `header` in force before it."""
    records, rejects = [], []
    for marked in log.replace(b"\r\n", b"\n").split(b"\n"):
        line = unmarked(marked)
        if line.startswith(b"#"):
            header = line if line in HEADERS else header
        elif line:
            try:
                records.append(_record(_text(line), kind, header))
            except ValueError:
                rejects.append(line)
    return records, rejects


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("iso-8859-15")


def _record(line: str, kind: str, header: bytes) -> dict[str, Any]:
    if kind == "squid":
        return _filled(SQUID, [value for value in line.split(" ") if value])
    if kind in {"combined", "common"}:
        values = _tokens(line, "backslash", {3}, folds=True)
        layouts = {len(layout): layout for layout in CLF}
        if len(values) not in layouts and values[-1] == "":
            values.pop()
        return _filled(layouts[_known(len(values), layouts)], values)
    quoting, fields = HEADERS[header]
    brackets = {at for at, field in enumerate(fields) if field[1] == "@clf"}
    try:
        values = _tokens(line, quoting, brackets, folds=False)
        if len(values) == len(fields) + 1 and values[-1] == "":
            values.pop()
        _known(len(values), {len(fields)})
    except ValueError:
        if quoting != "backslash":
            raise
        values = _by_header(line, fields)
    return _filled(fields, values)


def _known(width: int, widths: Any) -> int:
    if width not in widths:
        raise ValueError(width)
    return width


def _tokens(line: str, quoting: str, brackets: set[int], *, folds: bool) -> list[str]:
    """Cut at spaces, character by character."""
    values: list[str] = []
    rest = line
    while True:
        if rest.startswith('"'):
            value, rest = _quoted(rest[1:], quoting, folds=folds)
        elif rest.startswith("[") and len(values) in brackets:
            inside, closing, rest = rest.partition("]")
            if not closing:
                raise ValueError(line)
            value = inside + closing
        else:
            value, blank, behind = rest.partition(" ")
            rest = blank + behind
            if quoting == "backslash":
                value = _meant(value, folds=folds)
        values.append(value)
        if not rest:
            return values
        if not rest.startswith(" "):
            raise ValueError(line)
        rest = rest[1:]


def _quoted(rest: str, quoting: str, *, folds: bool) -> tuple[str, str]:
    at = 0
    while at < len(rest):
        escapes = {"backslash": ('\\"', "\\\\"), "doubled": ('""',)}[quoting]
        if rest.startswith(escapes, at):
            at += 2
        elif rest[at] == '"':
            inside = rest[:at]
            return (_meant(inside, folds=folds) if quoting == "backslash" else inside.replace('""', '"')), rest[at + 1 :]
        else:
            at += 1
    raise ValueError(rest)


def _meant(value: str, *, folds: bool) -> str:
    kept = {'\\"': '"', "\\\\": "\\" if folds else "\\\\"}
    return re.sub(r'\\[\\"]', lambda found: kept[found[0]], value)


def _by_header(line: str, fields: Fields) -> list[str]:
    """Take a quote for a closing one only where the header says what comes next; no part ever gives back what it took."""
    parts = []
    for at, (_, target, quoted) in enumerate(fields):
        last = at == len(fields) - 1
        if quoted and last:
            part = r'(?>"((?:(?!" ).)*)"\Z)'
        elif quoted:
            part = r'(?>"(.*?)" (?=")' + ")" if fields[at + 1][2] else r'(?>"(.*?)" (?!"))'
        elif target == "@clf":
            part = r"(?>(\[[^\]]*\]|(?!\[)[^ ]*)" + (r"\Z)" if last else " )")
        else:
            part = r"(?>([^ ]*)" + (r"\Z)" if last else " )")
        parts.append(part)
    found = re.fullmatch("".join(parts), line, re.DOTALL)
    if found is None:
        raise ValueError(line)
    return list(found.groups())


def _filled(fields: Fields, values: list[str]) -> dict[str, Any]:
    if len(values) != len(fields):
        raise ValueError(values)
    row = {field[0]: None if value in {"", "-"} else value for field, value in zip(fields, values, strict=True)}
    record: dict[str, Any] = {}
    derived: dict[str, Any] = {}
    extras: dict[str, str | None] = {}
    for name, target, _ in fields:
        value = row[name]
        if target is None:
            extras[name] = value
        elif target in BITS:
            record[target] = _number(value, BITS[target])
        elif target in {"@clf", "@epoch"}:
            record["time"] = _clf(value) if target == "@clf" else _epoch(value)
        elif target == "@date":
            record["time"] = _stamp(f"{value} {row['time']}")
        elif target == "@request":
            derived |= _request(value or "")
        elif target == "@url":
            record["url"] = value
            derived |= _parts(value or "")
        elif target == "@result":
            action, slash, status = (value or "").rpartition("/")
            record["action"] = action if slash else status
            record["status"] = _number(status if slash and status not in {"", "-"} else None, 31)
        elif target == "@peer":
            record["hierarchy"], _, peer = (value or "").partition("/")
            is_address = ":" in peer or re.fullmatch(r"[0-9]{1,3}\.[0-9.]+", peer)
            (record if is_address else extras)["server_ip" if is_address else "peer"] = None if peer == "-" else peer
        elif target == "@outcome":
            record["action"], _, hierarchy = (value or "").partition(":")
            record["hierarchy"] = None if hierarchy == "-" else hierarchy
        elif target == "url_query":
            record[target] = (value or "").removeprefix("?")
        elif target != "@clock":
            record[target] = value
    taken = {target for _, target, _ in fields}
    record |= {name: value for name, value in derived.items() if name not in taken}
    record["extensions"] = {name: value for name, value in extras.items() if value}
    return {name: value for name, value in record.items() if value not in (None, "", {})}


def _number(value: str | None, bits: int) -> int | None:
    if value is None:
        return None
    if not re.fullmatch(r"-?0*[0-9]{1,19}", value, re.ASCII):
        raise ValueError(value)
    number = int(value)
    if not -(2**bits) <= number < 2**bits:
        raise ValueError(value)
    return number


def _clf(value: str | None) -> datetime:
    inside = (value or "").removeprefix("[").removesuffix("]")
    found = re.fullmatch(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d{4})", inside, re.ASCII)
    if found:
        month = MONTHS.index(found[2]) + 1
        return _since_1970(datetime.strptime(f"{found[3]}-{month:02}-{found[1]} {found[4]} {found[5]}", "%Y-%m-%d %H:%M:%S %z"))
    return _since_1970(datetime.fromisoformat(inside))


def _since_1970(moment: datetime) -> datetime:
    if moment.tzinfo is None or moment.year < 1970:
        raise ValueError(moment)
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)


def _stamp(value: str) -> datetime:
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.(\d{1,9}))?", value, re.ASCII)
    if found is None:
        raise ValueError(value)
    moment = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return _since_1970(moment.replace(microsecond=int((found[2] or "0").ljust(3, "0")[:3]) * 1000))


def _epoch(value: str | None) -> datetime:
    found = re.fullmatch(r"(\d{1,11})(?:\.(\d{1,9}))?", value or "", re.ASCII)
    if found is None:
        raise ValueError(value)
    return datetime.fromtimestamp(int(found[1]), UTC).replace(microsecond=int((found[2] or "0").ljust(3, "0")[:3]) * 1000)


def _request(text: str) -> dict[str, Any]:
    method, blank, rest = text.partition(" ")
    if not blank:
        return {"url": text, **_parts(text)}
    url, found, version = rest.rpartition(" HTTP/")
    if not found or " " in version:
        url, version = rest, ""
    return {"method": method, "http_version": version, "url": url, **_parts(url)}


def _parts(url: str) -> dict[str, Any]:
    absolute = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", url)
    if url.startswith("/"):
        return _path(url)
    rest = url[absolute.end() :] if absolute else url
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    place = authority.rpartition("@")[2]
    found = re.fullmatch(r"\[([^]]*)\](?::(.*))?", place, re.DOTALL) if place.startswith("[") else None
    if found is None and place.startswith("["):
        return {}
    host, _, port = (found[1], "", found[2] or "") if found else place.partition(":")
    if re.search(r'[\x00-\x20"*<>\[\\\]^`{|}@\x7f]', host) or not re.fullmatch("[0-9]{0,5}", port, re.ASCII):
        return {}
    if int(port or 0) > 65535 or not (absolute or (rest == authority and host and port)):
        return {}
    parts = {"url_domain": _lower(host), "url_port": int(port) if port else None}
    return parts | ({"url_scheme": _lower(absolute[1]), **_path(rest[len(authority) :])} if absolute else {})


def _path(text: str) -> dict[str, str]:
    before, _, _ = text.partition("#")
    path, _, query = before.partition("?")
    return {"url_path": path, "url_query": query}


def _lower(text: str) -> str:
    return re.sub("[A-Z]", lambda found: found[0].lower(), text)
