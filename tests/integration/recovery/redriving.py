"""Redrives the letters of wss-acme and kills itself at the n-th time of a named point, as by SIGKILL: `redriving.py POINT:COUNT FILE`."""

import sys
from pathlib import Path

from wellhead.clock import SystemClock
from wellhead.config.load import load
from wellhead.recovery.letter import Selection
from wellhead.runtime.redriving import redrive
from wellhead.testing.crash import crash_at

if __name__ == "__main__":
    point, _, count = sys.argv[1].partition(":")
    deployment = load([Path(sys.argv[2])], environ={})
    redrive(
        deployment.connectors,
        deployment.worker,
        Selection(),
        dry_run=False,
        by="test",
        clock=SystemClock(),
        redact=str,
        step=crash_at(point, int(count)),
    )
