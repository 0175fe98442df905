"""Manages a connector through a third party's client of Kafka Connect, unmodified, against any server."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from kafka_connect import KafkaConnect

PATIENCE_SECS = 60.0


def manage(url: str, name: str, words: Mapping[str, str], auth: str | None = None) -> dict[str, Any]:
    """Do with a connector whatever the client can, give what it said; waits for what takes time, raises where it fails.

    Args:
        url: The server.
        name: The connector's name; it is made, and deleted in the end.
        words: Its configuration.
        auth: `user:password`, when the server asks for one.
    """
    client = KafkaConnect(url, auth=auth)

    def until(state: str) -> Any:
        return _until(lambda: client.get_connector_status(name), lambda status: status["connector"]["state"] == state)

    said: dict[str, Any] = {"version": client.get_cluster_info()["version"]}
    said["validated"] = client.validate_connector_config(words["connector.class"], {**words, "name": name})["error_count"]
    said["made"] = client.create_connector({"name": name, "config": dict(words)})["name"]
    said["running"] = until("RUNNING")
    said["listed"] = client.list_connectors()
    said["expanded"] = sorted(client.list_connectors(expand="status")[name]["status"])
    said["of state"] = client.list_connectors(state="RUNNING")
    said["updated"] = client.update_connector(name, {**words, "tasks.max": "1"})
    said["config"] = client.get_connector_config(name)
    said["tasks"] = _until(lambda: client.list_connector_tasks(name), bool)
    said["task"] = _until(lambda: client.get_connector_task_status(name, 0), lambda task: task["state"] == "RUNNING")
    said["topics"] = _until(lambda: client.list_connector_topics(name), lambda told: told[name]["topics"])
    client.pause_connector(name)
    said["paused"] = until("PAUSED")
    client.resume_connector(name)
    until("RUNNING")
    said["restarted"] = client.restart_connector(name, include_tasks=True, only_failed=False)
    _until(lambda: client.get_connector_task_status(name, 0), lambda task: task["state"] == "RUNNING")
    client.restart_connector_task(name, 0)
    client.stop_connector(name)
    said["stopped"] = until("STOPPED")
    client.reset_connector_topics(name)
    said["plugins"] = client.list_connector_plugins()
    client.delete_connector(name)
    said["left"] = _until(client.list_connectors, lambda names: name not in names)
    return said


def _until(ask: Callable[[], Any], enough: Callable[[Any], bool]) -> Any:
    given_up = time.monotonic() + PATIENCE_SECS
    while True:
        # What was asked for a moment ago may not be there yet: the client raises for that.
        try:
            told = ask()
        except Exception:
            if time.monotonic() >= given_up:
                raise
        else:
            if enough(told):
                return told
            assert time.monotonic() < given_up, told
        time.sleep(0.1)
