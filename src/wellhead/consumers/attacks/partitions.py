"""Takes the partitions that fall to this process, gives their hits' attacks from Redis, filling it again from the state topic where it must be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from confluent_kafka import OFFSET_INVALID, KafkaException, TopicPartition
from redis.exceptions import RedisError

from wellhead.clock import Clock
from wellhead.config.attacks import AttacksSettings
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.attacks.changelog import read_standing, read_state
from wellhead.consumers.attacks.connect import Client, redis_error
from wellhead.consumers.attacks.restore import Restoring, Standing
from wellhead.consumers.attacks.rules import RuleSet
from wellhead.consumers.attacks.script import HOUR_MS, Answer, Limits, Script, Step
from wellhead.errors import PermanentError, TemporaryError
from wellhead.kafka.errors import kafka_error, recovery
from wellhead.kafka.groups import GroupPlaces
from wellhead.kafka.settings import consumer_config

_NEW_YEAR_2026_MS = 1_767_225_600_000


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a partition's state: its generation in Redis, its epoch, and the rules it was made by."""

    generation: str
    epoch: int
    rules: Mapping[str, str]


class Partitions:
    """The state of the partitions of one grouping.

    Args:
        settings: The grouping's.
        worker: Where Kafka is.
        rules: What hits are grouped by.
        client: Redis.
        clock: Dates a state that is begun anew.
        on_rebuilt: Hears why a partition had to be filled again, in a word and in a sentence.
    """

    def __init__(
        self,
        settings: AttacksSettings,
        worker: WorkerSettings,
        rules: RuleSet,
        client: Client,
        clock: Clock,
        *,
        on_rebuilt: Callable[[str, str], None],
    ) -> None:
        self._settings = settings
        self._worker = worker
        self._rules = rules
        self._client = client
        self._on_rebuilt = on_rebuilt
        self._limits = Limits.of(rules, settings.late_secs)
        self._script = Script(client, f"wellhead:{worker.group_id}:{settings.name}", rules, self._limits)
        self._groups = GroupPlaces(consumer_config(worker, client_id=f"{worker.group_id}-places"))
        self._clock = clock
        self._known: dict[int, Known] = {}

    def close(self) -> None:
        """Close the connections to Kafka."""
        self._groups.close()

    def forget(self) -> None:
        """Know nothing of any partition any more: others may have had them meanwhile."""
        self._known.clear()

    def epoch(self, partition: int) -> int:
        """Give the epoch of a partition that `run` has dealt with."""
        return self._known[partition].epoch

    def standing(self, partition: int, offset: int, watermark_ms: int) -> Standing:
        """Give what the state topic is to hold of where a partition stands."""
        known = self._known[partition]
        return Standing(offset, watermark_ms, known.epoch, dict(known.rules), self._worker.group_id)

    def run(self, steps: Sequence[Step]) -> list[Answer]:
        """Give the answers to steps, each of another partition.

        Raises:
            TemporaryError: Redis or Kafka is away; nothing was done, or it will be taken back by the next try.
            PermanentError: They refuse us, or a rule was changed without its version.
        """
        try:
            known = set(self._known)
            for step in steps:
                if step.partition not in known:
                    self._adopt(step)
            answers = self._script.run([self._of(step, sure=step.partition in known) for step in steps])
            for at, answer in enumerate(answers):
                if answer.rebuild is not None:
                    self._rebuild(steps[at], answer.rebuild)
                    answers[at] = self._script.run([self._of(steps[at], sure=False)])[0]
        except RedisError as error:
            raise redis_error(error, self._settings.redis) from error
        for answer in answers:
            if answer.rebuild is not None:
                raise TemporaryError(
                    f"the state of {self._settings.name} was filled again and is still not whole: {answer.rebuild}. "
                    "Does another grouping of the same group.id and name use this Redis?"
                )
        return answers

    def _of(self, step: Step, *, sure: bool) -> Step:
        return replace(step, generation=self._known[step.partition].generation, sure=sure)

    def _adopt(self, step: Step) -> None:
        """Learn what Redis says of a partition's state; fill it where it says nothing."""
        place = f"{self._script.tag(step.partition)}pos"
        found: Any = self._client.hmget(place, ["gen", "epoch", "rules"])
        if None in found:
            self._rebuild(step, "nothing is known of this partition")
            return
        rules = self._agreed(orjson.loads(found[2]))
        self._client.hset(place, "rules", orjson.dumps(rules).decode())
        self._known[step.partition] = Known(found[0].decode(), int(found[1]), rules)

    def _rebuild(self, step: Step, why: str) -> None:
        topic, number, word = self._settings.state_topic, step.partition, "behind"
        config = consumer_config(self._worker, client_id=f"{self._worker.group_id}-state")
        held = read_standing(config, topic, number)
        if held is not None and held.group not in {"", self._worker.group_id}:
            raise PermanentError(
                f"topic {topic!r} holds the state of the group {held.group!r}, and this process is of {self._worker.group_id!r}: each would undo what the "
                "other makes. Give this one the group.id of the others, or topics of its own (state.topic, document.topic, event.topic)"
            )
        rules = self._agreed({} if held is None else held.rules)
        if held is not None and held.next == step.start:
            standing = replace(held, rules=rules)
            restoring = self._restoring(number, standing.epoch, held.watermark_ms - 2 * self._limits.retain)
            read_state(config, topic, number, restoring.take)
        else:
            # Somebody moved the group, or the topic is another one: begin anew, and be newer than all that was made before.
            self._still_there(step)
            word, why = (
                "moved",
                f"begins anew at offset {step.start}" + (f"; it stood at {held.next}" if held is not None else ""),
            )
            since_2026 = max(0, self._clock.now_ms() - _NEW_YEAR_2026_MS) // HOUR_MS
            standing = Standing(step.start, 0, max(since_2026, 0 if held is None else held.epoch + 1), rules)
            restoring = self._restoring(number, standing.epoch, 0)
        restoring.look(standing)
        self._known[number] = Known(restoring.generation, standing.epoch, rules)
        if held is not None or step.start:
            self._on_rebuilt(word, f"partition {number}: {why}; {restoring.records} records")

    def _still_there(self, step: Step) -> None:
        """See that the group stands where the step begins: a process that slept must not put an old state under those who went on."""
        place = TopicPartition(self._settings.topic, step.partition)
        try:
            (found,) = self._groups.committed(self._worker.group_id, [place])
        except KafkaException as error:
            raise recovery(kafka_error(error), f"group {self._worker.group_id!r}: cannot look up where it stands") from error
        if found.offset not in {step.start, OFFSET_INVALID}:
            raise TemporaryError(
                f"{self._settings.topic}, partition {step.partition}: the group stands at offset {found.offset}, this process at {step.start}; "
                "another one has gone on. Reading again from there"
            )

    def _restoring(self, number: int, epoch: int, since_ms: int) -> Restoring:
        tag, ttl_ms = self._script.tag(number), self._limits.ttl
        return Restoring(self._client, tag, ttl_ms=ttl_ms, epoch=epoch, since_ms=since_ms)

    def _agreed(self, made_by: Mapping[str, str]) -> dict[str, str]:
        """Give the rules a state is made by from now on, former ones among them, so that none ever changes without its version."""
        for label, digest in self._rules.versions.items():
            if made_by.get(label, digest) != digest:
                name, _, version = label.rpartition(".")
                raise PermanentError(
                    f"the rule {name} was changed and its version is still {version}: attacks of before and after could not be told apart. "
                    f"Raise its version to {int(version) + 1}; hits from then on form new attacks, older ones stay as they are"
                )
        return {**made_by, **self._rules.versions}

    def ping(self) -> None:
        """See that Redis answers.

        Raises:
            TemporaryError: It does not.
            PermanentError: It refuses us.
        """
        try:
            self._client.ping()
        except RedisError as error:
            raise redis_error(error, self._settings.redis) from error

    def open_attacks(self) -> int:
        """Give how many attacks are open in the partitions that `run` has dealt with.

        Raises:
            TemporaryError: Redis is away.
        """
        try:
            return sum(self._script.open_attacks(number) for number in self._known)
        except RedisError as error:
            raise redis_error(error, self._settings.redis) from error
