"""Takes a deployment, runs it as `wellhead run` does, and writes what only the process itself can count: its asyncio tasks, objects, and the threads of its pool.

Python looks for cycles after every 50,000 new objects here (`tune_allocators`), which this load makes in about an hour: it is made to look
before each count, so that what waits to be freed is not taken for what is held.

python -m benchmarks.soakworker DEPLOYMENT COUNTS
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import threading
from pathlib import Path

from wellhead.config.load import load
from wellhead.runtime.process import Process
from wellhead.signals import stop_on_signals

EVERY_SECS = 1.0
POOL = "wellhead_"
"""So begin the names of the threads that calls wait in: one for each that ever waited at once, 32 at most, kept for the next."""


async def count(path: Path) -> None:
    """Write the newest counts into a file, whole."""
    fresh = path.with_suffix(".new")
    while True:
        gc.collect()
        pool = sum(each.name.startswith(POOL) for each in threading.enumerate())
        counts = {"tasks": len(asyncio.all_tasks()), "pool": pool, "objects": len(gc.get_objects())}
        fresh.write_text(json.dumps(counts))
        fresh.replace(path)
        await asyncio.sleep(EVERY_SECS)


async def run(deployment: Path, counts: Path) -> None:
    """Run until told to stop."""
    async with Process(load([deployment], environ=os.environ), worker_id="soak") as process:
        stop_on_signals(process.worker.stop)
        counting = asyncio.create_task(count(counts))
        try:
            await process.worker.run()
        finally:
            counting.cancel()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), Path(sys.argv[2])))
