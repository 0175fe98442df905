"""Takes one verb, does it with the product's own parts in a process of its own, gives seconds and memory as a line of JSON.

python -m benchmarks.lookup_worker rebuild STATE TOPIC SERVERS REGISTRY
python -m benchmarks.lookup_worker merge STATE ROWS CHANGES ROUNDS
python -m benchmarks.lookup_worker write STATE FOLDER
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.iocs import SUBJECT, encoded, page_numbers, schema, table
from wellhead.avro.decode import Decoder
from wellhead.avro.encode import Encoder
from wellhead.avro.registry import Registry
from wellhead.clock import SystemClock
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.consumer import TopicConsumer
from wellhead.consumers.lookup.changes import Changes
from wellhead.consumers.lookup.follow import follow
from wellhead.consumers.lookup.manifest import Source
from wellhead.consumers.lookup.mappings import load_mappings
from wellhead.consumers.lookup.state import Layout, LookupState
from wellhead.consumers.lookup.write import FileWriter, Moment, Wanted
from wellhead.kafka.settings import consumer_config
from wellhead.memory import tune_allocators

MAPPING = "threatstream/domain"
_FIRST_CHANGE = 1_000
CLOCK = SystemClock()


def opened(path: str) -> LookupState:
    """Open a state with what the mapping needs."""
    (loaded,) = load_mappings([MAPPING])
    return LookupState.open(Path(path), Layout(loaded.types, "update_id", "integer"), clock=CLOCK)


def rebuild(path: str, topic: str, servers: str, registry: str) -> dict[str, Any]:
    """Read a topic into an empty state."""
    words: dict[str, Any] = {
        "group_id": "benchmark",
        "kafka": {"bootstrap.servers": servers},
        "schema_registry": {"url": registry},
    }
    worker = WorkerSettings(**words)
    with opened(path) as state, Registry({"url": registry}) as known:
        began_secs, cpu = time.monotonic(), time.process_time()
        with TopicConsumer(consumer_config(worker), topic, clock=CLOCK) as consumer:
            (caught_up,) = follow(state, consumer, Decoder(known.schema_text, schema()))
        rows = state.rows()
    # Closed, too: what the state puts off until then belongs to its making.
    return {
        "secs": time.monotonic() - began_secs,
        "cpu_secs": time.process_time() - cpu,
        "messages": caught_up.messages,
        "rows": rows,
    }


def merge(path: str, rows: str, changes: str, rounds: str) -> dict[str, Any]:
    """Decode and merge so many changes, so many times."""
    encoder, decoder = Encoder(schema(), 1), Decoder(lambda _: schema().text, schema())
    secs: list[float] = []
    cpu_secs: list[float] = []
    with opened(path) as state:
        position = state.position()
        assert position is not None
        for number in range(int(rounds)):
            pages = range(number * int(changes) // 1000, (number + 1) * int(changes) // 1000)
            batch = [table(page_numbers(1_000_000 + page, int(rows)), _FIRST_CHANGE + page) for page in pages]
            messages = [message for part in batch for message in encoded(part, encoder)]
            began_secs, cpu = time.monotonic(), time.process_time()
            keys = pa.array([key for key, _ in messages], pa.binary())
            records = decoder.decode([value for _, value in messages], state.layout.columns.names)
            state.apply(Changes(keys, np.ones(len(messages), np.bool_), records), position)
            secs.append(time.monotonic() - began_secs)
            cpu_secs.append(time.process_time() - cpu)
    return {
        "secs": statistics.median(secs),
        "worst_secs": max(secs),
        "cpu_secs": statistics.median(cpu_secs),
        "file_mb": os.path.getsize(path) / 2**20,  # noqa: PTH202 - a figure
    }


def write(path: str, folder: str) -> dict[str, Any]:
    """Write the whole file."""
    (loaded,) = load_mappings([MAPPING])
    with opened(path) as state:
        position = state.position()
        assert position is not None
        Path(folder).mkdir(parents=True, exist_ok=True)
        began_secs, cpu = time.monotonic(), time.process_time()
        source = Source(
            topic=SUBJECT,
            topic_id=position.topic_id,
            offsets=dict(position.offsets),
            seq=state.seq(),
            records=state.rows(),
        )
        wanted = Wanted(loaded, Moment(source, CLOCK.now_ms()), None)
        written = FileWriter(state.connection, Path(folder), lambda _: None).write(wanted, trust=False)
        return {
            "secs": time.monotonic() - began_secs,
            "cpu_secs": time.process_time() - cpu,
            "rows": written.manifest.rows,
            "bytes": written.manifest.bytes,
        }


if __name__ == "__main__":
    tune_allocators()  # as `wellhead lookup run` does
    verb, *words = sys.argv[1:]
    verbs: dict[str, Callable[..., dict[str, Any]]] = {"rebuild": rebuild, "merge": merge, "write": write}
    found = verbs[verb](*words)
    print(json.dumps(found | {"peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
