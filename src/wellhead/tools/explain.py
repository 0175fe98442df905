"""Takes a connector's name, tells who runs it, how far it is, what is wrong and what to do now; changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import click

from wellhead.tools.offsets_open import DEFAULT_URL, output_option, url_option


@click.command(
    epilog="""\b
Examples:
  wellhead explain wss-acme
  wellhead explain wss-acme --url https://wellhead-0:8083 --output json
"""
)
@click.argument("connector")
@url_option
@output_option
def explain(connector: str, *, url: str | None, output: str) -> None:
    """Tell what CONNECTOR does: who runs its tasks and since when, cursor and age, freshness, quota, last error, next poll, what to do.

    Any worker of the group can be asked; http://127.0.0.1:8083 is, unless told otherwise. Where none answers, 'wellhead offsets show' reads
    the cursor straight from Kafka.
    """
    from wellhead.tools.offsets_rest import open_rest  # noqa: PLC0415 - the verb is listed without loading what it needs

    with open_rest(url or DEFAULT_URL) as rest:
        told = rest.ask("GET", f"/connectors/{quote(connector, safe='')}/explain")
    if output == "json":
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    click.echo("\n".join(lines(told)))


def lines(told: Mapping[str, Any]) -> Iterator[str]:
    """Give what `GET /connectors/{name}/explain` says, for people."""
    yield f"{told['name']} ({told['class']}): {told['state']}, configured at {at(told['changed_ms'])} as version {told['version']}"
    for task in told["tasks"]:
        since = f" since {at(task['since_ms'])}" if task.get("since_ms") else ""
        yield f"  task {task['id']}: {task['state']} on {task['worker_id']}{since}"
        for stream in task["streams"]:
            yield from _stream(stream, task)
    yield ""
    yield "What to do:"
    yield from (f"  {sentence}" for sentence in told["advice"])


def _stream(stream: Mapping[str, Any], task: Mapping[str, Any]) -> Iterator[str]:
    yield f"    {stream['stream']} of {stream.get('tenant', task['tenant'])}: {stream.get('state', 'not told yet')}"
    facts = {
        "cursor": None if stream.get("cursor") is None else json.dumps(stream["cursor"], ensure_ascii=False),
        "cursor written": _ago(stream.get("cursor_age_secs")),
        "newest event": _ago(stream.get("newest_event_age_secs")),
        "last good poll": _ago(stream.get("last_poll_age_secs")),
        "next poll": None if stream.get("next_poll_in_secs") is None else f"in {span(stream['next_poll_in_secs'])}",
        "calls left": None if stream.get("quota_remaining") is None else f"{stream['quota_remaining']:,}",
        "since it began": None
        if stream.get("records") is None
        else f"{stream['records']:,} records published, {stream['rejects']:,} dead-lettered",
        "last error": stream.get("message") or None,
    }
    yield from (f"      {fact + ':':<16}{value}" for fact, value in facts.items() if value is not None)


def at(ms: int) -> str:
    """Give an epoch time as people write it, UTC, to the second."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _ago(secs: float | None) -> str | None:
    return None if secs is None else f"{span(secs)} ago"


def span(secs: float) -> str:
    """Give a span of time as people say it."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if secs >= 2 * length:
            return f"{secs / length:.1f} {unit}"
    return f"{secs:.0f} s"
