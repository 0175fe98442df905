"""Takes one source with its simulator and a running stack, kills one of two workers in the middle of its pull, gives the verdict."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType

from wellhead.api import SourceConnector, Stream
from wellhead.demo.readback import Reader
from wellhead.demo.workers import Pair
from wellhead.errors import PermanentError
from wellhead.stack import Stack
from wellhead.testing.server import serve
from wellhead.testing.simulator import Simulator

_POLL_SECS = 0.25
_KILL_AT = 0.4
_DEADLINE_SECS = 150.0
_OWN_TOPICS = ("config.storage.topic", "status.storage.topic", "assignment.topic", "lease.topic")

Progress = Callable[[int, int, str], None]
Identity = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one topic.

    Of `truth` records the vendor held and `read` the topic holds, `lost` and `duplicated` must be 0; of keyed state `read` counts the keys
    that stand, and one that should not counts as duplicated. Of `broken` lines it sent, all must be `dead_lettered`, and `altered`,
    those whose bytes differ, must be 0.
    """

    truth: int
    read: int
    lost: int
    duplicated: int
    dead_lettered: int
    broken: int
    altered: int
    kills: int
    api_calls: int
    seconds: float
    records_per_sec: float

    @property
    def ok(self) -> bool:
        return not (self.lost or self.duplicated or self.altered) and self.dead_lettered == self.broken and self.kills > 0

    def as_json(self) -> dict[str, object]:
        return asdict(self) | {"ok": self.ok}


class Act:
    """One source's part of the demo.

    Attributes:
        source: The connector.
        simulator: Its vendor, and what that holds.

    Args:
        source: The connector; all its streams are shown, by topic.
        module: The module of its simulator.
        stack: Real servers, running.
        out: A folder of its own for the deployment, logs and topic samples.
    """

    def __init__(self, source: SourceConnector, module: ModuleType, stack: Stack, out: Path) -> None:
        self.source = source
        self.simulator: Simulator = module.create(module.Settings(**module.DEMO.settings))
        self._options = dict(module.DEMO.options)
        self._stack = stack
        self._out = out
        self._polled: frozenset[str] = frozenset()
        self._reader = Reader(stack.bootstrap_servers, stack.registry_url)

    def play(self, progress: Progress) -> dict[str, Verdict]:
        """Pull the source to the end with one SIGKILL in it; give the verdict by topic."""
        self._out.mkdir(parents=True, exist_ok=True)
        simulator = self.simulator
        with serve(simulator) as url:
            config = self.source.config.model_validate(simulator.options(url) | self._options)
            topics: dict[str, list[Stream]] = {}
            for stream in self.source.streams_of(config):
                topics.setdefault(stream.subject, []).append(stream)
            self._polled = frozenset(each.name for streams in topics.values() for each in streams if not each.live)
            files = self._write_files(simulator, url)
            began = time.monotonic()
            expected = len(simulator.identities())
            with closing(self._reader):
                kills = self._pull(files, list(topics), expected, progress)
            secs = time.monotonic() - began
            progress(0, 0, "reading back what Kafka holds")
            shutil.rmtree(self._out / "spool", ignore_errors=True)
            return {topic: self._judge(topic, streams, kills, secs) for topic, streams in topics.items()}

    def _write_files(self, simulator: Simulator, url: str) -> tuple[Path, Path]:
        """Write the worker's file and the connector's."""
        worker = {
            "group.id": f"demo-{self.source.name}",
            "kafka": {"bootstrap.servers": self._stack.bootstrap_servers},
            "schema.registry.url": self._stack.registry_url,
            "listeners": "http://127.0.0.1:0",
            "spool.dir": str(self._out / "spool"),
            "session.timeout.ms": 6_000,
            "offset.storage.partitions": 1,
            **{word: f"demo-{self.source.name}-{word.partition('.')[0]}" for word in _OWN_TOPICS},
        }
        connector = {
            "connector.class": self.source.name,
            "tenant": "demo",
            "retry.backoff.max.secs": 2,
            "http.interval.secs": 0,
            **simulator.options(url),
            **self._options,
        }
        files = {"worker.json": {"worker": worker}, "connectors.json": {"connectors": {self._name: connector}}}
        for name, content in files.items():
            (self._out / name).write_text(json.dumps(content, indent=2) + "\n")
        return self._out / "worker.json", self._out / "connectors.json"

    @property
    def _name(self) -> str:
        return f"{self.source.name}-demo"

    def _pull(self, files: tuple[Path, Path], topics: Sequence[str], expected: int, progress: Progress) -> int:
        """Run two workers until everything is pulled, killing the one that pulls in the middle; give how often that was done."""
        kills, what = 0, "pulling"
        deadline = time.monotonic() + _DEADLINE_SECS
        with Pair(*files, self._name, self._out) as pair:
            pair.wait()
            here = 0
            while not (kills and pair.caught_up(self._polled) and (self._polled or self._all_there(topics, here, expected))):
                if time.monotonic() > deadline:
                    raise PermanentError(f"the demo's workers are not caught up after {_DEADLINE_SECS:g} s: see {self._out}")
                here = min(sum(map(self._reader.count, topics)), expected)
                progress(here, expected, what)
                if not kills and here > expected * _KILL_AT and (killed := pair.kill_owner()):
                    kills, what = kills + 1, f"pulling on the other, after kill -9 of {killed}"
                time.sleep(_POLL_SECS)
        return kills

    def _all_there(self, topics: Sequence[str], here: int, expected: int) -> bool:
        """Tell whether all that is expected can be read: nobody who only listens says that there is no more.

        `here`, the topics' ends, counts markers of transactions too: it says only when to look.
        """
        return here >= expected and sum(1 for topic in topics for _ in self._reader.messages(topic)) >= expected

    def _judge(self, topic: str, streams: Sequence[Stream], kills: int, secs: float) -> Verdict:
        names, simulator = {stream.name for stream in streams}, self.simulator
        truth = [record for record in simulator.truth(values=False) if record.stream in names]
        held = Counter(record.identity for record in truth if record.kind == "record")
        broken = Counter(record.raw for record in truth if record.kind == "broken")
        read: Counter[Identity] = Counter()
        standing: dict[bytes | None, Identity] = {}
        with (self._out / f"{topic}.sample.jsonl").open("w") as sample:
            for number, (key, record) in enumerate(self._reader.records(topic)):
                standing.pop(key, None)
                if record is None:
                    continue
                identity = simulator.identity_of(record)
                standing[key] = identity
                read[identity] += 1
                if number < 100:  # noqa: PLR2004 - enough to look at
                    sample.write(json.dumps(record, default=str) + "\n")
        twice = (read - held).total()
        if streams[0].cleanup == "compact":
            twice = sum(count - 1 for count in read.values())
            read = Counter(standing.values())
            twice += (read - held).total()
        letters = Counter(message.value() for message in self._reader.messages(f"{topic}.dlq"))
        return Verdict(
            truth=held.total(),
            read=read.total(),
            lost=(held - read).total(),
            duplicated=twice,
            dead_lettered=letters.total(),
            broken=broken.total(),
            altered=(letters - broken).total(),
            kills=kills,
            api_calls=len(simulator.requests),
            seconds=round(secs, 2),
            records_per_sec=round(read.total() / secs),
        )
