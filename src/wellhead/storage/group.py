"""Takes a worker's settings, gives everything its group keeps in Kafka, followed and writable; never decides what to keep."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from wellhead.clock import Clock, SystemClock
from wellhead.config.worker import WorkerSettings
from wellhead.errors import PermanentError, WellheadError
from wellhead.kafka.messages import Message
from wellhead.kafka.settings import consumer_config, writer_config
from wellhead.storage.configs import ConfigView, other_message
from wellhead.storage.configtopic import ConfigTopic
from wellhead.storage.cursors import OffsetsTopic
from wellhead.storage.statuses import StatusTopic
from wellhead.storage.statuswriter import StatusWriter
from wellhead.storage.tail import TopicTail
from wellhead.storage.topics import ensure_storage
from wellhead.storage.writer import ConfigWriter, shared_producer

_START_SECS = 60.0
GROUP = "wellhead-group"
"""Key of the record that says whose the config topic is."""


class Storage:
    """The internal topics of a group, as one worker sees and writes them.

    Args:
        worker: The worker's settings.
        clock: Its time.
        random: Where jitter comes from.
        on_failure: Called once, on a thread of its own, when the topics can be followed no longer: what is shown here is stale then, and
            only a restart helps.

    Attributes:
        configs: Connectors, tasks, targets; `configs.view` is the newest snapshot.
        statuses: States; `statuses.view` is the newest snapshot.
        cursors: Where cursors stand.
        writer: Changes configs, blocking.
        states: Writes states, in the background.
        tail: What follows the topics; `tail.healthy_secs` tells how fresh all this is.
    """

    def __init__(
        self,
        worker: WorkerSettings,
        *,
        clock: Clock | None = None,
        random: Random | None = None,
        on_failure: Callable[[WellheadError], None] = lambda _error: None,
    ) -> None:
        clock = SystemClock() if clock is None else clock
        self._worker = worker
        self.configs, self.statuses, self.cursors = ConfigTopic(), StatusTopic(), OffsetsTopic()
        follow = {
            worker.config_storage_topic: self.configs.fold,
            worker.status_storage_topic: self.statuses.fold,
            worker.offset_storage_topic: self.cursors.fold,
        }
        config = consumer_config(worker, client_id=f"{worker.group_id}-storage")
        self.tail = TopicTail(config, follow, clock=clock, on_failure=on_failure)
        self.writer = ConfigWriter(
            shared_producer(worker),
            self.configs,
            self.catch_up_configs,
            topic=worker.config_storage_topic,
            clock=clock,
            random=random,
        )
        self.states = StatusWriter(
            writer_config(worker, client_id=f"{worker.group_id}-states"), worker.status_storage_topic, self.statuses
        )

    def start(self, secs: float = _START_SECS) -> None:
        """Make the topics that are missing, and return once everything that is committed in them is known; blocking.

        Cursors behind another task's open transaction are not waited for.

        Raises:
            TemporaryError: The broker cannot be reached.
            PermanentError: It refuses us, a topic would lose what it holds, or another group's connectors are kept there.
        """
        ensure_storage(self._worker)
        self.tail.start()
        try:
            self.tail.caught_up(secs=secs, behind_open=False)
            self.catch_up_configs(secs)
            self.writer.change(self._claim, secs=secs)
        except WellheadError:
            self.close()
            raise
        self.states.start()

    def _claim(self, view: ConfigView) -> list[Message]:
        """Give what makes the config topic this group's, unless it is; two groups on one would run every task twice (I4)."""
        owner = view.others.get(GROUP, {}).get("group.id")
        if owner is None:
            return [other_message(self._worker.config_storage_topic, GROUP, {"group.id": self._worker.group_id})]
        if owner != self._worker.group_id:
            raise PermanentError(
                f"topic {self._worker.config_storage_topic!r} belongs to the group {owner!r}, and this worker's group.id is "
                f"{self._worker.group_id!r}: both would run every task. Give this worker the group.id of the others, or topics of its own "
                "(config.storage.topic, status.storage.topic, offset.storage.topic, assignment.topic, lease.topic)"
            )
        return []

    def catch_up_configs(self, secs: float = 30.0) -> None:
        """Return once all that is committed in the config topic now is in `configs`; blocking. Raises as `TopicTail.caught_up` does."""
        self.tail.caught_up(self._worker.config_storage_topic, secs)

    def fresh_configs(self, secs: float = 30.0) -> ConfigView:
        """Give a view that includes all that is committed now; blocking. Raises as `catch_up_configs` does."""
        self.catch_up_configs(secs)
        return self.configs.view

    def fresh_cursors(self, secs: float = 30.0) -> OffsetsTopic:
        """Give `cursors` once they include all that can be read now; blocking. Raises as `TopicTail.caught_up` does."""
        self.tail.caught_up(self._worker.offset_storage_topic, secs, behind_open=False)
        return self.cursors

    def settled_cursors(self, secs: float = 30.0) -> OffsetsTopic:
        """Give `cursors` once they include all that is committed now, behind open transactions, too; blocking. Raises likewise."""
        self.tail.caught_up(self._worker.offset_storage_topic, secs)
        return self.cursors

    def close(self) -> None:
        """Write the states that wait, then end threads and connections."""
        self.states.close()
        self.writer.close()
        self.tail.close()
