"""Proves on a real broker and a real Redis that attacks and counts are exact, whatever dies in between."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import yaml
from hit_topic import HitTopic, some_hits
from readback import messages
from redis import Redis

import connectors.wallarm
from wellhead.stack import RedisSentinels, RedisServer, Stack
from wellhead.testing.attacktruth import TrueHit

# Sessions of ten seconds run out more than once, and each step waits for what it means.
pytestmark = pytest.mark.timeout(600)


def arrived(topic: HitTopic) -> int:
    return sum(len(truth.attack_of) for truth in topic.truths.values())


@pytest.fixture
def hits(stack: Stack, unique: str, tmp_path, redis_url: str):
    made = HitTopic(stack, unique, tmp_path, redis_url)
    yield made
    made.close()


def test_hits_become_attacks_while_processes_are_killed(hits: HitTopic):
    """Two processes share the partitions, one after the other is killed -9 at random; attacks, counts and ids are the oracle's, events come once."""
    now_ms, random = int(time.time() * 1000), Random(7)
    made = some_hits(6000, 1, now_ms)
    hits.produce(made[:2000])
    running = [hits.start(), hits.start()]
    hits.until(lambda: hits.committed() >= 400, "the first hits")
    for number in range(4):
        victim = running.pop(0)
        hits.produce(made[2000 + 1000 * number : 3000 + 1000 * number])
        time.sleep(random.uniform(0.05, 0.6))
        hits.kill(victim)
        running.append(hits.start())
        at = hits.committed()
        hits.until(lambda at=at: hits.committed() > at or hits.committed() == arrived(hits), "progress after a kill")
    hits.until(lambda: hits.committed() >= arrived(hits), "all hits")
    assert hits.exact(hits.documents()) == arrived(hits)
    opened = Counter(event["attack_id"] for event in hits.events() if event["kind"] == "opened")
    assert opened == Counter(name for truth in hits.truths.values() for name in truth.attacks)


def test_a_redis_that_is_emptied_is_filled_again(stack: Stack, unique: str, tmp_path, redis_server: RedisServer):
    """Redis killed and emptied, and flushed under load: hits wait, the state is filled from its topic, ids stay the same and nothing is lost."""
    hits = HitTopic(stack, unique, tmp_path, redis_server.url)
    try:
        made = some_hits(4000, 2, int(time.time() * 1000))
        hits.produce(made[:1500])
        hits.start()
        hits.until(lambda: hits.committed() == 1500, "the first hits")
        redis_server.kill()
        hits.produce(made[1500:2500])
        redis_server.restart()
        with Redis.from_url(redis_server.url) as client:
            client.flushall()
            hits.until(lambda: hits.committed() >= 2500, "hits after the kill")
            hits.produce(made[2500:])
            client.flushall()
        hits.until(lambda: hits.committed() == 4000, "all hits")
        assert hits.exact(hits.documents()) == arrived(hits)
    finally:
        hits.close()


def test_a_master_that_dies_with_its_newest_writes(stack: Stack, unique: str, tmp_path, redis_sentinels: RedisSentinels):
    """Under Sentinel the master is killed under load; the replica may lack what was written last, and attacks are the oracle's all the same."""
    hits = HitTopic(stack, unique, tmp_path, redis_sentinels.url)
    try:
        made = some_hits(4000, 3, int(time.time() * 1000))
        hits.produce(made[:1000])
        hits.start()
        hits.until(lambda: hits.committed() >= 200, "the first hits")
        hits.produce(made[1000:2500])
        redis_sentinels.kill_master()
        hits.produce(made[2500:])
        hits.until(lambda: hits.committed() == 4000, "all hits")
        assert hits.exact(hits.documents()) == arrived(hits)
    finally:
        hits.close()


def test_a_full_replay_gives_the_same_ids(hits: HitTopic):
    """The group set back to the beginning makes the same documents again, of a later epoch; what is no hit becomes a dead letter."""

    hits.produce(some_hits(1500, 4, int(time.time() * 1000)), raw=[b"no record", b"\x00\x00\x00\x00\x63x"])
    process = hits.start()
    hits.until(lambda: hits.committed() == 1502, "all hits")
    before = hits.documents()
    assert hits.exact(before) == 1500
    letters = messages(hits.bootstrap, f"{hits.topic}.attacks.dlq")
    assert sorted(letter.value() for letter in letters) == [b"\x00\x00\x00\x00\x63x", b"no record"]
    assert all(b"offset" in dict(letter.headers())["__connect.errors.exception.message"] for letter in letters)

    process.terminate()
    assert process.wait(30) == 0
    hits.until(hits.set_back, "the group is empty")
    hits.start()
    hits.until(lambda: hits.committed() == 1502, "all hits again")
    after = hits.documents()
    assert hits.exact(after) == 1500
    assert {key: {**document, "version": 0} for key, (_, document) in after.items()} == {
        key: {**document, "version": 0} for key, (_, document) in before.items()
    }
    assert all(version > before[key][0] for key, (version, _) in after.items())


