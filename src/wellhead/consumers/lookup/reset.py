"""Takes a connector's streams whose records the topic has lost, asks for their cursors to be reset; never touches a cursor that is none.

A reset is what Connect's tools write, too: a null under the cursor's key. The connector honours it at its next run and reads everything
again; a run that was under way may put its cursor over the null. The cursor without a stream, where an older or foreign tool keeps one, is
reset as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wellhead.config.worker import WorkerSettings
from wellhead.kafka import settings as kafka_settings
from wellhead.kafka.cursors import CursorStore
from wellhead.kafka.offsets import Scalar
from wellhead.kafka.write import write_now

NO_STREAM = ""
"""Stands for the cursor without a stream."""

Cursors = Mapping[str, dict[str, Any] | None]
Reset = Callable[[Cursors, str | None], dict[str, dict[str, Any]]]
"""See `ask_for_reset`, without where and whose."""


def ask_for_reset(
    worker: WorkerSettings, connector: str, tenant: str, former: Cursors, topic_id: str | None
) -> dict[str, dict[str, Any]]:
    """Reset the cursors of the streams `former` names, those that stand and need it; give the ones that were reset.

    Args:
        worker: Where Kafka is.
        connector: Whose cursors.
        tenant: Its tenant.
        former: Per stream the cursor that was reset before, so that one which began since is left alone; None = none was.
        topic_id: Kafka's id of a record topic made again: a cursor that stands behind it has begun anew already. None = any counts.

    Raises:
        TemporaryError: The broker cannot be reached, or the offsets topic does not exist.
        PermanentError: It refuses the rights: Read and Write on the offsets topic.
    """
    config = kafka_settings.consumer_config(worker, client_id="wellhead-lookup-reset")
    nulls, reset = [], dict[str, dict[str, Any]]()
    for stream, earlier in former.items():
        partition: dict[str, Scalar] = {"stream": stream, "tenant": tenant} if stream != NO_STREAM else {"tenant": tenant}
        store = CursorStore(config, worker.offset_storage_topic, connector, partition)
        cursor = store.load()
        begun_anew = topic_id is not None and store.topic_id == topic_id
        if cursor is not None and not begun_anew and is_former(cursor, earlier):
            nulls += store.messages(None)
            reset[stream] = cursor
    write_now(kafka_settings.writer_config(worker), nulls)
    return reset


def is_former(cursor: Mapping[str, Any], earlier: Mapping[str, Any] | None) -> bool:
    """Tell whether a cursor goes on from one that was reset, rather than from the start; any does where none was.

    One that says since when it reads (`began_ms`) is told by that, whatever it has read since; another one only while it is the same.
    """
    if earlier is None:
        return True
    began_ms, earlier_ms = cursor.get("began_ms"), earlier.get("began_ms")
    if isinstance(began_ms, int) and isinstance(earlier_ms, int):
        return began_ms <= earlier_ms
    return cursor == earlier
