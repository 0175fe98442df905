"""Takes sizes, gives the reason not to deliver a file, in a sentence that says what to check; decides nothing else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """How large a lookup file is, all its parts together; rows are None where only the target could be asked."""

    nbytes: int
    rows: int | None

    def __str__(self) -> str:
        return f"{self.nbytes:,} bytes" if self.rows is None else f"{self.rows:,} rows, {self.nbytes:,} bytes"

    def ratio_to(self, former: Size) -> float | None:
        """Give the smaller of the shares of rows and bytes; None where there was nothing before."""
        shares = [self.nbytes / former.nbytes] if former.nbytes else []
        if self.rows is not None and former.rows:
            shares.append(self.rows / former.rows)
        return min(shares, default=None)


def shrunk(file: str, size: Size, former: Size | None, at_least: float) -> str | None:
    """Tell why a file is too small beside the one delivered last; None when it is not."""
    ratio = None if former is None else size.ratio_to(former)
    if ratio is None or ratio >= at_least:
        return None
    return (
        f"{file} is held back: {size}, {ratio:.0%} of the last one ({former}), below guard.min.size.ratio {at_least:g}. Check that the "
        "source has caught up (wellhead's /health, its last run), that the topic still holds the records, and whether the vendor really "
        "ended so many. If it is right, deliver it with: wellhead lookup run --once --force"
    )


def oversize(file: str, nbytes: int, limit: int | None) -> str | None:
    """Tell why a file is too large for its target; None when it is not."""
    if limit is None or nbytes <= limit:
        return None
    return (
        f"{file} is not delivered: it has {nbytes:,} bytes, the target takes {limit:,}. Keep fewer rows or columns in its mapping, or set "
        "oversize: split for numbered files"
    )
