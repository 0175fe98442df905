"""Runs one member of a group as a process: prints what happens to it as JSON lines, does what stdin says (rescan N, close, drop).

Times are of the monotonic clock, which all processes of the machine share.
"""

import json
import sys
import threading
import time
from collections.abc import Set as AbstractSet

from wellhead.clock import SystemClock
from wellhead.cluster.membership import Membership
from wellhead.telemetry.logs import configure

LOOK_SECS = 0.02
_writing = threading.Lock()


def say(event: str, **fields: object) -> None:
    line = json.dumps({"event": event, "at": time.monotonic(), **fields})
    with _writing:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def watch(membership: Membership, stop: threading.Event) -> None:
    """Tell when the lease begins and ends, and what the first look after a freeze saw."""
    was, seen = False, time.monotonic()
    lease = membership.lease
    while not stop.wait(LOOK_SECS):
        now = time.monotonic()
        valid = membership.lease.valid()
        if now - seen > 2:
            say("woke", slept_secs=now - seen, valid=valid)
        if valid != was:
            say("lease", valid=valid, last_secs=seen)  # a lease that is over was seen valid at `last_secs` at the latest
        if lease is not membership.lease:
            say("term", ended=lease.ended)
            lease = membership.lease
        was, seen = valid, now


def main(options: dict) -> None:
    configure("INFO", stream=sys.stderr)
    drain_secs = options.pop("drain_secs", 0.0)
    fail = options.pop("fail", "")
    membership: Membership

    def told(event: str, partitions: AbstractSet[int]) -> None:
        say(event, partitions=sorted(partitions), generation=membership.generation, member=membership.member_id)

    def revoked(partitions: AbstractSet[int]) -> None:
        told("revoking", partitions)
        time.sleep(drain_secs)
        if fail == "revoked":
            raise ValueError("the worker has a defect")
        told("revoked", partitions)

    membership = Membership(
        **options,
        on_assigned=lambda partitions: told("assigned", partitions),
        on_revoked=revoked,
        on_lost=lambda partitions: told("lost", partitions),
        clock=SystemClock(),
    )
    stop = threading.Event()
    watcher = threading.Thread(target=watch, args=(membership, stop))
    membership.start()
    watcher.start()
    say("started")
    leave = True
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "rescan":
            membership.rescan(int(rest[0]))
        elif word == "state":
            say("state", owned=sorted(membership.owned), valid=membership.lease.valid(), problem=membership.problem)
        else:
            leave = word == "close"
            break
    membership.close(leave=leave)
    stop.set()
    watcher.join()
    say("closed")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
