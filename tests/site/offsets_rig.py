"""Runs `wellhead offsets` on a deployment, in this process, and gives what it printed and how it ended."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployed import Deployed, deployed

from wellhead import cli
from wellhead.stack import Stack


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Offsets:
    """The verb, with the settings of one deployment."""

    def __init__(self, worker: Deployed) -> None:
        self.worker = worker

    def __call__(self, *words: str, config: bool = True) -> Ended:
        """Run one command line; it is never asked anything, as there is no terminal."""
        file = ["-c", str(self.worker.file())] if config else []
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = cli.run(["offsets", *words, *file])
            except SystemExit as ended:
                code = int(ended.code or 0)
        return Ended(code, out.getvalue(), err.getvalue())

    def plan(self, *words: str) -> tuple[dict[str, Any], Path]:
        """Plan for the connector; give the plan and the file it is saved in."""
        ended = self("plan", "wss-acme", *words, "--output", "json")
        assert ended.code == 0, ended.err
        plan: dict[str, Any] = ended.json
        path = self.worker.folder / f"{plan['id']}.json"
        path.write_text(ended.out)
        return plan, path

    def cursor(self) -> dict[str, Any] | None:
        """Give where the cursor stands."""
        (entry,) = self("list", "--reset", "--output", "json").json
        cursor: dict[str, Any] | None = entry["offset"]
        return cursor


@contextmanager
def offsets_of(stack: Stack, unique: str, folder: Path, **simulated: Any) -> Iterator[Offsets]:
    """Serve a tenant and give the verb for a deployment that pulls it, with topics of its own."""
    with deployed(stack, unique, folder, **simulated) as worker:
        worker.worker = {
            "config.storage.topic": f"{unique}configs",
            "offset.history.topic": f"{unique}history",
            "audit.topic": f"{unique}audit",
            "status.storage.topic": f"{unique}status",
        }
        yield Offsets(worker)
