"""Takes a gateway's log, publishes it one row at a time: a pattern, dict, fastavro, produce; the plain way, kept to compare with.

Run as `python -m benchmarks.gatewayrows FORMAT FILE TOPIC SERVERS ROWS`. Exactly once like the product: one transaction each half second.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fastavro

from benchmarks.rowpath import publish

_PATTERNS = {
    "squid": re.compile(
        r"(?P<time>\S+) +(?P<duration_ms>\S+) (?P<client_ip>\S+) (?P<action>[^/]+)/(?P<status>\S+) (?P<bytes_to_client>\S+) "
        r"(?P<method>\S+) (?P<url>\S+) (?P<user>\S+) (?P<hierarchy>[^/]+)/(?P<server_ip>\S+) (?P<media_type>\S+)"
    ),
    "combined": re.compile(
        r'(?P<client_ip>\S+) \S+ (?P<user>\S+) \[(?P<time>[^]]+)\] "(?P<request>[^"]*)" (?P<status>\S+) (?P<bytes_to_client>\S+) '
        r'"(?P<referrer>[^"]*)" "(?P<user_agent>[^"]*)"'
    ),
    "mwg": re.compile(
        r'\[(?P<time>[^]]+)\] "(?P<user>[^"]*)" (?P<client_ip>\S+) (?P<status>\S+) "(?P<request>[^"]*)" "(?P<categories>[^"]*)" '
        r'"(?P<reputation>[^"]*)" "(?P<media_type>[^"]*)" (?P<bytes_to_client>\S+) (?P<bytes_from_client>\S+) "(?P<user_agent>[^"]*)" '
        r'"(?P<virus_name>[^"]*)" "(?P<block_code>[^"]*)" "(?P<application>[^"]*)"'
    ),
}
_NUMBERS = {"status": "int", "url_port": "int", "bytes_to_client": "long", "bytes_from_client": "long", "duration_ms": "long"}
_OF_URL = ("url_scheme", "url_domain", "url_port", "url_path", "url_query")


def schema(kind: str) -> Any:
    """Give the schema of the fields that a format has, all of them nullable."""
    names = [name for name in _PATTERNS[kind].groupindex if name not in {"time", "request"}]
    names += [name for name in ("method", "url", "http_version", *_OF_URL) if name not in names]
    time_type = {"type": "long", "logicalType": "timestamp-millis"}
    fields: list[dict[str, Any]] = [{"name": "time", "type": ["null", time_type]}]
    fields += [{"name": name, "type": ["null", _NUMBERS.get(name, "string")]} for name in names]
    return fastavro.parse_schema({"type": "record", "name": "access_log", "fields": fields})


def records(kind: str, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Parse and type every line that is no header."""
    pattern = _PATTERNS[kind]
    for line in lines:
        if line.startswith("#"):
            continue
        found = pattern.fullmatch(line.rstrip("\n"))
        if found is None:
            raise ValueError(line)
        record: dict[str, Any] = {name: None if held in {"", "-"} else held for name, held in found.groupdict().items()}
        for name in _NUMBERS:
            if record.get(name) is not None:
                record[name] = int(record[name])
        if kind == "squid":
            secs, millis = record["time"].split(".")
            record["time"] = datetime.fromtimestamp(int(secs), UTC).replace(microsecond=int(millis) * 1000)
        else:
            record["time"] = datetime.strptime(record["time"], "%d/%b/%Y:%H:%M:%S %z")
            record["method"], record["url"], version = record.pop("request").split(" ")
            record["http_version"] = version.removeprefix("HTTP/")
        url = urlsplit(record["url"])
        parts = (url.scheme, url.hostname, url.port, url.path, url.query)
        record |= {name: part or None for name, part in zip(_OF_URL, parts, strict=True)}
        yield record


def main(kind: str, file: str, topic: str, servers: str, rows: int) -> None:
    """Publish the first `rows` rows."""
    with Path(file).open(encoding="utf-8", newline="\n") as text:
        publish(islice(records(kind, text), rows), schema(kind), topic, servers)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))
