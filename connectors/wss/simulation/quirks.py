"""Takes armed content faults, gives which rows and members they shape and how, never anything that depends on a request."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connectors.wss.simulation.fields import DEFAULT_FIELDS, line_of
from wellhead.testing.faults import FaultSpec

BROKEN_ROW_FAULTS = {
    "odd_quotes": "A row whose user agent opens a quote and never closes it.",
    "too_few_columns": "A row without its cs-host.",
    "too_many_columns": "A row whose user agent holds spaces and no quotes.",
    "bad_number": "A row whose sc-bytes is no number.",
    "bad_date": "A row whose date is no date.",
}
ROW_FAULTS = {
    "broken_rows": "Rows broken in turn in each of the ways there are.",
    **BROKEN_ROW_FAULTS,
    "non_utf8": "A sound row in Latin-1, with letters beyond ASCII in its user name.",
    "long_line": "A sound row of 18,000 bytes.",
}
LAYOUT_FAULTS = {
    "no_fields": "A member without a #Fields line; none of its rows can be read.",
    "new_field": "A member with a field nobody has heard of, in the middle.",
    "field_subset": "A member with fewer fields, in another order.",
}
MEMBER_FAULTS = {
    **LAYOUT_FAULTS,
    "crlf": "A member whose lines end in CR LF.",
    "no_final_newline": "A member whose last line has no end.",
    "unknown_member": "A manifest.txt beside the members of an archive.",
    "empty_member": "A further member of no bytes at all.",
}
CONTENT_FAULTS = ROW_FAULTS | MEMBER_FAULTS

NEW_FIELD = "x-example-new-field"
SUBSET = tuple(
    """x-bluecoat-transaction-uuid cs-host time date sc-bytes cs-bytes cs(User-Agent) c-ip cs-userdn sc-status cs-method
    s-action cs-uri-query cs-uri-path cs-uri-scheme cs-categories time-taken x-client-os
    sc-filter-result""".split()  # noqa: SIM905 - as it stands in a header line
)
LONG_LINE_BYTES = 18_000


@dataclass(frozen=True, slots=True)
class Picker:
    """Which of a run of numbers a fault falls on: some chosen by the seed, or every so many."""

    chosen: NDArray[np.int64]
    every: int = 0
    after: int = 0

    @classmethod
    def of(cls, spec: FaultSpec, candidates: Sequence[int], seed: int) -> Picker:
        """Choose `count` of the candidates, or for ever every 1/probability-th number."""
        if spec.count is None:
            return cls(np.empty(0, np.int64), every=max(1, round(1 / max(spec.probability, 1e-9))), after=spec.after)
        rest = candidates[spec.after :]
        chance = random.Random(f"{seed}/{spec.name}")  # noqa: S311 - data that must repeat
        return cls(np.array(sorted(chance.sample(rest, min(spec.count, len(rest)))), np.int64))

    def mask(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell for each number whether the fault falls on it."""
        if self.every:
            return np.asarray((numbers >= self.after) & ((numbers - self.after) % self.every == 0), np.bool_)
        return np.isin(numbers, self.chosen)

    def falls_on(self, number: int) -> bool:
        return bool(self.mask(np.array([number], np.int64))[0])


@dataclass(frozen=True, slots=True)
class Layout:
    """How one member is written; `fault` names what shaped its rows, or is empty."""

    fields: tuple[str, ...] = DEFAULT_FIELDS
    fault: str = ""
    line_end: bytes = b"\n"
    final_newline: bool = True
    with_manifest: bool = False
    with_empty_member: bool = False


PLAIN = Layout()


class Quirks:
    """The content faults of one tenant.

    Args:
        content: The faults armed, by name.
        rows: How many rows of history a seeded choice may fall on.
        members: Numbers of the members of history that hold rows.
        seed: The tenant's own seed.
    """

    def __init__(self, content: Mapping[str, FaultSpec], rows: int, members: Sequence[int], seed: int) -> None:
        def picker(spec: FaultSpec) -> Picker:
            return Picker.of(spec, range(rows) if spec.name in ROW_FAULTS else members, seed)

        self._rows = {name: picker(spec) for name, spec in content.items() if name in ROW_FAULTS}
        self._members = {name: picker(spec) for name, spec in content.items() if name in MEMBER_FAULTS}

    def layout(self, member: int) -> Layout:
        """Give how the member of that number is written."""
        if not self._members:
            return PLAIN
        names = {name for name, picker in self._members.items() if picker.falls_on(member)}
        fault = next((name for name in LAYOUT_FAULTS if name in names), "")
        return Layout(
            fields=_fields_of(fault),
            fault=fault,
            line_end=b"\r\n" if "crlf" in names else b"\n",
            final_newline="no_final_newline" not in names,
            with_manifest="unknown_member" in names,
            with_empty_member="empty_member" in names,
        )

    def of_rows(self, numbers: NDArray[np.int64]) -> dict[int, str]:
        """Give, for places in `numbers` that a row fault falls on, the fault; the one listed first wins."""
        struck: dict[int, str] = {}
        for name in ROW_FAULTS:
            if name in self._rows:
                for place in np.flatnonzero(self._rows[name].mask(numbers)).tolist():
                    struck.setdefault(place, _kind(name, int(numbers[place])))
        return struck


def _fields_of(fault: str) -> tuple[str, ...]:
    if fault == "new_field":
        middle = DEFAULT_FIELDS.index("cs-host") + 1
        return (*DEFAULT_FIELDS[:middle], NEW_FIELD, *DEFAULT_FIELDS[middle:])
    return SUBSET if fault == "field_subset" else DEFAULT_FIELDS


def _kind(name: str, number: int) -> str:
    kinds = list(BROKEN_ROW_FAULTS)
    return kinds[number % len(kinds)] if name == "broken_rows" else name


def shaped_line(fault: str, row: Mapping[str, str], fields: Sequence[str]) -> bytes:
    """Write a row, given by its values on the wire, as the row fault has it."""
    shape = SHAPES.get(fault)
    return shape(dict(row), fields) if shape else line_of([row[field] for field in fields])


def _odd_quotes(row: dict[str, str], fields: Sequence[str]) -> bytes:
    row["cs(User-Agent)"] = row["cs(User-Agent)"].removesuffix('"')
    return line_of([row[field] for field in fields])


def _too_few_columns(row: dict[str, str], fields: Sequence[str]) -> bytes:
    return line_of([row[field] for field in fields if field != "cs-host"])


def _too_many_columns(row: dict[str, str], fields: Sequence[str]) -> bytes:
    row["cs(User-Agent)"] = "Example Agent without quotes"
    return line_of([row[field] for field in fields])


def _bad_number(row: dict[str, str], fields: Sequence[str]) -> bytes:
    row["sc-bytes"] = "12x4"
    return line_of([row[field] for field in fields])


def _bad_date(row: dict[str, str], fields: Sequence[str]) -> bytes:
    row["date"] = row["date"][:4] + "-13-45"
    return line_of([row[field] for field in fields])


def _non_utf8(row: dict[str, str], fields: Sequence[str]) -> bytes:
    return " ".join(row[field] for field in fields).encode("latin-1")


SHAPES: Mapping[str, Callable[[dict[str, str], Sequence[str]], bytes]] = {
    "odd_quotes": _odd_quotes,
    "too_few_columns": _too_few_columns,
    "too_many_columns": _too_many_columns,
    "bad_number": _bad_number,
    "bad_date": _bad_date,
    "non_utf8": _non_utf8,
}
