"""Takes who changed what from which state to which, gives its record for the audit topic and back, never a secret (I6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Message as Received

from wellhead.config.secrets import looks_secret, masked
from wellhead.kafka.consumer import read_to_end
from wellhead.kafka.messages import Message
from wellhead.storage.formats import content_of, encode, tell_unreadable

_CURSOR = frozenset({"partition", "offset"})


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One change that somebody made.

    Attributes:
        who: The user, as authenticated, or the operator of a tool.
        what: The action, such as `config`, `stop`, `restart` or `offsets.reset`.
        connector: What was changed; None for what concerns the whole cluster.
        before: The state before, without secrets.
        after: The state after, without secrets.
        at_ms: When, epoch milliseconds.
        where: The worker or tool that took the order.
    """

    who: str
    what: str
    connector: str | None
    before: Any
    after: Any
    at_ms: int
    where: str


def audit_message(
    topic: str, *, who: str, what: str, connector: str | None, before: Any, after: Any, at_ms: int, where: str
) -> Message:
    """Give the record of a change, to be written in the same transaction; secrets are masked by their names. See `AuditRecord`."""
    told = {
        "who": who,
        "what": what,
        "connector": connector,
        "from": _shown(before),
        "to": _shown(after),
        "at_ms": at_ms,
        "where": where,
    }
    key = None if connector is None else connector.encode(errors="replace")
    return Message(topic, encode(told), key=key, timestamp_ms=at_ms)


def read_audit(
    consumer_config: Mapping[str, Any],
    topic: str,
    *,
    connector: str | None = None,
    since_ms: int | None = None,
    until_ms: int | None = None,
) -> list[AuditRecord]:
    """Give the changes, oldest first; blocking.

    Args:
        consumer_config: What `settings.consumer_config` gives.
        topic: The audit topic; one that does not exist holds nothing.
        connector: Only changes of this one.
        since_ms: Only changes at this epoch time or later.
        until_ms: Only changes at this epoch time or earlier.

    Raises:
        TemporaryError: The broker cannot be reached.
        PermanentError: It refuses the rights.
    """
    found: list[AuditRecord] = []

    def take(messages: list[Received]) -> None:
        for message in messages:
            try:
                record = _parse(message)
            except (KeyError, TypeError, ValueError):
                tell_unreadable(message)
                continue
            if connector in (None, record.connector) and _within(record.at_ms, since_ms, until_ms):
                found.append(record)

    read_to_end(consumer_config, topic, take, from_ms=since_ms)
    return sorted(found, key=lambda record: record.at_ms)


def _shown(content: Any) -> Any:
    """Give `content` without secrets; a cursor holds none, though its fields may be named as if."""
    if isinstance(content, Mapping) and content.keys() == _CURSOR:
        return dict(content)
    if isinstance(content, Mapping):
        return {key: masked(key, inner) if looks_secret(key) else _shown(inner) for key, inner in content.items()}
    return [_shown(inner) for inner in content] if isinstance(content, list | tuple) else masked("", content)


def _within(at_ms: int, since_ms: int | None, until_ms: int | None) -> bool:
    return (since_ms is None or at_ms >= since_ms) and (until_ms is None or at_ms <= until_ms)


def _parse(message: Received) -> AuditRecord:
    told = content_of(message)
    if told is None:
        raise ValueError("an audit record is never removed")
    whose = told["connector"]
    return AuditRecord(
        str(told["who"]),
        str(told["what"]),
        None if whose is None else str(whose),
        told["from"],
        told["to"],
        int(told["at_ms"]),
        str(told["where"]),
    )
