"""Takes a column of texts, gives parts of them as columns without looking at them one by one; never copies what it only cuts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_ROOM_BYTES = 32  # a window of a few bytes may begin at the last one
_FEW = 4  # bytes that are sooner compared one after another than looked up together


@dataclass(frozen=True)
class Cuts:
    """Texts that lie in one buffer.

    Attributes:
        data: The buffer, with room behind it.
        starts: The first byte of each text.
        ends: The byte after its last.
    """

    data: Bytes
    starts: Ints
    ends: Ints
    _places: dict[bytes, Ints] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, texts: Any) -> Cuts:
        """Take an Arrow column of strings without an offset; a null is an empty text."""
        _, offsets, octets = texts.buffers()
        ends = np.frombuffer(offsets, np.int32)[: len(texts) + 1].astype(np.int64)
        size = int(ends[-1]) if len(ends) else 0
        data = np.zeros(size + _ROOM_BYTES, np.uint8)
        if size:
            data[:size] = np.frombuffer(octets, np.uint8)[:size]
        return cls(data, ends[:-1], ends[1:])

    def within(self, starts: Ints, ends: Ints) -> Cuts:
        """Give other cuts of the same buffer."""
        return Cuts(self.data, starts, ends, self._places)

    def places(self, any_of: bytes, *, but: bool = False) -> Ints:
        """Give where any of some bytes stand, or any but them; then the end of the buffer."""
        key = any_of + (b"!" if but else b"=")
        if key not in self._places:
            if len(any_of) <= _FEW and not but:
                found = self.data == any_of[0]
                for byte in any_of[1:]:
                    found |= self.data == byte
            else:
                table = bytes((byte in any_of) != but for byte in range(256))
                found = np.frombuffer(self.data.tobytes().translate(table), np.bool_)
            self._places[key] = np.append(np.flatnonzero(found), len(self.data))
        return self._places[key]

    def first(self, any_of: bytes, after: Ints | None = None, *, but: bool = False) -> Ints:
        """Give the first place of any of some bytes in each text, from `after` on; its end where there is none."""
        places = self.places(any_of, but=but)
        if len(places) == 1:
            return self.ends
        at = np.searchsorted(places, self.starts if after is None else after)
        found: Ints = np.minimum(places[at], self.ends)
        return found

    def last(self, byte: bytes) -> Ints:
        """Give the last place of a byte in each text; before its start where there is none."""
        places = self.places(byte)
        at = np.searchsorted(places, self.ends)
        found = np.where(at > 0, places[at - 1], -1)
        last: Ints = np.where(found >= self.starts, found, self.starts - 1)
        return last

    def holds(self, at: Ints, text: bytes) -> Flags:
        """Tell which texts hold `text` at a place."""
        fits = (at >= self.starts) & (at + len(text) <= self.ends)
        place = np.where(fits, at, 0)
        for offset, byte in enumerate(text):
            fits &= self.data[place + offset] == byte
        return fits

    def column(self, where: Flags | None = None) -> Any:
        """Give the texts as an Arrow column of strings; null where `where` is false, and for an empty text."""
        held = self.ends > self.starts if where is None else (self.ends > self.starts) & where
        count = int(np.count_nonzero(held))
        if not count:
            return pa.nulls(len(held), pa.string())
        # The held texts and what lies between them are all of the buffer, in order; every other one of these is taken.
        offsets = np.empty(2 * count, np.int32)
        offsets[::2], offsets[1::2] = (self.starts, self.ends) if count == len(held) else (self.starts[held], self.ends[held])
        buffers: list[Any] = [None, pa.py_buffer(cast("Any", offsets)), pa.py_buffer(cast("Any", self.data))]
        pieces = pa.Array.from_buffers(pa.string(), 2 * count - 1, buffers)
        numbers = np.arange(0, 2 * count, 2) if count == len(held) else 2 * np.cumsum(held) - 2
        wanted: Any = pa.array(numbers, pa.int64(), mask=None if count == len(held) else ~held)
        return pieces.take(wanted)


def windows(cuts: Cuts, size: int) -> tuple[Flags, Bytes]:
    """Give which texts are so many bytes long, and these as one row of bytes each; at most `_ROOM_BYTES`."""
    fits: Flags = (cuts.ends - cuts.starts) == size
    return fits, np.lib.stride_tricks.sliding_window_view(cuts.data, size)[cuts.starts[fits]]
