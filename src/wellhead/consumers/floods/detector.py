"""Takes records of one gateway in their order, gives the findings that changed; reads no clock, and asks nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from wellhead.consumers.floods.findings import Finding, Source
from wellhead.consumers.floods.limits import FloodLimits
from wellhead.consumers.floods.past import Past
from wellhead.consumers.floods.present import Present

STATE_VERSION = 2


class Detector:
    """Finds floods in what one gateway's sources tell.

    Findings depend on the records alone: `tick` only lets what is due be told before the next record comes. A replay gives the
    same findings under the same ids, however the records are cut into batches.

    Args:
        gateway: Its name, as in the records.
        limits: What it bears.
    """

    def __init__(self, gateway: str, limits: FloodLimits) -> None:
        self.gateway = gateway
        self._present = Present(gateway, limits)
        self._past = Past(gateway, limits)

    def take(self, batch: pa.RecordBatch, source: Source = "connections") -> list[Finding]:
        """Take records of this gateway, in their order; give the findings that changed.

        Args:
            batch: Records of `sockets.connection` or of `webgateway.access_log`.
            source: Which of them.
        """
        return self._present.take(batch) if source == "connections" else self._past.take(batch)

    def tick(self, now_ms: int) -> list[Finding]:
        """Say that every record from before `now_ms` - `late_secs` has been taken; give the findings that are due by then.

        Call it when there is nothing more to read just now, never while behind: what is judged without records that come after
        all may be found otherwise by a replay.
        """
        return [*self._present.tick(now_ms), *self._past.tick(now_ms)]

    @property
    def open(self) -> list[Finding]:
        """The findings that are open, as last told."""
        return [*self._present.open, *self._past.open]

    @property
    def totals(self) -> dict[Source, dict[str, int]]:
        """Connections by source: `established` all, `upstream` those to destinations; of a log, on average over its last window."""
        return {"connections": self._present.totals, "access_log": self._past.totals}

    def snapshot(self) -> dict[str, Any]:
        """Give all that is known as JSON can hold it; `restore` goes on from it as if nothing had been."""
        return {
            "version": STATE_VERSION,
            "gateway": self.gateway,
            "connections": self._present.kept(),
            "access_log": self._past.kept(),
        }

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Take back what `snapshot` gave, of a detector of the same gateway.

        Raises:
            ValueError: It is of another gateway, or was written by a version that is not known.
        """
        if kept.get("version") != STATE_VERSION or kept.get("gateway") != self.gateway:
            raise ValueError(
                f"this state is of {kept.get('gateway')!r} in version {kept.get('version')}, not of {self.gateway!r}"
            )
        self._present.restore(kept["connections"])
        self._past.restore(kept["access_log"])
