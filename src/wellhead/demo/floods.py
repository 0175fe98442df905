"""Takes a source whose records show floods of connections, has them looked for in its topic, gives what an independent look says of the findings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wellhead.demo.process import run, worker_words
from wellhead.demo.readback import Reader
from wellhead.stack import Stack
from wellhead.testing.simulator import Simulator

FOUND_SECS = 30.0
_DEADLINE_SECS = 90.0
_FINDINGS = "demo.flood_finding"


@dataclass(frozen=True, slots=True)
class FloodVerdict:
    """What was found in one topic: of the families of destinations that flood, by the `truth`, none may be `missing`, and none `extra`.

    `found_after_secs` is the time, by the records', from the slowest flood's first connection to its first finding.
    """

    records: int
    gateways: int
    truth: int
    found: int
    missing: int
    extra: int
    findings: int
    found_after_secs: float

    @property
    def ok(self) -> bool:
        return not (self.missing or self.extra) and self.found_after_secs <= FOUND_SECS

    def as_json(self) -> dict[str, object]:
        return asdict(self) | {"ok": self.ok}


class Floods:
    """The floods that one source's records show.

    Args:
        source: The connector's name.
        topic: The topic of its records; it is filled.
        limits: By which a flood is one.
        stack: Real servers, running.
        out: Folder for the findings; deployment and log go to a folder of the source's within.

    Attributes:
        topic: As given.
        status: What `wellhead floods status` says then.
    """

    def __init__(self, source: str, topic: str, limits: Mapping[str, Any], stack: Stack, out: Path) -> None:
        self.status = ""
        self.topic = topic
        self._source, self._limits = source, limits
        self._stack, self._out, self._work = stack, out, out / source / "floods"
        self._reader = Reader(stack.bootstrap_servers, stack.registry_url)

    def judge(self, simulator: Simulator) -> FloodVerdict:
        """Look for floods in what the topic holds, and compare the findings with the vendor's truth."""
        self._work.mkdir(parents=True, exist_ok=True)
        deployment = str(self._write_deployment())
        run("looking for floods", ["floods", "run", "--once", deployment], self._work / "run.log", _DEADLINE_SECS)
        findings = [record for _, record in self._reader.records(_FINDINGS) if record is not None]
        with (self._out / "floods.jsonl").open("a") as file:
            file.writelines(json.dumps(each, default=str) + "\n" for each in findings)
        # 1: floods stand, and no process says how it is, as the watch has ended.
        told = self._work / "status.txt"
        run("asking for floods", ["floods", "status", deployment], told, _DEADLINE_SECS, good=(0, 1))
        self.status = told.read_text()
        return judged(simulator, findings, sum(1 for _ in self._reader.messages(self.topic)))

    def _write_deployment(self) -> Path:
        worker = worker_words(self._stack, f"demo-{self._source}-floods")
        entry = {"topics": [self.topic], "finding.topic": _FINDINGS, "limits": dict(self._limits)}
        path = self._work / "deployment.json"
        path.write_text(json.dumps({"worker": worker, "floods": {self._source: entry}}, indent=2) + "\n")
        return path


def judged(simulator: Simulator, findings: list[dict[str, Any]], records: int) -> FloodVerdict:
    """Compare the findings of a topic with its vendor's truth."""
    began_ms: dict[tuple[str, str], int] = {}
    for each in simulator.truth():
        if "_flood" in each.values:
            key = (each.identity[0], each.values["_flood"])
            began_ms[key] = min(each.values["since"], began_ms.get(key, each.values["since"]))
    found_ms: dict[tuple[str, str], float] = {}
    for finding in findings:
        if finding["kind"] == "opened":
            key = (finding["gateway"], finding["family"])
            time_ms = finding["time"].timestamp() * 1_000
            found_ms[key] = min(time_ms, found_ms.get(key, time_ms))
    after_ms = [found_ms[key] - began_ms[key] for key in began_ms.keys() & found_ms.keys()]
    return FloodVerdict(
        records=records,
        gateways=len({gateway for gateway, _ in began_ms}),
        truth=len(began_ms),
        found=len(began_ms.keys() & found_ms.keys()),
        missing=len(began_ms.keys() - found_ms.keys()),
        extra=len(found_ms.keys() - began_ms.keys()),
        findings=len({finding["id"] for finding in findings}),
        found_after_secs=round(max(after_ms, default=0.0) / 1_000, 1),
    )
