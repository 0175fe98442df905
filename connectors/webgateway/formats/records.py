"""Takes the fields of lines as columns of text, gives the schema's columns and which lines can be no record; never changes a value's meaning."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.webgateway.formats import times, urls
from connectors.webgateway.formats.cuts import Cuts, Flags, Ints
from connectors.webgateway.formats.layout import (
    CLF_TIME,
    CLOCK,
    DATE,
    EPOCH,
    NUMBERS,
    OUTCOME,
    PEER,
    REQUEST,
    RESULT,
    URL,
    Layout,
)  # fmt: skip

TIME = pa.timestamp("ms", tz="UTC")
_TYPES = {31: pa.int32(), 63: pa.int64()}
_ZERO, _TEN = ord("0"), 10
_NUMBER = re.compile(r"-?0*[0-9]{1,19}", re.ASCII)
_ADDRESS = r"^[0-9]{1,3}\.[0-9.]+$|:"
_READERS: Mapping[str, Callable[[Any], tuple[Ints, Flags]]] = {CLF_TIME: times.of_clf, EPOCH: times.of_epoch}


@dataclass(frozen=True, slots=True)
class Fault:
    """Lines that can be no record.

    Attributes:
        rows: Which.
        field: The field that is wrong.
        reason: What is.
    """

    rows: Flags
    field: str
    reason: str


class Records:
    """The columns that lines of one layout fill."""

    def __init__(self, layout: Layout, texts: Sequence[Any]) -> None:
        self._layout = layout
        self._texts = texts
        self._columns: dict[str, Any] = {}
        self._derived: dict[str, Any] = {}
        self._extras: dict[str, Any] = {}
        self.faults: list[Fault] = []
        self._time()
        for slot, text in zip(layout.slots, texts, strict=True):
            self._fill(slot.name, slot.target, text)

    def batch(self) -> pa.RecordBatch:
        """Give all of them as one record batch; `faults` tells the rows to leave out."""
        columns = {**self._derived, **self._columns}
        if self._extras:
            columns["extensions"] = _map(self._extras)
        return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))

    def _time(self) -> None:
        at = {slot.target: index for index, slot in enumerate(self._layout.slots) if slot.target}
        name = next(target for target in (CLF_TIME, EPOCH, DATE) if target in at)
        texts = self._texts[at[name]]
        if name == DATE:
            time_ms, good = times.of_stamp(pc.binary_join_element_wise(texts, self._texts[at[CLOCK]], " "))
        else:
            time_ms, good = _READERS[name](texts)
        self._columns["time"] = pa.array(time_ms, pa.int64()).view(TIME)
        if not good.all():
            self.faults.append(Fault(~good, self._layout.slots[at[name]].name, "the time is missing or unreadable"))

    def _fill(self, name: str, target: str | None, text: Any) -> None:
        if target is None:
            self._extras[name] = text
        elif target in NUMBERS:
            self._columns[target] = self._number(name, text, NUMBERS[target])
        elif target == REQUEST:
            self._derive(urls.of_requests(text))
        elif target == RESULT:
            self._result(name, text)
        elif target in (PEER, OUTCOME):
            self._peer(target, text)
        elif not target.startswith("@"):
            self._columns[target] = _without_mark(text) if target == "url_query" else text
            if target == URL:
                self._derive(urls.of_urls(text))

    def _derive(self, columns: Mapping[str, Any]) -> None:
        self._derived |= {name: column for name, column in columns.items() if name not in self._layout.filled}

    def _number(self, name: str, text: Any, bits: int) -> Any:
        column, wrong = _numbers(text, bits)
        if wrong is not None:
            self.faults.append(Fault(wrong, name, "the value is not a whole number in range"))
        return column

    def _result(self, name: str, text: Any) -> None:
        """Split a result like `TCP_MISS/200`."""
        cuts = Cuts.of(text)
        slash = cuts.last(b"/")
        split = slash >= cuts.starts
        self._columns["action"] = cuts.within(cuts.starts, np.where(split, slash, cuts.ends)).column()
        status = _dashless(cuts.within(np.minimum(slash + 1, cuts.ends), cuts.ends), split)
        self._columns["status"] = self._number(name, status, NUMBERS["status"])

    def _peer(self, target: str, text: Any) -> None:
        """Split where an answer came from, like `HIER_DIRECT/203.0.113.9`, or an outcome like `TCP_MISS:HIER_DIRECT`."""
        cuts = Cuts.of(text)
        cut = cuts.first(b"/" if target == PEER else b":")
        before = cuts.within(cuts.starts, cut).column()
        behind = _dashless(cuts.within(np.minimum(cut + 1, cuts.ends), cuts.ends))
        if target == OUTCOME:
            self._columns |= {"action": before, "hierarchy": behind}
            return
        address = pc.match_substring_regex(behind, _ADDRESS)
        self._columns |= {"hierarchy": before, "server_ip": pc.if_else(address, behind, None)}
        if pc.any(pc.invert(address)).as_py():
            self._extras["peer"] = pc.if_else(address, None, behind)


def _numbers(text: Any, bits: int) -> tuple[Any, Flags | None]:
    """Give numbers; null where there is none, and which of the texts are no number in range."""
    octets = text.buffers()[2]
    if octets is None or (np.frombuffer(octets, np.uint8) - _ZERO <= _TEN - 1).all():
        try:
            return text.cast(_TYPES[bits]), None
        except pa.ArrowInvalid:
            pass
    numbers = [_one_number(value, bits) for value in text.to_pylist()]
    wrong = np.asarray(text.is_valid()) & np.array([number is None for number in numbers], np.bool_)
    return pa.array(numbers, _TYPES[bits]), wrong if wrong.any() else None


def _one_number(text: str | None, bits: int) -> int | None:
    if text is None or not _NUMBER.fullmatch(text):
        return None
    number = int(text)
    return number if -(1 << bits) <= number < 1 << bits else None


def _dashless(cuts: Cuts, where: Flags | None = None) -> Any:
    held = ~(cuts.holds(cuts.starts, b"-") & (cuts.ends - cuts.starts == 1))
    return cuts.column(held if where is None else held & where)


def _without_mark(text: Any) -> Any:
    cuts = Cuts.of(text)
    return cuts.within(cuts.starts + cuts.holds(cuts.starts, b"?"), cuts.ends).column()


def joined(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Give several batches as one; a column only some of them have is null in the others."""
    held = [batch for batch in batches if batch.num_rows]
    if len(held) == 1:
        return held[0]
    if not held:
        return pa.RecordBatch.from_pydict({"time": pa.array([], TIME)})
    table = pa.concat_tables([pa.Table.from_batches([batch]) for batch in held], promote_options="default").combine_chunks()
    return table.to_batches()[0]


def _map(extras: Mapping[str, Any]) -> Any:
    """Lay the columns row by row into one map column; a row with no value gets null."""
    columns = list(extras.values())
    held = np.stack([np.asarray(column.is_valid()) for column in columns], axis=1)
    row, field = np.nonzero(held)
    kind: Any = pa.array(field)
    place: Any = pa.array(field * len(held) + row)
    keys = pa.array(list(extras)).take(kind)
    items = pa.concat_arrays(columns).take(place)
    offsets: Any = pa.array(np.concatenate([[0], np.cumsum(held.sum(axis=1))]).astype(np.int32))
    empty: Any = pa.array(~np.asarray(held.any(axis=1)))
    return pa.MapArray.from_arrays(offsets, keys, items, mask=empty)
