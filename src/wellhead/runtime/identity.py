"""Gives a task its names, the same from offsets key to dashboard; holds nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypedDict

from pydantic import ValidationError

from wellhead.api import Cursor, Stream
from wellhead.config.deployment import LoadedConnector
from wellhead.errors import PermanentError


class TaskNames(TypedDict):
    """The names that stand in run records."""

    connector: str
    task: int
    stream: str
    tenant: str


@dataclass(frozen=True, slots=True)
class TaskIdentity:
    """One stream of one connector for one tenant.

    Attributes:
        task: The stream's number among those of the connector.
        fanned_out: Whether the connector has other tenants, so that the number alone does not name the task.
        backfill: The id of the backfill it is; empty for the live one.
    """

    connector: str
    task: int
    stream: Stream
    tenant: str
    fanned_out: bool = False
    backfill: str = ""

    @classmethod
    def of(cls, loaded: LoadedConnector, number: int, stream: Stream, backfill: str = "") -> TaskIdentity:
        """Give the identity of one stream of a loaded connector, by its number among the connector's."""
        return cls(loaded.name, number, stream, loaded.settings.tenant, loaded.fanned_out, backfill)

    @property
    def names(self) -> TaskNames:
        return {"connector": self.connector, "task": self.task, "stream": self.stream.name, "tenant": self.tenant}

    @property
    def labels(self) -> dict[str, str]:
        """The names as log fields."""
        told = {key: str(value) for key, value in self.names.items()}
        return {**told, "backfill": self.backfill} if self.backfill else told

    @property
    def metric_names(self) -> TaskNames:
        """The names as metric labels: a backfill's numbers stand beside those of its live stream, all backfills' in one."""
        return {**self.names, "stream": f"{self.stream.name}/backfill"} if self.backfill else self.names

    @property
    def partition(self) -> dict[str, str]:
        """The source partition under which the cursor is stored."""
        live = {"stream": self.stream.name, "tenant": self.tenant}
        return {**live, "backfill": self.backfill} if self.backfill else live

    def transactional_id(self, group_id: str) -> str:
        """The producer's transactional id: the next owner of this task uses the same and fences us (I4)."""
        if self.backfill:
            return f"{group_id}-{self.connector}:{self.place}"
        # No tenant's name holds a colon, so that of `a` for `b-c` is not that of `a-b` for `c`, nor of a connector called `a-b-c`.
        return (
            f"{group_id}-{self.connector}:{self.tenant}:{self.task}"
            if self.fanned_out
            else f"{group_id}-{self.connector}-{self.task}"
        )

    @property
    def place(self) -> str:
        """What tells the task from the connector's others."""
        if self.backfill:
            return f"backfill-{self.backfill}"
        return f"{self.tenant}-{self.task}" if self.fanned_out else str(self.task)

    def cursor_of(self, stored: Mapping[str, object] | None) -> Cursor | None:
        """Give a stored cursor as the stream's own.

        Raises:
            PermanentError: It is none of the stream's.
        """
        if stored is None:
            return None
        try:
            return self.stream.cursor.model_validate(stored)
        except ValidationError as error:
            fields = ", ".join(sorted({".".join(map(str, problem["loc"])) for problem in error.errors()}))
            raise PermanentError(
                f"the stored cursor of {self} does not fit {self.stream.cursor.__name__} (see {fields}). "
                "It was written by another version or altered by hand: put the fields right, or reset it to null to start afresh"
            ) from None

    def __str__(self) -> str:
        live = f"{self.connector}/{self.stream.name}/{self.tenant}"
        return f"{live}/{self.backfill}" if self.backfill else live


def writer_ids(loaded: LoadedConnector, group_id: str) -> Callable[[int, Stream], str]:
    """Give what tells the transactional id of a connector's stream, by its number and itself: who writes its records and cursor."""
    return lambda number, stream: TaskIdentity.of(loaded, number, stream).transactional_id(group_id)
