"""Takes the clients an operator wrote, such as `12,100-199`, gives who is meant and the query that finds them; never asks who exists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wellhead.errors import ConfigError, Problem

ALL = "all"
Client = int | str


@dataclass(frozen=True, slots=True)
class Clients:
    """Some clients, or all.

    Attributes:
        text: As it was written.
        names: Single ones, numbers as numbers.
        spans: First and last number of ranges.
    """

    text: str = ALL
    names: tuple[Client, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()

    @property
    def is_all(self) -> bool:
        """Whether nobody is left out."""
        return self.text == ALL

    def __contains__(self, client: object) -> bool:
        if self.is_all:
            return True
        number = number_of(client)
        return (
            client in self.names
            or number in self.names
            or any(isinstance(number, int) and low <= number <= high for low, high in self.spans)
        )

    def query(self, field: str) -> list[Mapping[str, Any]]:
        """Give the filters that find their documents; none for all."""
        if self.is_all:
            return []
        either: list[Mapping[str, Any]] = [{"terms": {field: list(self.names)}}] if self.names else []
        either += [{"range": {field: {"gte": low, "lte": high}}} for low, high in self.spans]
        return [{"bool": {"should": either, "minimum_should_match": 1}}]


def parse_clients(text: str) -> Clients:
    """Read `all`, or numbers, names and ranges of numbers with commas between them.

    Raises:
        ConfigError: A part is none of them.
    """
    parts = [part.strip() for part in text.split(",")]
    if parts == [ALL]:
        return Clients()
    names: list[Client] = []
    spans: list[tuple[int, int]] = []
    for part in parts:
        low, dash, high = part.partition("-")
        if dash and low.isdecimal() and high.isdecimal() and int(low) <= int(high):
            spans.append((int(low), int(high)))
        elif not part or (dash and low.isdecimal() and high.isdecimal()):
            raise ConfigError("migrate", [Problem("--clients", f"{part!r} names no client; write all, or such as 12,100-199")])
        else:
            names.append(int(part) if part.isdecimal() else part)
    return Clients(",".join(parts), tuple(names), tuple(spans))


def number_of(client: object) -> object:
    """Give a client that is written as a number as one; anything else as it is."""
    return int(client) if isinstance(client, str) and client.isdecimal() else client
