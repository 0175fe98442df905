"""Takes connectors and what is placed so far, gives each task its number and its slot; never moves one that stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from wellhead.config.deployment import LoadedConnector
from wellhead.storage.configs import SLOT, STREAMS, TENANT, ConfigView, TaskEntry

SHARE = "wellhead.share"
CLASS = "task.class"
STATES = "wellhead.states"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A task that is to be placed.

    Attributes:
        tenant: Whose data it pulls.
        share: Which of its tenant's tasks it is, from 0.
        streams: What it pulls, in turns.
        kind: The class that polls them, for those who look at the task's properties.
        states: The topics whose records it keeps as a state: nobody else may write there.
    """

    tenant: str
    share: int
    streams: tuple[str, ...]
    kind: str
    states: tuple[str, ...] = ()


def tasks_of(loaded: Sequence[LoadedConnector]) -> list[Wanted]:
    """Give the tasks of a connector: of each tenant at most `tasks.max`, its streams dealt out among them in turn."""
    wanted: list[Wanted] = []
    for each in loaded:
        shares = min(each.settings.tasks_max, len(each.streams))
        for share in range(shares):
            streams = each.streams[share::shares]
            kind = streams[0].task
            names = tuple(stream.name for stream in streams)
            states = sorted({each.settings.topic_of(stream.subject) for stream in streams if stream.cleanup == "compact"})
            told = f"{kind.__module__}.{kind.__qualname__}"
            wanted.append(Wanted(each.settings.tenant, share, names, told, tuple(states)))
    return wanted


def place(view: ConfigView, name: str, wanted: Sequence[Wanted]) -> list[TaskEntry]:
    """Give the tasks of connector `name` with numbers and slots: the old ones where they were, new ones in the lowest that are free."""
    entry = view.connectors.get(name)
    known = {_share_of(task): task for task in entry.tasks.values()} if entry is not None else {}
    kept = {key: known[key] for task in wanted if (key := (task.tenant, task.share)) in known and known[key].slot >= 0}
    others = (task.slot for other in view.connectors.values() if other.name != name for task in other.tasks.values())
    slots = _free({*others, *(task.slot for task in kept.values())})
    numbers = _free({task.number for task in kept.values()})
    placed: list[TaskEntry] = []
    for task in wanted:
        before = kept.get((task.tenant, task.share))
        number, slot = (next(numbers), next(slots)) if before is None else (before.number, before.slot)
        words = {
            CLASS: task.kind,
            SHARE: str(task.share),
            STATES: ",".join(task.states),
            STREAMS: ",".join(task.streams),
            TENANT: task.tenant,
            SLOT: str(slot),
        }
        placed.append(TaskEntry(number, slot, task.tenant, task.streams, words))
    return placed


def other_keeper(view: ConfigView, name: str, wanted: Sequence[Wanted]) -> tuple[str, str] | None:
    """Give a topic whose state another connector keeps, and that one's name; None where there is none."""
    states = {topic for task in wanted for topic in task.states}
    for other in view.connectors.values():
        for task in other.tasks.values():
            shared = states.intersection((task.config.get(STATES) or "").split(","))
            if other.name != name and shared:
                return min(shared), other.name
    return None


def partitions_needed(view: ConfigView) -> int:
    """Give how many partitions the assignment topic must have for every task to have its own."""
    return 1 + max((task.slot for entry in view.connectors.values() for task in entry.tasks.values()), default=0)


def _share_of(task: TaskEntry) -> tuple[str, int]:
    share = task.config.get(SHARE) or ""
    return task.tenant, int(share) if share.isdecimal() else -1


def _free(taken: set[int]) -> Iterator[int]:
    return (number for number in count() if number not in taken)
