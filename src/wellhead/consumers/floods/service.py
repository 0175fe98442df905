"""Takes a deployment, runs its flood watches with logs, metrics and a health page around them; stops within seconds."""

from __future__ import annotations

import threading
from typing import Any

from wellhead.clock import Clock
from wellhead.consumers.floods.parts import Makers, Part, parts_of
from wellhead.consumers.service import PartsService


class FloodsService(PartsService[Part, Makers]):
    """The flood watches of a deployment and what they live in, as an async context manager."""

    what = "floods"

    def _real_makers(self) -> Makers:
        from wellhead.consumers.floods.make import RealMakers  # noqa: PLC0415

        return RealMakers()

    def _parts_of(self, makers: Makers, clock: Clock, stop: threading.Event) -> list[Part]:
        return parts_of(self._deployment, makers, clock, stop)

    def told(self) -> dict[str, Any]:
        """Give what `/health` says of each watch: of each topic, and of its bypass file."""
        floods: dict[str, Any] = {}
        for part in self._parts:
            entry = floods.setdefault(part.entry, {"topics": {}})
            told = part.tally.health()
            if part.reader.group:
                entry["topics"][part.reader.topic] = {"consumer_group": part.reader.group, **told}
            else:
                entry["bypass"] = told
        return {"floods": floods}
