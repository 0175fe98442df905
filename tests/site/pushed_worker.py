"""Runs a deployment until it is told to stop, with an accident in it where wished: it dies at a named point.

python -m pushed_worker [--at POINT[:COUNT]] deployment.json
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

from wellhead.config.load import load
from wellhead.plugins import Plugins
from wellhead.runtime.process import Process
from wellhead.testing.crash import crash_at

PLUGINS = Plugins([EntryPoint("wallarm", "connectors.wallarm.source:connector", "wellhead.connectors")])


async def run(path: Path, step: Callable[[str], None]) -> None:
    async with Process(load([path], environ=os.environ, plugins=PLUGINS), worker_id="pushed", step=step) as process:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, process.worker.stop)
        await process.worker.run()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--at")
    parser.add_argument("file", type=Path)
    given = parser.parse_args()
    point, _, count = (given.at or "").partition(":")
    asyncio.run(run(given.file, crash_at(point, int(count or 1)) if point else lambda _name: None))


if __name__ == "__main__":
    main()
