"""Takes the topics that tasks need, makes those that are missing, asking the broker once for what many ask at the same moment; never deletes one."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from wellhead.clock import Clock
from wellhead.kafka.topics import TopicSpec, ensure

# Longer than a burst of starts takes to ask, shorter than a person needs to delete a topic and start its task again.
FRESH_SECS = 5.0


class TopicKeeper:
    """Shared by all tasks of a process; any thread may call it.

    Args:
        config: What `settings.admin_config` gives.
        clock: Says how old an answer is.
    """

    def __init__(self, config: Mapping[str, Any], clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._lock = threading.Lock()
        self._made_secs: dict[str, float] = {}

    def ensure(self, specs: Sequence[TopicSpec]) -> None:
        """Make sure that `specs` exist; see `wellhead.kafka.topics.ensure`, whose errors pass through."""
        with self._lock:
            now_secs = self._clock.monotonic_secs()
            wanted = [spec for spec in specs if now_secs - self._made_secs.get(spec.name, float("-inf")) > FRESH_SECS]
            if wanted:
                ensure(self._config, wanted)
                self._made_secs |= dict.fromkeys((spec.name for spec in wanted), self._clock.monotonic_secs())
