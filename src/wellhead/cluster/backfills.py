"""Takes what somebody wants read again, has it run beside the live stream, tells how far it is, ends it; never begins a finished one anew."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from confluent_kafka import Message as Received

from wellhead.cluster.lanes import Lane, LaneState, lanes_of, outdated, placed
from wellhead.cluster.positions import Positions
from wellhead.kafka.consumer import read_to_end
from wellhead.kafka.messages import Message
from wellhead.kafka.settings import consumer_config
from wellhead.rest.contract import ApiError, Caller, Json
from wellhead.runtime.backfill import Backfill
from wellhead.runtime.backfillplan import Asked, backfills_of, plan, stands
from wellhead.storage.configs import ConfigView, Target


class Backfills(Positions):
    """The part of the cluster's API that reads spans again."""

    async def backfill(self, name: str, asked: Json, *, dry_run: bool, by: Caller) -> Json:
        entry = self._entry(name)
        loaded = (await self._accepted(name, entry.config)).loaded
        wanted = Asked(
            int(asked["from_ms"]),
            int(asked["to_ms"]),
            tuple(asked.get("streams") or ()),
            tuple(asked.get("tenants") or ()),
            float(asked["share"]),
            str(asked.get("id") or ""),
        )
        now_ms = self._known.clock.now_ms()
        told: Json = await self._refusing(plan, self._known.worker, loaded, wanted, now_ms)
        if not dry_run:
            await self._begin(name, [backfill for _, backfill in backfills_of(loaded, wanted, now_ms)], by)
        return told

    async def backfills(self, name: str) -> list[Json]:
        entry = self._entry(name)
        found = sorted(lanes_of(self._view, name), key=lambda lane: lane.at_ms, reverse=True)
        if not found:
            return []
        cursors = await self._refusing(self._known.storage.fresh_cursors)
        records = await self._refusing(self._records, name)
        return [
            {
                **lane.backfill.as_json(),
                "state": lane.state.value,
                "records": records.get(lane.backfill.id, 0),
                "begun": stands(cursors, name, lane.backfill) != "new",
                "message": self._message(lane, entry.target),
                "by": lane.by,
                "at_ms": lane.at_ms,
            }
            for lane in found
        ]

    async def cancel_backfill(self, name: str, backfill: str, *, by: Caller) -> None:
        self._entry(name)
        change = self._messages.change(by, "cancel backfill")

        def decide(view: ConfigView) -> list[Message]:
            lane = next((each for each in lanes_of(view, name) if each.backfill.id == backfill), None)
            if lane is None:
                raise ApiError(404, f"Connector {name} has no backfill {backfill}; GET /connectors/{name}/backfills lists them")
            if lane.state is not LaneState.RUNNING:
                return []
            audit = self._messages.audit(name, change, lane.backfill.as_json(), None)
            ended = Lane(name, lane.backfill, LaneState.CANCELLED, by.name, change.at_ms)
            return [ended.message(self._known.worker.config_storage_topic), audit]

        await self._change(decide)

    async def settle_backfill(self, name: str, backfill: str, at_ms: int) -> None:
        """Write that a backfill has read its span; its cursor says so already."""

        def decide(view: ConfigView) -> list[Message]:
            topic = self._known.worker.config_storage_topic
            found = [each for each in lanes_of(view, name) if each.backfill.id == backfill]
            running = [each for each in found if each.state is LaneState.RUNNING]
            return [Lane(name, each.backfill, LaneState.DONE, each.by, at_ms).message(topic) for each in running]

        await self._change(decide)

    async def _begin(self, name: str, wanted: Sequence[Backfill], by: Caller) -> None:
        cursors = await self._refusing(self._known.storage.fresh_cursors)
        done = [backfill.id for backfill in wanted if stands(cursors, name, backfill) == "done"]
        change = self._messages.change(by, "backfill")

        def decide(view: ConfigView) -> list[Message]:
            if name not in view.connectors:
                raise ApiError(404, f"Connector {name} not found")
            there = {lane.backfill.id for lane in lanes_of(view, name) if lane.state is not LaneState.CANCELLED}
            taken = [backfill.id for backfill in wanted if backfill.id in there or backfill.id in done]
            if taken:
                raise ApiError(409, f"Backfill {taken[0]} exists already, or is done; give another id to read its span again")
            topic = self._known.worker.config_storage_topic
            lanes = [Lane(name, backfill, LaneState.RUNNING, by.name, change.at_ms) for backfill in wanted]
            audits = [self._messages.audit(name, change, None, backfill.as_json()) for backfill in wanted]
            return [*outdated(topic, view, name), *(lane.message(topic) for lane in lanes), *audits]

        await self._change(decide)

    def _message(self, lane: Lane, target: Target) -> str:
        if lane.state is not LaneState.RUNNING:
            return ""
        if target is not Target.STARTED:
            return f"waits: the connector is {target.value}, and its backfills with it"
        if lane not in [placed_lane for _, _, placed_lane in placed(self._view)]:
            return f"waits: {lane.connector} has no stream {lane.backfill.stream} of {lane.backfill.tenant} any more; cancel it"
        return self.lane_message(lane.connector, lane.backfill.id)

    def lane_message(self, name: str, backfill: str) -> str:
        """Give what a backfill that runs on this worker says of itself; empty where it runs on another."""
        raise NotImplementedError

    def _records(self, name: str) -> dict[str, int]:
        """Give how many records the backfills of a connector have published, by the runs on record."""
        newest: dict[str, dict[str, Any]] = {}

        def take(messages: list[Received]) -> None:
            for message in messages:
                key, value = message.key(), message.value()
                if key is not None and value is not None and key.startswith(f"{name}/".encode()):
                    run = json.loads(value)
                    newest[run["run_id"]] = run

        read_to_end(consumer_config(self._known.worker), self._known.worker.runs_topic, take)
        total: dict[str, int] = {}
        for run in newest.values():
            if run.get("backfill"):
                total[run["backfill"]] = total.get(run["backfill"], 0) + int(run["records"])
        return total
