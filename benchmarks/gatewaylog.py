"""Takes a number of rows and a folder, gives access logs of a gateway in each format that is measured; the same seed gives the same requests.

Run as a process of its own (`python -m benchmarks.gatewaylog ROWS FOLDER`), so that its memory is not counted as anyone else's.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HEADER = (
    '#time_stamp "auth_user" src_ip status_code "req_line" "categories" "rep_level" "media_type" '
    'bytes_to_client bytes_from_client "user_agent" "virus_name" "block_res" "application_name"'
)
_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0"
_WORDS = ("docs", "static", "img", "api")
_ZONES = ("example.org", "example.net", "example.com", "test.example")
_SPAN_SECS = 3600


def _request(chance: random.Random) -> dict[str, Any]:
    """Draw what one request is, in whatever format it is then written."""
    return {
        "client": f"10.{chance.randrange(1, 255)}.{chance.randrange(1, 255)}.{chance.randrange(1, 255)}",
        "user": f"user{chance.randrange(9000):05}",
        "host": f"www{chance.randrange(700)}.{chance.choice(_ZONES)}",
        "path": f"/{chance.choice(_WORDS)}/{chance.getrandbits(64):016x}",
        "query": f"?id={chance.getrandbits(40):x}&lang=en" if chance.random() < 0.6 else "",
        "status": chance.choice((200, 200, 200, 204, 301, 304, 403, 404)),
        "sent": chance.randrange(90_000),
        "received": chance.randrange(200, 4000),
        "agent": _AGENT.format(chance.randrange(60, 130)),
        "taken": chance.randrange(5000),
        "ms": chance.randrange(1000),
    }


def _squid(secs: int, one: dict[str, Any]) -> str:
    return (
        f"{secs}.{one['ms']:03} {one['taken']:6} {one['client']} TCP_MISS/{one['status']} {one['sent']} GET "
        f"http://{one['host']}{one['path']}{one['query']} {one['user']} HIER_DIRECT/203.0.113.{one['ms'] % 255} text/html"
    )


def _combined(secs: int, one: dict[str, Any]) -> str:
    stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(secs))
    return (
        f'{one["client"]} - {one["user"]} [{stamp}] "GET {one["path"]}{one["query"]} HTTP/1.1" {one["status"]} {one["sent"]} '
        f'"https://{one["host"]}/" "{one["agent"]}"'
    )


def _mwg(secs: int, one: dict[str, Any]) -> str:
    stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(secs))
    return (
        f'[{stamp}] "{one["user"]}" {one["client"]} {one["status"]} "GET https://{one["host"]}{one["path"]}{one["query"]} HTTP/1.1" '
        f'"Internet Services" "Minimal Risk" "text/html" {one["sent"]} {one["received"]} "{one["agent"]}" "" "0" ""'
    )


FORMATS: dict[str, Callable[[int, dict[str, Any]], str]] = {"squid": _squid, "combined": _combined, "mwg": _mwg}


def write(rows: int, folder: Path, *, seed: int = 8, now_secs: float | None = None) -> None:
    """Write a log of so many rows in each format; their times end now, so that no topic's retention takes them."""
    folder.mkdir(parents=True, exist_ok=True)
    last_secs = int(time.time() if now_secs is None else now_secs)
    for name, line in FORMATS.items():
        chance = random.Random(seed)  # the same requests each time, on purpose
        with (folder / f"{name}.log").open("w", encoding="utf-8") as log:
            if name == "mwg":
                log.write(HEADER + "\n")
            log.writelines(
                line(last_secs - _SPAN_SECS + at * _SPAN_SECS // rows, _request(chance)) + "\n" for at in range(rows)
            )


if __name__ == "__main__":
    write(int(sys.argv[1]), Path(sys.argv[2]))
