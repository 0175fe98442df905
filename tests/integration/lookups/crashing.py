"""Runs a lookup deployment once and kills itself at the n-th step of that name, as by SIGKILL; `--steps` only lists the steps."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from wellhead.config.load import load
from wellhead.consumers.lookup.service import LookupService


async def main(at: int, file: str) -> None:
    reached = 0

    def step(name: str) -> None:
        nonlocal reached
        reached += 1
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()
        if reached == at:
            os.kill(os.getpid(), signal.SIGKILL)

    deployment = load([Path(file)], environ={})
    async with LookupService(deployment, step=step, force=True) as service:
        await service.run(once=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
