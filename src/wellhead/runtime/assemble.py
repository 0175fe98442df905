"""Takes a loaded connector and the worker's settings, gives its tasks with everything they need; opens nothing until they run."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from wellhead.config.deployment import LoadedConnector
from wellhead.errors import PermanentError
from wellhead.runtime.backfill import Backfill, narrowed
from wellhead.runtime.identity import TaskIdentity
from wellhead.runtime.parts import Parts, Shared
from wellhead.runtime.surroundings import Surroundings
from wellhead.runtime.task import AssembledTask
from wellhead.runtime.turns import Turns


def assemble(
    loaded: LoadedConnector, around: Surroundings, *, only: Collection[str] | None = None, at_once: int | None = None
) -> Iterator[AssembledTask]:
    """Give a connector's tasks, one for each stream, in order.

    Args:
        loaded: The connector.
        around: What it shares with others.
        only: The streams to take; None takes all.
        at_once: How many may be polled at once; None for `tasks.max`.

    Raises:
        ConfigError: A Kafka setting or a transform cannot be used.
    """
    numbered = [(number, stream) for number, stream in enumerate(loaded.streams) if only is None or stream.name in only]
    turns = Turns(at_once or loaded.settings.tasks_max, [number for number, _ in numbered])
    shared = Shared.of(loaded, around, turns)
    for number, stream in numbered:
        identity = TaskIdentity.of(loaded, number, stream)
        yield Parts(loaded, identity, around, shared).task()


def assemble_lane(loaded: LoadedConnector, around: Surroundings, backfill: Backfill) -> AssembledTask:
    """Give the task of a backfill, which runs beside the live task of the same stream in the same surroundings.

    Raises:
        PermanentError: The stream is not the connector's, or cannot be read between two times.
    """
    found = [(number, stream) for number, stream in enumerate(loaded.streams) if stream.name == backfill.stream]
    if not found:
        raise PermanentError(f"connector {loaded.name} has no stream {backfill.stream!r} any more, so it cannot be backfilled")
    number, stream = found[0]
    narrow = narrowed(loaded, stream, backfill.share)
    shared = Shared.of(narrow, around, Turns(1, [number]), backfill.id)
    identity = TaskIdentity.of(loaded, number, stream, backfill.id)
    return Parts(narrow, identity, around, shared, backfill).task()
