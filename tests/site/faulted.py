"""Gives a group whose workers each have a way of their own to the vendor, which tells who asked, and may be cut; and work that lasts."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deployed import Deployed, deployed
from grouped import NAME, Group, Member

from wellhead.stack import Stack
from wellhead.testing.cut import Cut
from wellhead.testing.front import RequestRecord

SITE = Path(__file__).parent
WORKER = "faulty_worker"

# Some 20 answers of half a second or more: whatever happens to a worker happens in the middle of its work.
WORK = {
    "rows": 1_500,
    "hours": 20,
    "faults": ("broken_rows:12", "new_field:1", "slow:*"),
    "slow_chunk_bytes": 1_024,
    "slow_pause_secs": 0.05,
}


class FaultedGroup(Group):
    """A group whose members reach the vendor each through a proxy of its own.

    Attributes:
        ways: The proxies, in the order of `members`.
    """

    def __init__(self, base: Deployed, cleanup: ExitStack) -> None:
        super().__init__(base)
        self.ways: list[Cut] = []
        self._cleanup = cleanup

    def config(self, **options: Any) -> dict[str, str]:
        return super().config(**{"url": "${env:VENDOR_URL}", **options})

    def start(self, *words: str, env: dict[str, str] | None = None, **settings: Any) -> Member:
        way = self._cleanup.enter_context(Cut(urlsplit(self.base.url).port or 0))
        self.ways.append(way)
        own = {"VENDOR_URL": f"http://{way.address}", "PYTHONPATH": str(SITE)}
        return super().start(*(words or (WORKER,)), env={**own, **(env or {})}, **settings)

    def way_of(self, member: Member) -> Cut:
        return self.ways[self.members.index(member)]

    def calls(self, member: Member, since_secs: float = 0.0) -> list[RequestRecord]:
        """Give what the vendor was asked by a worker from a moment of the monotonic clock on, oldest first."""
        ports = self.way_of(member).server_ports
        asked = [request for request in list(self.base.simulator.requests) if int(request.client.rpartition(":")[2]) in ports]
        return [request for request in asked if request.began_secs >= since_secs]

    def at_once(self) -> list[tuple[int, int]]:
        """Give the pairs of workers, by their numbers, of calls that the vendor was answering at the same time."""
        now_secs = time.monotonic()
        spans = sorted(
            (call.began_secs, call.ended_secs or now_secs, number)
            for number, member in enumerate(self.members)
            for call in self.calls(member)
        )
        found: list[tuple[int, int]] = []
        for place, (_, ended_secs, number) in enumerate(spans):
            for began_secs, _, other in spans[place + 1 :]:
                if began_secs >= ended_secs:
                    break
                if other != number:
                    found.append((number, other))
        return found

    def until_asked(self, member: Member, since_secs: float = 0.0, count: int = 1) -> float:
        """Wait until the vendor was asked by a worker `count` times since a moment; give when it first was."""
        self.until(lambda: len(self.calls(member, since_secs)) >= count, 90)
        return self.calls(member, since_secs)[0].began_secs

    def until_said(self, member: Member, *events: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until a worker has logged one of `events`, `count` times; give the lines."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            found[:] = [line for line in member.said() if line["event"] in events]
            return len(found) >= count

        self.until(look, 90)
        return found

    def freeze(self, member: Member) -> float:
        """Stop a worker in its tracks; give when."""
        member.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, member.process.pid, os.WSTOPPED | os.WNOWAIT)
        return time.monotonic()

    def until_frozen(self, member: Member) -> float:
        """Wait until a worker stands still by itself; give when it was seen."""
        self.until(lambda: os.waitid(os.P_PID, member.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT | os.WNOHANG))
        assert member.process.poll() is None, "it ended instead"
        return time.monotonic()

    def thaw(self, member: Member) -> float:
        """Let a frozen worker go on; give the moment before."""
        at_secs = time.monotonic()
        member.process.send_signal(signal.SIGCONT)
        return at_secs

    def until_pulled(self) -> None:
        """Wait until the vendor has handed out everything, quickly now, and all of it is in the topic; looks at Kafka only then."""
        self.base.simulator.faults.disarm()
        vendor = self.base.simulator
        rows = next(iter(vendor.state()["tenants"].values()))["rows"]
        self.until(lambda: next(iter(vendor.state()["tenants"].values()))["done_rows"] >= rows, 120)
        self.until(self.caught_up)

    def explained(self, asked: Member, name: str = NAME) -> dict[str, Any]:
        answer: dict[str, Any] = asked.api.get(f"/connectors/{name}/explain").json()
        return answer


@contextmanager
def faulted(servers: Stack, prefix: str, folder: Path, **simulated: Any) -> Iterator[FaultedGroup]:
    """Serve a tenant with work for a while and give a group without workers; those that are started are gone afterwards."""
    with ExitStack() as cleanup:
        base = cleanup.enter_context(deployed(servers, prefix, folder, **{**WORK, **simulated}))
        group = FaultedGroup(base, cleanup)
        cleanup.callback(group.end)
        yield group
