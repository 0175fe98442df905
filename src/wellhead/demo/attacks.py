"""Takes a source whose records form attacks, groups them as they arrive into a store, gives what an independent look says of each attack."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from confluent_kafka import Message

from wellhead.consumers.attacks.rules import Rule, load_rules
from wellhead.demo.attackverdict import AttackVerdict, judged
from wellhead.demo.beside import Beside
from wellhead.demo.lag import HITS, Lag, Trickle, measure
from wellhead.demo.process import Process, worker_words
from wellhead.demo.readback import Reader
from wellhead.demo.storeread import StoreReader
from wellhead.stack import Stack
from wellhead.testing.simulator import Simulator

_STORED_SECS = 60.0
_ANSWER_SECS = 60.0
_LOOK_SECS = 0.1
_HITS, _ATTACKS = "wellhead-hits-*", "wellhead-attacks-*"
_QUESTION = "/v1/counts?by=type&top=5"

Progress = Callable[[int, int, str], None]


class Attacks:
    """The attacks of one source; a `with` block runs the grouping as a process.

    Args:
        source: The connector's name.
        rules: By which its records are grouped.
        stack: Kafka and the registry, running.
        beside: Redis and the store; they may still be starting.
        out: Folder for the attacks; deployment and logs go to a folder of the source's within.

    Attributes:
        question: What the read API is asked.
        answer: What it said.
    """

    def __init__(self, source: str, rules: tuple[str, ...], stack: Stack, beside: Beside, out: Path) -> None:
        self.question, self.answer = _QUESTION, dict[str, Any]()
        self._source, self._rules = source, rules
        self._rule: Rule = load_rules(rules).base
        self._stack, self._out, self._work = stack, out, out / source / "attacks"
        self._redis_url, self._store_url = beside.urls()
        self._reader = Reader(stack.bootstrap_servers, stack.registry_url)
        self._processes = ExitStack()
        self._api: Process

    @property
    def topic(self) -> str:
        """Where the hits are."""
        return self._rule.record

    def __enter__(self) -> Self:
        self._work.mkdir(parents=True, exist_ok=True)
        file = str(self._write_deployment())
        with ExitStack() as begun:
            begun.enter_context(Process("attack grouping", ["attacks", "run", file], self._work / "run.log"))
            self._api = begun.enter_context(Process("read API", ["attacks", "serve", file], self._work / "serve.log"))
            self._processes = begun.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._processes.__exit__(kind, error, trace)

    def judge(self, simulator: Simulator, progress: Progress) -> AttackVerdict:
        """Compare what the store holds with the vendor's truth, ask the read API, then measure the lag."""
        like, records = self._topic()
        with StoreReader(self._store_url) as store:
            self._await_stored(store, len(records), progress)
            progress(0, 0, "comparing attacks with the vendor's truth")
            stored = {hit["id"]: hit["attack_id"] for hit in store.documents(_HITS, ["id", "attack_id"])}
            attacks = {each["id"]: each for each in store.documents(_ATTACKS) if each["state"] != "merged"}
            self._leave(attacks)
            self._api.answer("/ready", _ANSWER_SECS)
            self.answer = self._api.answer(_QUESTION, _ANSWER_SECS)
            (self._work / "answer.json").write_text(json.dumps(self.answer, indent=2) + "\n")
            lag = self._measure(store, like, progress)
        truth = {each.identity[0]: each.values["_attack"] for each in simulator.truth() if "_attack" in each.values}
        return judged(truth, stored, attacks, records, rule=self._rule, lag=lag)

    def _write_deployment(self) -> Path:
        worker = worker_words(self._stack, f"demo-{self._source}-attacks")
        entry = {
            "topic": self._rule.record,
            "rules": list(self._rules),
            "redis.url": self._redis_url,
            "stores": {"primary": {"url": self._store_url, "replicas": 0}},
            "serve": {"listeners": "http://127.0.0.1:0"},
        }
        path = self._work / "deployment.json"
        path.write_text(json.dumps({"worker": worker, "attacks": {self._source: entry}}, indent=2) + "\n")
        return path

    def _topic(self) -> tuple[Message, dict[str, dict[str, Any]]]:
        """Give one message of the topic, and every record by its id."""
        messages = list(self._reader.messages(self._rule.record))
        records = (self._reader.decoded(message.value() or b"") for message in messages)
        return messages[-1], {record[self._rule.fields.id]: record for record in records}

    def _await_stored(self, store: StoreReader, expected: int, progress: Progress) -> None:
        """Return once so many hits are in the store; after a while also without, for the verdict to tell."""
        give_up_secs = time.monotonic() + _STORED_SECS
        while (here := store.count(_HITS)) < expected and time.monotonic() < give_up_secs:
            progress(here, expected, "grouping hits into attacks")
            time.sleep(_LOOK_SECS)

    def _leave(self, attacks: Mapping[str, dict[str, Any]]) -> None:
        """Leave the attacks to be looked at, the largest first."""
        with (self._out / "attacks.jsonl").open("a") as file:
            file.writelines(json.dumps(each) + "\n" for each in sorted(attacks.values(), key=lambda each: -each["hits"]))

    def _measure(self, store: StoreReader, like: Message, progress: Progress) -> Lag:
        trickle = Trickle(self._stack.bootstrap_servers, self._reader, self._rule.record, like, self._rule)
        return measure(
            trickle,
            store,
            _ATTACKS,
            self._rule.by[-1],
            lambda found: progress(found, HITS, "timing how soon a search finds an attack"),
        )
