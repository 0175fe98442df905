"""Takes a search store, gives it hits in ready-made bulk bodies as fast as it takes them; nothing of the product is in between."""

from __future__ import annotations

import http.client
import json
import os
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from threading import local
from urllib.parse import urlsplit

from wellhead.clock import SystemClock
from wellhead.config.store import StoreSettings
from wellhead.consumers.attacks.store.templates import put_templates
from wellhead.search.store import SearchStore

FIRST_MS = 1_769_904_000_000  # 2026-02-01
SPAN_MS = 28 * 86_400_000
CLIENTS = 40
_TYPES = ("sqli", "xss", "rce", "ptrav", "scanner", "crlf", "nosqli", "ssrf")


def hit(number: int) -> dict[str, object]:
    """Give one hit; the same for the same number."""
    chance = random.Random(number)
    client = 4000 + min(CLIENTS - 1, int(chance.expovariate(0.2)))
    return {
        "id": f"hits_{client}_202602:{number:016x}",
        "client_id": client,
        "attack_id": f"202602:{chance.getrandbits(32):024x}",
        "rule": "basic",
        "type": chance.choice(_TYPES),
        "ip": f"203.0.{chance.randrange(114)}.{chance.randrange(256)}",
        "remote_country": chance.choice(("NL", "US", "DE", "BR")),
        "time": FIRST_MS + chance.randrange(SPAN_MS),
        "domain": f"shop{chance.randrange(200)}.example.com",
        "path": f"/api/v1/{chance.randrange(5000)}",
        "point": ["post", "json_doc", "hash", f"p{chance.randrange(40)}"],
        "parameter": f"p{chance.randrange(40)}",
        "method": chance.choice(("GET", "POST")),
        "value": f"' OR 1=1 -- {chance.getrandbits(256):x}",
        "status_code": chance.choice((200, 403, 404)),
        "block_status": chance.choice(("blocked", "monitored")),
        "request_id": f"{chance.getrandbits(128):032x}",
        "pool_id": chance.randrange(9),
        "extensions": {"node_uuid": f"{chance.getrandbits(128):032x}"},
    }


def bodies(docs: int, index: str, docs_per_bulk: int) -> list[bytes]:
    """Give bulk bodies of hits with external versions, encoded beforehand."""
    made: list[bytes] = []
    for first in range(0, docs, docs_per_bulk):
        lines: list[str] = []
        for number in range(first, min(docs, first + docs_per_bulk)):
            fields = hit(number)
            meta = {"_index": index, "_id": fields["id"], "version": number % 1000 + 1, "version_type": "external"}
            lines += [json.dumps({"index": meta}), json.dumps(fields, separators=(",", ":"))]
        made.append(("\n".join(lines) + "\n").encode())
    return made


def blast(url: str, ready: Sequence[bytes], parallel: int) -> float:
    """Send all bodies, so many at a time on kept connections; give the seconds it took.

    Raises:
        RuntimeError: One was not taken whole.
    """
    parts, held = urlsplit(url), local()

    def send(body: bytes) -> None:
        if not hasattr(held, "connection"):
            held.connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        headers = {"content-type": "application/x-ndjson"}
        held.connection.request("POST", "/_bulk?filter_path=errors", body, headers)
        answer = json.loads(held.connection.getresponse().read())
        if answer.get("errors") is not False:
            raise RuntimeError(f"a bulk was not taken whole: {answer}")

    began_secs = time.monotonic()
    with ThreadPoolExecutor(parallel) as threads:
        list(threads.map(send, ready))
    return time.monotonic() - began_secs


_PREFIXES = count()


@contextmanager
def fresh_indices(url: str, purpose: str) -> Iterator[SearchStore]:
    """Give a store under a prefix of its own with the product's templates; its indices are deleted afterwards."""
    settings = StoreSettings.model_validate({"url": url, "index_prefix": f"bench{next(_PREFIXES)}-{purpose}", "replicas": 0})
    store = SearchStore(settings, name=purpose, clock=SystemClock())
    put_templates(store)
    try:
        yield store
    finally:
        for index in store.indices(f"{settings.index_prefix}-*"):
            store.delete_index(index)
        store.close()


@contextmanager
def on_cpus(cpus: set[int]) -> Iterator[None]:
    """Have processes that are started inside run on these CPUs only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus & before or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
