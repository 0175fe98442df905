"""Gives what is to become of a connector's cursors as one frozen value with a JSON form; never looks anything up, never acts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from wellhead.errors import ConfigError, Problem
from wellhead.kafka.offsets import Scalar
from wellhead.recovery.errors import Refused
from wellhead.recovery.forecast import Forecast

Why = Literal["reset", "alter", "undo", "import"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Spot(_Value):
    """A place in the offsets topic."""

    partition: int
    offset: int


class Reader(_Value):
    """A consumer group that reads a topic.

    Attributes:
        group: Its id.
        lag: Records it has not read yet, None where it cannot be known.
    """

    group: str
    lag: int | None = Field(default=None)


class Change(_Value):
    """One cursor that moves.

    Attributes:
        partition: Whose: what names the stream.
        before: Where it stands, None before everything; `from` in JSON.
        after: Where it will stand, None to begin anew; `to` in JSON.
        why: What the history will say of it.
        transactional_id: Of the stream's task, to fence its owner with (I4); None where it cannot be known.
        topic: The record topic, None where it cannot be known.
        cleanup: Its cleanup policy.
        deduplicates: Whether the stream leaves out, after `after`, what stands in the topic already.
        stored_at: Where in the offsets topic `before` stands, None where there is nothing.
        stored_ms: When it was written there, epoch ms.
        forecast: What it takes until the cursor stands again where it stands now.
        readers: Who reads the topic, and so reads again what is published again; None where that cannot be known.
    """

    partition: dict[str, Scalar]
    before: dict[str, Any] | None = Field(validation_alias="from", serialization_alias="from")
    after: dict[str, Any] | None = Field(validation_alias="to", serialization_alias="to")
    why: Why
    transactional_id: str | None = Field(default=None)
    topic: str | None = Field(default=None)
    cleanup: Literal["delete", "compact"] | None = Field(default=None)
    deduplicates: bool = Field(default=False)
    stored_at: Spot | None = Field(default=None)
    stored_ms: int | None = Field(default=None)
    forecast: Forecast = Field(default=Forecast(direction="unknown"))
    readers: tuple[Reader, ...] | None = Field(default=None)

    @property
    def moves(self) -> bool:
        """Whether it changes anything."""
        return self.before != self.after

    @property
    def name(self) -> str:
        """The stream, for people."""
        return name_of(self.partition)


class Plan(_Value):
    """What is to become of a connector's cursors.

    Attributes:
        id: Its name in history and audit.
        connector: Whose cursors.
        created_ms: When it was made, epoch ms.
        changes: Each cursor that moves.
        warnings: What may not be as meant.
        kind: Tells a plan from other JSON files.
    """

    kind: Literal["wellhead.offsets.plan"] = Field(default="wellhead.offsets.plan")
    id: str
    connector: str
    created_ms: int
    created_at: str = Field(description="The same for people.")
    changes: tuple[Change, ...]
    warnings: tuple[str, ...] = Field(default=())

    @model_validator(mode="after")
    def _moves_each_once(self) -> Self:
        partitions = [change.partition for change in self.changes]
        twice = [change.name for number, change in enumerate(self.changes) if change.partition in partitions[:number]]
        if twice:
            raise PydanticCustomError("twice", "{name} stands in it twice; name each stream once", {"name": twice[0]})
        return self

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON can say it."""
        return self.model_dump(mode="json", by_alias=True)

    @property
    def moving(self) -> tuple[Change, ...]:
        """The changes that change anything."""
        return tuple(change for change in self.changes if change.moves)

    def left(self, found: Sequence[dict[str, Any] | None]) -> list[Change]:
        """Give what is left to be moved: not what stands already where the plan wants it.

        Args:
            found: Where the cursors of `moving` stand now, in order.

        Raises:
            Refused: One stands neither where the plan found it nor where it wants it: the plan was overtaken.
        """
        stands = list(zip(self.moving, found, strict=True))
        moved = [change.name for change, cursor in stands if cursor not in (change.before, change.after)]
        if moved:
            raise Refused(
                f"{self.connector}: the cursor of {', '.join(moved)} moved since {self.id} was made ({self.created_at}); nothing was changed. "
                "Stop the connector, then plan again"
            )
        return [change for change, cursor in stands if cursor != change.after]


def parse_plan(text: str | bytes, *, where: str = "plan") -> Plan:
    """Give the plan that `text` holds.

    Raises:
        ConfigError: It holds none.
    """
    try:
        return Plan.model_validate_json(text)
    except ValidationError as error:
        problems = [
            Problem(".".join(str(part) for part in each["loc"]) or "plan", each["msg"])
            for each in error.errors(include_url=False, include_input=False)
        ]
        raise ConfigError(where, problems) from None


def read_plan(path: Path) -> Plan:
    """Read a plan file.

    Raises:
        ConfigError: It cannot be read, or holds no plan.
    """
    try:
        return parse_plan(path.read_bytes(), where=str(path))
    except OSError as error:
        raise ConfigError(str(path), [Problem("file", f"cannot be read: {error.strerror}")]) from None


def name_of(partition: dict[str, Scalar]) -> str:
    """Give a stream's name for people: `access_log/acme`, or every field where it is none of ours."""
    if partition.keys() == {"stream", "tenant"}:
        return f"{partition['stream']}/{partition['tenant']}"
    return ",".join(f"{name}={value}" for name, value in sorted(partition.items())) or "(no partition)"
