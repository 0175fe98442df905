"""Takes a deployment, runs its attack grouping with logs, metrics and a health page around it; stops within seconds."""

from __future__ import annotations

import threading
from typing import Any

from wellhead.clock import Clock
from wellhead.consumers.attacks.parts import Makers, Part, parts_of
from wellhead.consumers.service import PartsService


class AttacksService(PartsService[Part, Makers]):
    """The attack grouping of a deployment and what it lives in, as an async context manager."""

    what = "attacks"

    def _real_makers(self) -> Makers:
        from wellhead.consumers.attacks.make import RealMakers  # noqa: PLC0415

        return RealMakers()

    def _parts_of(self, makers: Makers, clock: Clock, stop: threading.Event) -> list[Part]:
        return parts_of(self._deployment, makers, clock, stop)

    def told(self) -> dict[str, Any]:
        """Give what `/health` says of each grouping: its grouper and its stores."""
        attacks: dict[str, Any] = {}
        for part in self._parts:
            entry = attacks.setdefault(part.reader.attacks, {"stores": {}})
            told = {"reads": part.reader.topic, "consumer_group": part.reader.group, **part.tally.health()}
            if part.reader.role == "group":
                entry["group"] = told
            else:
                entry["stores"][part.reader.store] = told
        return {"attacks": attacks}
