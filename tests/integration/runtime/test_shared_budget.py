"""Processes that share a credential use its whole quota and never more, whoever comes, goes or is killed."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx
import metered_vendor
import pytest
from worker_file import worker_section

from wellhead.testing.server import serve

SITE = Path(metered_vendor.__file__).parent
CALLS, WINDOW_SECS = 200, 10.0
SOON_SECS = 100.0


class Sharers:
    """`wellhead run` processes, each with a connector and a tenant of its own, on one vendor's quota."""

    def __init__(self, stack, prefix: str, folder: Path, vendor, url: str) -> None:
        self.stack, self.prefix, self.folder, self.vendor, self.url = stack, prefix, folder, vendor, url
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        site = folder / "site"
        # An outside author's distribution, as far as a worker looks at it.
        info = site / "metered-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: metered\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[wellhead.connectors]\nmetered = metered_source:connector\n")
        self.path = os.pathsep.join([str(site), str(SITE), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)

    def start(self, who: str, **options) -> None:
        section = worker_section(self.stack.bootstrap_servers, self.stack.registry_url, self.prefix, self.folder)
        section |= {"budget.topic": f"{self.prefix}budgets", "listeners": "http://127.0.0.1:0"}
        connector = {
            "connector.class": "metered",
            "tenant": who,
            "topic.prefix": self.prefix,
            "poll.continuous": True,
            "http.budget.group": "acme-key",
            "http.budget.group.calls": CALLS,
            "http.budget.group.window.secs": WINDOW_SECS,
            "url": self.url,
            "who": who,
            **options,
        }
        file = self.folder / f"{who}.json"
        file.write_text(json.dumps({"worker": section, "connectors": {f"feed-{who}": connector}}))
        command = [sys.executable, "-m", "wellhead", "run", str(file)]
        with (self.folder / f"{who}.log").open("ab") as log:
            self.running[who] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | {"PYTHONPATH": self.path}
            )

    def kill(self, who: str) -> None:
        process = self.running.pop(who)
        process.kill()
        process.wait(10)

    def said(self, who: str) -> list[str]:
        return (self.folder / f"{who}.log").read_text().splitlines()

    def health(self, who: str):
        started = [json.loads(line) for line in self.said(who) if '"started"' in line]
        answer = httpx.get(f"{started[-1]['listening'][0]}/health", timeout=10, trust_env=False)
        return answer.json()["connectors"][f"feed-{who}"]["tasks"][0]

    def until(self, reached, secs: float = SOON_SECS) -> None:
        """Wait until it holds; a refusal ends the wait at once."""
        deadline = time.monotonic() + secs
        while not reached():
            assert not self.vendor.refused, self.vendor.refused[:3]
            ended = [who for who, process in self.running.items() if process.poll() is not None]
            assert not ended, self.said(ended[0])[-5:]
            assert time.monotonic() < deadline, (self.used(), {who: self.said(who)[-2:] for who in self.running})
            time.sleep(0.1)

    def used(self) -> tuple[float, dict[str, float]]:
        return self.vendor.use(1), {who: round(self.vendor.share(who, 1), 2) for who in self.vendor.served}


@pytest.fixture
def sharers(stack, unique, tmp_path):
    vendor = metered_vendor.MeteredVendor(metered_vendor.Settings(calls=CALLS, window_secs=WINDOW_SECS))
    with serve(vendor) as url:
        made = Sharers(stack, unique, tmp_path, vendor, url)
        try:
            yield made
        finally:
            for who in list(made.running):
                made.kill(who)


def test_three_processes_use_the_quota_and_are_never_refused(sharers):
    """Three use 90 % of an org-wide quota and more, in equal parts, without a single 429; when one is killed the others take its part."""
    vendor = sharers.vendor
    for who in ("acme", "bolt", "corp"):
        sharers.start(who)
    sharers.until(lambda: vendor.use(2) >= 0.9 and all(vendor.share(who, 2) >= 0.28 for who in ("acme", "bolt", "corp")))
    group = sharers.health("bolt")["budget_group"]
    assert (group["name"], group["budget"]) == ("acme-key", CALLS)
    assert 0 < group["held"] < CALLS / 2
    sharers.kill("acme")
    killed = time.monotonic()
    sharers.until(lambda: vendor.use(2) >= 0.9 and vendor.share("acme", 2) == 0)
    assert all(0.4 <= vendor.share(who, 2) <= 0.6 for who in ("bolt", "corp"))
    assert not [at for at in vendor.served["acme"] if at > killed + 1]
    assert vendor.refused == []
    assert Counter(request.status for request in vendor.requests if request.status).keys() == {200}


def test_backfill_gets_what_live_leaves(sharers):
    """Live connectors go at their own pace and backfill uses the rest of the quota; when live wants all of it, backfill gets next to nothing."""
    vendor = sharers.vendor
    own_pace = int(WINDOW_SECS / 0.25)
    sharers.start("live", **{"http.interval.secs": 0.25})
    sharers.start("past", **{"http.budget.class": "backfill"})
    sharers.until(lambda: vendor.use(2) >= 0.9 and vendor.within(time.monotonic(), windows=2, who="live") >= 1.6 * own_pace)
    sharers.start("busy")
    sharers.until(lambda: vendor.use(2) >= 0.9 and vendor.share("past", 1) <= 0.1)
    assert vendor.share("live", 2) * vendor.within(time.monotonic(), windows=2) >= 1.6 * own_pace
    assert vendor.refused == []
