import asyncio
import json
from importlib.metadata import EntryPoint
from pathlib import Path

import keyed_source
import pytest
import readback
import scripted_source
from scripted_source import Script
from worker_file import worker_section

from wellhead.config.load import load
from wellhead.plugins import Plugins
from wellhead.runtime.process import Process

SCHEMA = (Path(scripted_source.__file__).parent / "schemas/scripted.event/v1.avsc").read_text()
PLUGINS = Plugins(EntryPoint(name, f"{name}_source:connector", "wellhead.connectors") for name in ("scripted", "keyed"))


class Rig:
    """A deployment of the scripted source with topics of its own, and what it left in Kafka."""

    def __init__(self, stack, prefix: str, folder: Path) -> None:
        self.stack = stack
        self.prefix = prefix
        self.folder = folder
        self.settings = {"total": 100, "batch": 10}
        self.worker = {}
        self.source = "scripted"
        self.plugins = PLUGINS
        self.bootstrap = stack.bootstrap_servers
        self.registry = stack.registry_url

    @property
    def script(self) -> Script:
        return scripted_source.SCRIPT

    def file(self) -> Path:
        path = self.folder / "deployment.json"
        worker = worker_section(self.bootstrap, self.registry, self.prefix, self.folder)
        connector = {"connector.class": self.source, "topic.prefix": self.prefix, "tenant": "acme", **self.settings}
        path.write_text(json.dumps({"worker": worker | self.worker, "connectors": {"feed": connector}}))
        return path

    def process(self, *, once: bool = True, **more) -> Process:
        return Process(load([self.file()], environ={}, plugins=PLUGINS), worker_id="test", once=once, **more)

    def run_once(self, **more) -> Process:
        async def scenario() -> Process:
            async with self.process(**more) as process:
                async with asyncio.timeout(60):
                    await process.worker.run()
            return process

        return asyncio.run(scenario())

    def numbers(self) -> list[int]:
        return [
            record["number"]
            for record in readback.records(self.stack.bootstrap_servers, f"{self.prefix}scripted.event", SCHEMA)
        ]

    def letters(self):
        return readback.messages(self.stack.bootstrap_servers, f"{self.prefix}scripted.event.dlq")

    def runs(self):
        """Give the last record of every run."""
        records = readback.values(self.stack.bootstrap_servers, f"{self.prefix}runs")
        return list({record["run_id"]: record for record in records}.values())

    def cursors(self):
        return [(m.key().decode(), m.value()) for m in readback.messages(self.stack.bootstrap_servers, f"{self.prefix}offsets")]


@pytest.fixture
def keyed_rig(stack, unique, tmp_path):
    keyed_source.SCRIPT = keyed_source.Script()
    rig = Rig(stack, unique, tmp_path)
    rig.source, rig.settings = "keyed", {"topic.creation.default.partitions": 3}
    return rig


@pytest.fixture
def rig(stack, unique, tmp_path):
    scripted_source.SCRIPT = Script()
    return Rig(stack, unique, tmp_path)
