"""Takes what is known of a connector, gives the sentences that tell a person on call what to do now; never guesses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wellhead.runtime.states import State


def advice(told: Mapping[str, Any]) -> list[str]:
    """Give what to do now, the most pressing first; one sentence that says so where there is nothing.

    Args:
        told: What `explain` gives of a connector, without its advice.
    """
    found = list(_about(told))
    return found or ["Nothing is wrong: it polls, and its records arrive."]


def _about(told: Mapping[str, Any]) -> Iterator[str]:
    name, target = told["name"], told["target"]
    if target == "STOPPED":
        yield f"It was stopped by somebody: its cursors may be changed now. To go on: PUT /connectors/{name}/resume."
        return
    if target == "PAUSED":
        yield f"It was paused by somebody. To go on: PUT /connectors/{name}/resume."
        return
    if not told["tasks"]:
        yield f"It has no tasks: they were never made. PUT its words to /connectors/{name}/config once, and they are."
    for task in told["tasks"]:
        yield from _about_task(name, task)


def _about_task(name: str, task: Mapping[str, Any]) -> Iterator[str]:
    what = f"Task {task['id']}"
    if task["state"] == State.FAILED:
        yield f"{what} has failed: {task.get('trace', '')}. Mend that, then POST /connectors/{name}/tasks/{task['id']}/restart."
    elif task["state"] == State.RESTARTING:
        yield f"{what} is being started again: {task.get('trace', '')}. Mend that where there is something to mend; it tries by itself."
    elif task["state"] == State.UNASSIGNED:
        yield f"{what} runs nowhere yet: it has just been made or moved, or no worker of the group is there to run it (see /health)."
    for stream in task["streams"]:
        label = f"{stream['stream']} of {stream.get('tenant', task['tenant'])}"
        state, message = stream.get("state"), stream.get("message")
        if state == State.DEGRADED:
            yield f"{label} brings no data: {message}"
        elif message and state not in {State.FAILED, State.RESTARTING}:
            yield f"{label}: {message}"
        elif state == State.RUNNING and stream.get("last_poll_age_secs") is None:
            yield f"{label} has not been polled since its task began here. Look again in a minute."
        if stream.get("rejects"):
            yield f"{label}: {stream['rejects']} records were dead-lettered since its task began. See 'wellhead dlq list --connector {name}'."
        remaining = stream.get("quota_remaining")
        ends_secs = stream.get("budget_ends_in_secs")
        if remaining is not None and ends_secs is not None and ends_secs < 3600:  # noqa: PLR2004 - within the hour
            yield f"{label}: {remaining} calls are left, which last for {ends_secs / 60:.0f} min at this rate."
