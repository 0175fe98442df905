"""Takes a connector, tells what it does, why, and what to do now, out of the topics; never asks the vendor."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from wellhead.cluster.advice import advice
from wellhead.cluster.answers import Answers
from wellhead.config.deployment import dead_letter_topics
from wellhead.kafka.consumer import read_to_end
from wellhead.kafka.settings import consumer_config
from wellhead.recovery.dlq import open_letters
from wellhead.recovery.known import RunRecords
from wellhead.recovery.letter import Selection
from wellhead.rest.contract import Json


class Insight(Answers):
    """The part of the cluster's API for people on call."""

    async def explain(self, name: str) -> Json:
        entry = self._entry(name)
        now_ms = self._known.clock.now_ms()
        status = self.status(name)
        statuses = self._known.storage.statuses.view
        tasks = []
        for task in status["tasks"]:
            placed = entry.tasks.get(task["id"])
            if placed is None:
                continue  # made since we looked
            detail = statuses.details.get((name, task["id"]), {})
            own = statuses.tasks.get((name, task["id"]))
            streams = [_aged(stream, detail.get("at_ms", now_ms), now_ms) for stream in detail.get("streams", ())]
            tasks.append(
                {
                    **task,
                    "tenant": placed.tenant,
                    "streams": streams or [{"stream": each} for each in placed.streams],
                    "since_ms": None if own is None else own.at_ms,
                }
            )
        cursors = {_key(stored.partition): stored for stored in self._known.storage.cursors.of(name)}
        for task in tasks:
            for stream in task["streams"]:
                stored = cursors.get((stream["stream"], stream.get("tenant", task["tenant"])))
                stream["cursor"] = None if stored is None else stored.cursor
                stream["cursor_age_secs"] = None if stored is None else max(0, now_ms - stored.at_ms) / 1000
        told = {
            "name": name,
            "target": entry.target.value,
            "state": status["connector"]["state"],
            "version": entry.version,
            "changed_ms": entry.changed_ms,
            "class": entry.config.get("connector.class"),
            "tasks": tasks,
        }
        return {**told, "advice": advice(told)}

    async def runs(self, name: str, limit: int) -> list[Json]:
        self._entry(name)
        found = await asyncio.to_thread(self._read_runs, name)
        return sorted(found, key=lambda run: int(run["started_ms"]), reverse=True)[:limit]

    async def dead_letters(self, name: str, limit: int) -> list[Json]:
        entry = self._entry(name)
        loaded = await asyncio.to_thread(self._known.loaded, entry.name, entry.config)
        config = consumer_config(self._known.worker)
        return await asyncio.to_thread(open_letters, config, dead_letter_topics(loaded), limit, Selection(connector=name))

    def _read_runs(self, name: str) -> list[dict[str, Any]]:
        runs = RunRecords(name)
        read_to_end(consumer_config(self._known.worker), self._known.worker.runs_topic, runs.add)
        return runs.records()


def _aged(stream: Mapping[str, Any], at_ms: int, now_ms: int) -> dict[str, Any]:
    """Give what was told of a stream at `at_ms` with its ages as of now."""
    older_secs = max(0, now_ms - at_ms) / 1000
    aged = dict(stream)
    for word in ("cursor_age_secs", "newest_event_age_secs", "last_poll_age_secs"):
        if aged.get(word) is not None:
            aged[word] = round(aged[word] + older_secs, 3)
    if aged.get("next_poll_in_secs") is not None:
        aged["next_poll_in_secs"] = max(0.0, round(aged["next_poll_in_secs"] - older_secs, 3))
    return aged


def _key(partition: Mapping[str, Any]) -> tuple[str, str]:
    return str(partition.get("stream")), str(partition.get("tenant"))
