"""Takes an indicator API with pages of 1,000, measures what a page costs the product, and whether the next one is fetched meanwhile.

    python -m benchmarks.indicators [--quick] [--json FILE]

The vendor is the simulator, in a process of its own. What a page costs is the difference between a long and a short pull, so that the
start of the process does not count. A plain client that only fetches the same pages, one after the other, tells how long the vendor
takes for one; `ratios.fetch_and_work_over_wall` above 1 means that fetching and working overlap.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import httpx

from benchmarks.report import Bar, Report, machine
from benchmarks.scene import memory_folder, servers
from benchmarks.topics import Topics
from benchmarks.usage import Usage, run
from wellhead.stack import Stack

PAGE = 1_000
SHORT = 5
PATH = "/api/v2/intelligence/"
SUBJECT = "threatstream.indicator"
USER = {"user": "ts-user@example.org", "api_key": "invented-api-key"}
BARS = (Bar("cpu_ms_per_page", most=50), Bar("fetch_and_work_over_wall", least=1))


@contextmanager
def vendor(indicators: int) -> Iterator[str]:
    """Serve so many active domains from a process of its own; give the address."""
    sizes = {"--domains": indicators, "--ips": 0, "--hashes": 0, "--urls": 0, "--emails": 0, "--inactive": 0, "--falsepos": 0}
    words = [str(word) for pair in (*sizes.items(), ("--quota-per-day", ""), ("--history-days", 10)) for word in pair]
    command = [sys.executable, "-m", "wellhead", "simulate", "threatstream", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def pull(stack: Stack, folder: Path, url: str, pages: int) -> Usage:
    """Pull so many pages by the shipped `wellhead run`; give what it used."""
    name = f"pages{pages}"
    worker = {
        "group.id": name,
        "kafka": {"bootstrap.servers": stack.bootstrap_servers},
        "schema.registry.url": stack.registry_url,
        "listeners": "",
        "spool.dir": str(folder),
    }
    connector: dict[str, Any] = {
        "connector.class": "threatstream",
        "tenant": name,
        "topic.prefix": f"{name}.",
        "topic.creation.default.partitions": 1,
        "url": url,
        **USER,
        "types": "domain",
        "page_limit": PAGE,
        "deletions_enabled": False,
        "http.interval.secs": 0,
        "http.budget.calls.per.day": 1_000_000,
    }
    deployment = folder / f"{name}.json"
    deployment.write_text(json.dumps({"worker": worker, "connectors": {name: connector}}) + "\n")
    return run([sys.executable, "-m", "wellhead", "run", "--once", str(deployment)], folder / f"{name}.log")


def fetch(url: str, pages: int) -> float:
    """Fetch the first pages one after the other and give the seconds a page takes."""
    headers = {"Authorization": f"apikey {USER['user']}:{USER['api_key']}"}
    position, began = 0, time.monotonic()
    with httpx.Client(headers=headers, trust_env=False, timeout=60) as client:
        for _ in range(pages):
            params: dict[str, str | int] = {
                "limit": PAGE,
                "order_by": "update_id",
                "update_id__gt": position,
                "type": "domain",
                "status": "active",
            }
            position = client.get(url + PATH, params=params).raise_for_status().json()["objects"][-1]["update_id"]
    return (time.monotonic() - began) / pages


def measure(pages: int) -> Report:
    """Pull a few pages and many, each from a vendor that holds just those; give what came out."""
    with memory_folder() as folder, servers(folder) as stack:
        conditions: dict[str, object] = machine()
        topics = Topics(stack.bootstrap_servers, stack.registry_url)
        used: dict[int, Usage] = {}
        for count in (SHORT, pages):
            with vendor(count * PAGE) as url:
                fetch_secs = fetch(url, min(count, 50))
                used[count] = pull(stack, folder, url, count)
            published = sum(1 for _ in topics.committed(f"pages{count}.{SUBJECT}"))
            if published != count * PAGE:
                raise RuntimeError(f"{published:,} indicators of {count * PAGE:,} were published")
        topics.close()
    cpu_ms, wall_ms = (
        (getattr(used[pages], name) - getattr(used[SHORT], name)) / (pages - SHORT) * 1000 for name in ("cpu_secs", "wall_secs")
    )
    ratios = {"fetch_and_work_over_wall": round((fetch_secs * 1000 + cpu_ms) / wall_ms, 2)}
    figures: dict[str, int | float] = {
        "cpu_ms_per_page": round(cpu_ms, 1),
        "wall_ms_per_page": round(wall_ms, 1),
        "fetch_ms_per_page": round(fetch_secs * 1000, 1),
        "indicators_per_cpu_sec": round(PAGE / cpu_ms * 1000),
        "peak_rss_mb": round(used[pages].peak_rss_mb),
    }
    return Report("indicators", ratios, figures, {**conditions, "pages": pages, "indicators_per_page": PAGE}, BARS)


@click.command()
@click.option("--quick", is_flag=True, help="30 pages instead of 300.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the outcome to this file.")
def main(*, quick: bool, json_path: Path | None) -> None:
    """Measure what a page of 1,000 indicators costs from the vendor's bytes to the commit."""
    outcome = measure(30 if quick else 300)
    outcome.show()
    outcome.write(json_path)


if __name__ == "__main__":
    main()
