"""Takes a span of seconds, gives the windows to ask for it in; wider where little is found, narrower where one held too much to be kept."""

from __future__ import annotations

from collections.abc import Iterator

WIDEST_S = 86_400
MOST = 20_000
"""Records a window may hold where it is kept in memory as a whole."""
_FEW = 200


class Windows:
    """The windows over one span after another.

    Args:
        window_s: How wide the first one is.

    Attributes:
        again: Whether the window that was given last held too much: it is given anew, narrower.
    """

    def __init__(self, window_s: int) -> None:
        self._least_s = window_s
        self._length_s = window_s
        self._found = 0
        self._wide_s = 0
        self.again = False

    def over(self, from_s: int, to_s: int) -> Iterator[tuple[int, int]]:
        """Give windows, each beginning with the last second of the one before, until `to_s` is reached."""
        while True:
            end_s = min(from_s + self._length_s, to_s)
            self._wide_s, self._found, self.again = end_s - from_s, 0, False
            yield from_s, end_s
            if self.again:
                self._length_s = self._wide_s // 2
                continue
            if end_s >= to_s:
                return
            # A second that fills a window alone is not read twice: there would be no headway.
            from_s = end_s if self._wide_s else end_s + 1
            self._length_s = min(WIDEST_S, self._length_s * 2) if self._found < _FEW else self._least_s

    def found(self, count: int) -> None:
        """Count what was found in this window."""
        self._found += count

    def too_much(self, count: int) -> bool:
        """Count what was found; True where it is too much to be kept, and the window is not the narrowest."""
        self._found += count
        self.again = self._found > MOST and self._wide_s > 0
        return self.again
