"""Takes what an entry says of its name and the topics it writes, gives it checked or made up beside what it reads; never asks Kafka."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

TOPIC: Final = r"^[a-zA-Z0-9._-]{1,249}$"
"""What Kafka takes for a topic's name."""
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def _plain(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise PydanticCustomError("name", "must be 1 to 64 letters, digits, _ and -")
    return value


EntryName = Annotated[str, AfterValidator(_plain)]
"""A name that may stand in consumer groups, transactional ids and keys."""


def beside(word: str, suffix: str) -> Callable[[dict[str, Any]], str]:
    """Give what makes up a topic's name: that of the first topic under `word` up to its last dot, and the suffix."""

    def made(data: dict[str, Any]) -> str:
        read = data.get(word, "")
        first = read if isinstance(read, str) else next(iter(read), "")
        return f"{first.rpartition('.')[0] or first}.{suffix}"

    return made


def each_its_own(topics: Iterable[tuple[str, str]]) -> None:
    """See that no topic stands under two words.

    Args:
        topics: The word and the topic of each.

    Raises:
        PydanticCustomError: One does; it names the second word and the first.
    """
    taken: dict[str, str] = {}
    for word, topic in topics:
        if topic in taken:
            raise PydanticCustomError("word", f"is the same as {taken[topic]}; give each its own topic", {"word": word})
        taken[topic] = word