def test_strange_hits_neither_stop_grouping_nor_vanish(hits: HitTopic):
    """A time that no calendar holds is a dead letter; a huge hit of control characters, a client of 18 digits and an address that is none are grouped."""
    now_ms = int(time.time() * 1000)
    plain = some_hits(4, 5, now_ms)
    far = TrueHit(0, 10**17, "far", {**plain[0].record, "client_id": 11})
    huge = TrueHit(0, now_ms, "huge", {**plain[0].record, "client_id": 123456789012345678, "value": "\x01" * 300_000})
    twin = TrueHit(
        0,
        now_ms,
        "twin",
        {**plain[0].record, "client_id": 123456789012345679, "ip": "no address", "path": "\u0000\u2028" * 500},
    )
    hits.produce([*plain, huge, twin])
    hits.produce([far], counted=False)
    hits.start()
    hits.until(lambda: hits.committed() == 7, "all hits")
    newest = hits.documents()
    assert hits.exact(newest) == 6
    assert {newest[name][1]["client_id"] for name in ("huge", "twin")} == {123456789012345678, 123456789012345679}
    (letter,) = messages(hits.bootstrap, f"{hits.topic}.attacks.dlq")
    assert b"is no time from 1970 to 9999" in dict(letter.headers())["__connect.errors.exception.message"]


def test_a_redis_that_is_lost_in_a_replay_does_not_bring_back_what_is_being_made_again(hits: HitTopic, redis_url: str):
    """The group set back to the beginning and Redis emptied in the middle: counts are those of one pass, not of two."""
    made = some_hits(1200, 6, int(time.time() * 1000))
    hits.produce(made)
    process = hits.start()
    hits.until(lambda: hits.committed() == 1200, "all hits")
    process.terminate()
    assert process.wait(30) == 0
    hits.until(hits.set_back, "the group is empty")
    process = hits.start()
    hits.until(lambda: hits.committed() > 0, "some hits again")
    hits.kill(process)
    with Redis.from_url(redis_url) as client:
        for key in client.scan_iter(f"*{hits.group}*"):
            client.delete(key)
    hits.start()
    hits.until(lambda: hits.committed() == 1200, "all hits again")
    assert hits.exact(hits.documents()) == 1200


def test_a_rule_of_a_new_version_and_partitions_that_are_added(hits: HitTopic, tmp_path):
    """Attacks of the old version keep its columns and close by them, new hits form attacks of the new one; added partitions are read without a restart."""
    hits.produce(some_hits(300, 8, int(time.time() * 1000)))
    process = hits.start()
    hits.until(lambda: hits.committed() == 300, "the first hits")
    process.terminate()
    assert process.wait(30) == 0
    words = yaml.safe_load((Path(connectors.wallarm.__path__[0]) / "attacks" / "basic.yaml").read_text())
    changed = tmp_path / "basic.yaml"
    changed.write_text(json.dumps({**words, "show": ["method", "block_status"]}))
    hits.use_rules(str(changed), "wallarm/by_source_ip")
    refused = hits.start()
    hits.until(lambda: "Raise its version to 2" in hits.log(), "the refusal")
    refused.terminate()
    refused.wait(30)
    changed.write_text(json.dumps({**words, "show": ["method", "block_status"], "version": 2}))
    hits.start()
    more = some_hits(300, 9, int(time.time() * 1000))
    hits.produce([replace(hit, id=f"second-{hit.id}") for hit in more], counted=False)
    hits.until(lambda: hits.committed() == 600, "hits by the new rule")
    hits.add_partitions(5)
    hits.produce([replace(hit, id=f"third-{hit.id}") for hit in more], counted=False)
    hits.until(lambda: hits.committed() == 900, "hits of added partitions")
    told = {
        (document["rule_version"], "block_status" in document)
        for _, document in hits.documents().values()
        if "attack_id" not in document
    }
    assert told == {(1, False), (2, True)}


def test_a_process_that_slept_does_not_put_an_old_state_under_the_others(hits: HitTopic):
    """Frozen for longer than its session while another goes on, and woken: attacks and counts stay the oracle's."""
    made = some_hits(4000, 10, int(time.time() * 1000))
    hits.produce(made[:1000])
    sleeper = hits.start()
    hits.until(lambda: hits.committed() >= 200, "the first hits")
    sleeper.send_signal(signal.SIGSTOP)
    hits.produce(made[1000:2500])
    hits.start()
    hits.until(lambda: hits.committed() >= 2500, "the other one has taken over")
    sleeper.send_signal(signal.SIGCONT)
    hits.produce(made[2500:])
    hits.until(lambda: hits.committed() == 4000, "all hits")
    assert hits.exact(hits.documents()) == 4000


def test_hits_before_the_first_commit_are_read_with_latest(hits: HitTopic):
    """A group that begins at the end reads what comes from then on, also what came before its first commit while the registry was away."""
    hits.produce(some_hits(50, 11, int(time.time() * 1000)), counted=False)
    hits.set_words(start="latest")
    hits.start()
    hits.until(lambda: "partitions_assigned" in hits.log(), "its partitions")
    later = [replace(hit, id=f"later-{hit.id}") for hit in some_hits(200, 12, int(time.time() * 1000))]
    hits.produce(later)
    hits.until(lambda: hits.committed() == 250, "the later hits")
    found = {name for name, (_, document) in hits.documents().items() if "attack_id" in document}
    assert found == {hit.id for hit in later}
