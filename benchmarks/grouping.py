"""Takes hits in a topic, measures what finding the attack of each costs alone; takes a Redis, measures what open attacks weigh there."""

from __future__ import annotations

import time
from random import Random

from redis import Redis

from benchmarks.hitload import fill
from benchmarks.topics import Topics
from wellhead.avro import schema as schemas
from wellhead.avro.decode import Decoder
from wellhead.avro.registry import Registry
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.attacks.hits import HitReader
from wellhead.consumers.attacks.restore import Restoring, Standing
from wellhead.consumers.attacks.rules import load_rules
from wellhead.consumers.attacks.script import Limits, Script, Step
from wellhead.consumers.intake import Intake
from wellhead.consumers.readable import readable
from wellhead.kafka.settings import consumer_config
from wellhead.stack import Stack

RULES = ("wallarm/basic",)
BATCH = 2000
THINGS = 20_000


def grouped_alone(stack: Stack, redis_url: str, count: int) -> tuple[float, float]:
    """Give hits by CPU second of the client, and by second, from Kafka to attack id; every hit's id is counted."""
    topic = "hits-alone"
    Topics(stack.bootstrap_servers, stack.registry_url).create(topic)
    fill(stack, topic, count, THINGS)
    rules = load_rules(RULES)
    servers = {"kafka": {"bootstrap.servers": stack.bootstrap_servers}, "schema.registry": {"url": stack.registry_url}}
    worker = WorkerSettings(**servers, group_id="alone")  # type: ignore[arg-type]
    reader = HitReader(rules)
    intake = Intake(consumer_config(worker), topic, "earliest", lambda _partitions: None)
    with Redis.from_url(redis_url) as client, Registry(worker.schema_registry) as registry:
        script, made = begun(client, "alone")
        decoder = Decoder(registry.schema_text, schemas.load("wallarm.hit"))
        done, began, cpu = 0, time.monotonic(), time.process_time()
        while done < count:
            for partition, messages in intake.take(BATCH, 0.05).items():
                batch, whole, _ = readable(decoder, messages)
                hits = reader.read(batch, [each.offset() or 0 for each in whole], [each.timestamp()[1] for each in whole])
                end = (messages[-1].offset() or 0) + 1
                (answer,) = script.run([Step(partition, intake.positions[partition], end, hits.columns, generation=made)])
                assert answer.rebuild is None, answer.rebuild
                done += len(answer.attacks)
                intake.moved({partition: end})
        used, took = time.process_time() - cpu, time.monotonic() - began
    intake.close()
    return done / used, done / took


def memory_of(client: Redis, count: int) -> float:
    """Open so many attacks, each by one hit of a sender, and give the bytes Redis holds for each."""
    (script, made), random, now_ms = begun(client, "memory"), Random(8), int(time.time() * 1000)
    before = int(client.info("memory")["used_memory"])
    for since in range(0, count, BATCH):
        size = min(BATCH, count - since)
        hits = {
            "o": list(range(since, since + size)),
            "k": [now_ms] * size,
            "t": [now_ms + at for at in range(size)],
            "g": list(range(1, size + 1)),
            "keys": [f"{number:024x}" for number in range(since, since + size)],
            "r": list(range(1, size + 1)),
            "rows": [
                ("42", "sqli", "POST_user", f"site{number % 40}.example", f"/api/v1/{number}", "POST")
                for number in range(since, since + size)
            ],
            "p": [f"198.51.{random.randrange(64)}.{random.randrange(250)}" for _ in range(size)],
            "c": ["NL"] * size,
            "s": [403] * size,
            "b": ["blocked"] * size,
            "x": [0] * size,
        }
        (answer,) = script.run([Step(0, since, since + size, hits, generation=made)])
        assert len(answer.opened) == size, answer.rebuild
    return (int(client.info("memory")["used_memory"]) - before) / count


def begun(client: Redis, name: str) -> tuple[Script, str]:
    """Give a script on an empty state of partition 0 that stands at its beginning, and its generation."""
    rules = load_rules(RULES)
    limits = Limits.of(rules, 3600)
    script = Script(client, name, rules, limits)
    restoring = Restoring(client, script.tag(0), ttl_ms=limits.ttl, epoch=0, since_ms=0)
    restoring.look(Standing(0, 0, 0, {}))
    return script, restoring.generation
