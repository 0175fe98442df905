"""Gives the whole of a worker's answers to the REST API; never knows a route."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wellhead.cluster.backfills import Backfills
from wellhead.cluster.insight import Insight
from wellhead.rest.contract import Json


class Cluster(Backfills, Insight):
    """The cluster as one of its workers answers for it; see `wellhead.rest.contract.ClusterApi`.

    Args:
        health: Gives what `/health` answers.
        lane_message: Tells what a backfill says of itself, by connector and id.
    """

    def __init__(
        self, health: Callable[[], dict[str, Any]], lane_message: Callable[[str, str], str] = lambda _name, _backfill: ""
    ) -> None:
        super().__init__()
        self._health = health
        self._lane_message = lane_message

    def lane_message(self, name: str, backfill: str) -> str:
        return self._lane_message(name, backfill)

    def health(self) -> Json:
        return self._health()
