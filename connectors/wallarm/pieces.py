"""Takes what pages held, gives it in pieces with the second to go on from; never orders by anything but the vendor's times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from connectors.wallarm.decode import Decoded


@dataclass(frozen=True, slots=True)
class Piece:
    """Some records of one client, and where its reading stands behind them.

    Attributes:
        decoded: The records; None for none.
        pos_s: Everything before this second has been given, and everything of it that is known in this pass.
    """

    decoded: Decoded | None
    pos_s: int


def merged(parts: Sequence[Decoded], from_s: int, to_s: int) -> Decoded | None:
    """Give the records of a whole window by time, without those of other times: they belong to other windows. None for nothing at all."""
    if not any(part.names or part.rejects for part in parts):
        return None
    seconds = [second for part in parts for second in part.seconds]
    names = [name for part in parts for name in part.names]
    order = sorted((at for at, second in enumerate(seconds) if from_s <= second <= to_s), key=seconds.__getitem__)
    table = pa.Table.from_batches([part.table for part in parts]).take(pa.array(order, pa.int64())).combine_chunks()
    rows = table.to_batches() or [parts[0].table.slice(0, 0)]
    rejects = [reject for part in parts for reject in part.rejects]
    # In another order than by time nothing is told by what follows; the end of the window is late enough.
    moments = [part.moments[place] for part in parts for place in part.reject_places]
    return Decoded(
        rows[0], [names[at] for at in order], [seconds[at] for at in order], rejects, list(range(len(rejects))), moments
    )


def until(decoded: Decoded, to_s: int) -> Decoded:
    """Give the records up to a second: the vendor's clock, or its idea of a window, may give later ones, which come again."""
    if not decoded.seconds or max(decoded.seconds) <= to_s:
        return decoded
    keep = [second <= to_s for second in decoded.seconds]
    return Decoded(
        decoded.table.filter(pa.array(keep)),
        [name for name, kept in zip(decoded.names, keep, strict=True) if kept],
        [second for second in decoded.seconds if second <= to_s],
        decoded.rejects,
        decoded.reject_places,
        decoded.moments,
    )
