"""Takes changes that a test makes to single indicators, gives how those stand at a moment; never touches the others."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from connectors.threatstream.simulation.rows import NONE, Rows
from wellhead.testing.dice import Ints

GONE = -1


@dataclass(frozen=True, slots=True)
class Version:
    """An indicator after a change by hand: `fields` stand over those of the rule; status GONE when it was removed without trace."""

    uid: int
    visible_ms: int
    status: int
    end_ms: int
    fields: Mapping[str, Any]


class ByHand:
    """The indicators of one type that were changed by hand; the rule moves them no more. Thread-safe."""

    def __init__(self) -> None:
        self._versions: dict[int, list[Version]] = {}
        self._newest_uid = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._versions)

    def put(self, number: int, version: Version) -> None:
        with self._lock:
            self._versions.setdefault(number, []).append(version)
            self._newest_uid = max(self._newest_uid, version.uid)

    def newest_uid(self) -> int:
        """Give the highest update id of all, 0 when there is none."""
        with self._lock:
            return self._newest_uid

    def newest(self, number: int) -> Version | None:
        """Give an indicator's latest version, visible or not."""
        with self._lock:
            return self._versions[number][-1] if number in self._versions else None

    def standing(self, now_ms: int) -> tuple[Rows, Ints]:
        """Give the indicators as they stand, in order of update_id, and the numbers that the rule must leave out."""
        if not self._versions:
            return NONE, NONE.numbers
        with self._lock:
            seen = {number: _visible(versions, now_ms) for number, versions in self._versions.items()}
        held = {number: version for number, version in seen.items() if version is not None}
        rows = [(number, v.uid, v.status, v.end_ms) for number, v in held.items() if v.status != GONE]
        return Rows.of(rows).ordered(), np.array(sorted(held), np.int64)

    def fields(self, number: int, uid: int) -> Mapping[str, Any] | None:
        """Give what was set by hand in the version with this update_id, None when the rule made it."""
        if not self._versions:
            return None
        with self._lock:
            return next((v.fields for v in self._versions.get(number, ()) if v.uid == uid), None)


def _visible(versions: list[Version], now_ms: int) -> Version | None:
    return next((version for version in reversed(versions) if version.visible_ms <= now_ms), None)
