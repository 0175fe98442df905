"""Tells from the logs of a group's workers which slots each owns, and what moved since a moment."""

from __future__ import annotations

from dataclasses import dataclass

from grouped import Group, Member


@dataclass(frozen=True, slots=True)
class Mark:
    """How much a worker had said at a moment."""

    member: Member
    lines: int

    def moved(self) -> tuple[list[int], list[int]]:
        """Give the slots that it was given since, and those it gave away or lost."""
        given: list[int] = []
        taken: list[int] = []
        for line in self.member.said()[self.lines :]:
            if line["event"] == "partitions_assigned":
                given += line["partitions"]
            elif line["event"] in {"partitions_revoked", "partitions_lost"}:
                taken += line["partitions"]
        return sorted(given), sorted(taken)


def mark(*members: Member) -> list[Mark]:
    return [Mark(member, len(member.said())) for member in members]


def owned(member: Member) -> set[int]:
    """Give the slots that a worker owns, by what it said."""
    found: set[int] = set()
    for line in member.said():
        if line["event"] == "partitions_assigned":
            found |= set(line["partitions"])
        elif line["event"] in {"partitions_revoked", "partitions_lost"}:
            found -= set(line["partitions"])
    return found


def until_spread(group: Group, slots: int, *members: Member) -> None:
    """Wait until `members` own every slot once, none of them two more than another."""

    def spread() -> bool:
        parts = [owned(member) for member in members]
        sizes = [len(part) for part in parts]
        return sorted(slot for part in parts for slot in part) == list(range(slots)) and max(sizes) - min(sizes) <= 1

    group.until(spread, 90)
