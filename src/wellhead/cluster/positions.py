"""Takes what somebody wants of a connector's cursors, plans it, carries it out behind a fence; never moves one that may be moving."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from wellhead.cluster.changes import Changes
from wellhead.config.deployment import LoadedConnector
from wellhead.errors import ConfigError, PermanentError, TemporaryError, WellheadError
from wellhead.kafka.messages import Message
from wellhead.kafka.offsets import offset_key, offset_value
from wellhead.recovery.apply import Author, Overrides, apply_plan
from wellhead.recovery.errors import Refused
from wellhead.recovery.place import Place, places_of
from wellhead.recovery.plan import Plan
from wellhead.recovery.planning import Wish, plan_of, wish
from wellhead.rest import refusals
from wellhead.rest.contract import ApiError, Caller, Json
from wellhead.runtime.identity import writer_ids
from wellhead.storage.configs import ConnectorEntry, Target
from wellhead.storage.history import history_message

# What stopping may take before a change of cursors is refused as too early.
_SETTLE_SECS = 10.0
_LOOK_SECS = 0.1


class Positions(Changes):
    """The part of the cluster's API that reads and moves cursors."""

    async def offsets(self, name: str) -> list[Json]:
        self._entry(name)
        cursors = await self._refusing(self._known.storage.fresh_cursors)
        now_ms = self._known.clock.now_ms()
        return [
            {
                "partition": stored.partition,
                "offset": stored.cursor,
                "age_secs": max(0, now_ms - stored.at_ms) / 1000,
                "stored_at": {"partition": stored.kafka_partition, "offset": stored.kafka_offset},
            }
            for stored in cursors.of(name)
        ]

    async def alter_offsets(self, name: str, entries: Sequence[Json], *, dry_run: bool, by: Caller) -> Json:
        wishes = [wish(entry["partition"], entry["offset"]) for entry in entries]
        return await self._move(name, wishes, "altered", dry_run=dry_run, by=by)

    async def reset_offsets(self, name: str, *, dry_run: bool, by: Caller) -> Json:
        wishes = [wish(entry["partition"], None) for entry in await self.offsets(name)]
        return await self._move(name, wishes, "reset", dry_run=dry_run, by=by)

    async def delete(self, name: str, *, offsets: bool, by: Caller) -> None:
        if offsets:
            self._entry(name)
            await self.set_target(name, "STOPPED", by=by)
            await self.reset_offsets(name, dry_run=False, by=by)
        await self.delete_definition(name, by=by)

    async def _move(self, name: str, wishes: Sequence[Wish], done: str, *, dry_run: bool, by: Caller) -> Json:
        entry = self._entry(name)
        await self._until_settled(entry)
        loaded = await self._loaded(entry)
        plan = await self._refusing(self._plan, name, wishes, loaded, dry_run)
        if dry_run:
            return {"message": f"The offsets for this connector would be {done}; nothing was changed", "plan": plan.as_json()}
        overrides = Overrides(loaded[0].settings.producer_override if loaded else {})
        author = Author(by.name, self._known.worker_id)
        clock = self._known.clock
        await self._refusing(
            lambda: apply_plan(self._known.worker, plan, by=author, now_ms=clock.now_ms, overrides=overrides, unfenced=True)
        )
        return {"message": f"The offsets for this connector have been {done} successfully"}

    async def _until_settled(self, entry: ConnectorEntry) -> None:
        """Return once the connector is stopped and no task of it runs any more; refuse where it is not, or not soon."""
        deadline_secs = self._known.clock.monotonic_secs() + _SETTLE_SECS
        while self._known.clock.monotonic_secs() < deadline_secs:
            if entry.target is not Target.STOPPED:
                break
            if not any(name == entry.name for name, _ in self._known.storage.statuses.view.tasks):
                return
            await asyncio.sleep(_LOOK_SECS)
        raise refusals.not_stopped(entry.name)

    async def _loaded(self, entry: ConnectorEntry) -> Sequence[LoadedConnector]:
        """Give what the connector's words load to; nothing where they cannot be used any more, which is no reason to leave its cursors."""
        try:
            return (await self._accepted(entry.name, entry.config)).loaded
        except ApiError:
            return ()

    def _plan(self, name: str, wishes: Sequence[Wish], loaded: Sequence[LoadedConnector], forecasts: bool = False) -> Plan:  # noqa: FBT001, FBT002 - called through a thread
        places = self._places(loaded)
        unknown = [each.partition for each in wishes if places and each.partition not in [place.partition for place in places]]
        stored = [each.partition for each in self._known.storage.cursors.of(name)]
        foreign = [partition for partition in unknown if partition not in stored]
        if foreign:
            shown = "; ".join(str(dict(place.partition)) for place in places)
            raise PermanentError(f"connector {name} has no stream {dict(foreign[0])}: its partitions are {shown}")
        return plan_of(self._known.worker, name, wishes, places, now_ms=self._known.clock.now_ms(), forecasts=forecasts)

    def _places(self, loaded: Sequence[LoadedConnector]) -> list[Place]:
        group = self._known.worker.group_id
        return [place for each in loaded for place in places_of(each, writer_ids(each, group))]

    async def _initial(
        self, name: str, loaded: Sequence[LoadedConnector], entries: Sequence[Json] | None, by: Caller
    ) -> Sequence[Message]:
        """Give the messages that make `entries` the only cursors of a connector that is being made."""
        if not entries:
            return ()
        wishes = [wish(entry["partition"], entry["offset"]) for entry in entries]
        plan = await self._refusing(self._plan, name, wishes, loaded)
        given = [change.partition for change in plan.changes]
        worker, now_ms = self._known.worker, self._known.clock.now_ms()
        topic = worker.offset_storage_topic
        messages = [
            Message(topic, None, key=offset_key(name, stored.partition))
            for stored in self._known.storage.cursors.of(name)
            if stored.partition not in given
        ]
        for change in plan.changes:
            messages.append(Message(topic, offset_value(change.after), key=offset_key(name, change.partition)))
            messages.append(
                history_message(
                    worker.offset_history_topic,
                    connector=name,
                    partition=change.partition,
                    before=change.before,
                    after=change.after,
                    at_ms=now_ms,
                    by=by.name,
                    why=change.why,
                    plan_id=plan.id,
                )
            )
        return messages

    @staticmethod
    async def _refusing(work: Any, *args: Any) -> Any:
        """Run blocking work, its refusals in REST's words."""
        try:
            return await asyncio.to_thread(work, *args)
        except ConfigError as error:
            raise ApiError(400, "; ".join(str(problem) for problem in error.problems)) from error
        except Refused as error:
            raise ApiError(409, str(error)) from error
        except TemporaryError as error:
            raise ApiError(503, str(error)) from error
        except WellheadError as error:
            raise ApiError(400, str(error)) from error
