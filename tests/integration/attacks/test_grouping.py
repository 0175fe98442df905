"""Proves that the grouping step on a real Redis gives what the rules say, however the hits are cut, repeated, or the state is lost."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

import pytest
from grouping import Grouping, batch_of, same, truth_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from redis.exceptions import RedisError

from wellhead.config.attacks import RedisSettings
from wellhead.consumers.attacks.connect import check, connect, redis_error
from wellhead.consumers.attacks.restore import POSITION, Record, Restoring, Standing
from wellhead.consumers.attacks.rules import RuleSet, load_rules
from wellhead.consumers.attacks.script import Step
from wellhead.errors import PermanentError, TemporaryError
from wellhead.stack import RedisOptions, RedisServer
from wellhead.testing.attacktruth import TrueHit

NOON_MS = 1_770_120_000_000
BASE = """
{rule: small, version: 1, description: For tests., record: wallarm.hit, event: wallarm.attack_event,
 by: [type, domain], gap.secs: 10, show: [method]}
"""
BURST = """
{rule: crowd, version: 1, description: For tests., record: wallarm.hit, by: [ip], over: 3, within.secs: 6, gap.secs: 8,
 except: {type: [brute]}}
"""

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def rules(tmp_path_factory) -> RuleSet:
    folder: Path = tmp_path_factory.mktemp("rules")
    for name, text in (("base", BASE), ("burst", BURST)):
        (folder / f"{name}.yaml").write_text(text)
    return load_rules([str(folder / "base.yaml"), str(folder / "burst.yaml")])


@pytest.fixture
def client(redis_url: str):
    with Redis.from_url(redis_url) as made:
        yield made


@st.composite
def arrivals(draw):
    """Hits of a few senders on a few things, close to the rules' times, some of them late, equal or far apart."""
    hits, kafka_ms, time_ms = [], NOON_MS, NOON_MS
    for number in range(draw(st.integers(1, 60))):
        kafka_ms += draw(st.sampled_from([0, 0, 200, 900, 4_000, 11_000, 40_000]))
        time_ms = max(time_ms, kafka_ms - draw(st.sampled_from([0, 500, 5_000])))
        happened = time_ms - draw(st.sampled_from([0, 0, 0, 1_000, 6_000, 9_999, 10_000, 10_001, 20_000]))
        record = {
            "client_id": draw(st.sampled_from([1, 2])) if draw(st.booleans()) else 1,
            "type": draw(st.sampled_from(["sqli", "xss", "brute"])),
            "domain": draw(st.sampled_from(["a.example", "b.example", None])),
            "method": draw(st.sampled_from(["GET", "POST", None])),
            "ip": draw(st.sampled_from(["192.0.2.1", "192.0.2.2", "192.0.2.3", None])),
            "remote_country": draw(st.sampled_from(["NL", None])),
            "status_code": draw(st.sampled_from([200, 403, None])),
            "block_status": draw(st.sampled_from(["blocked", "monitored"])),
        }
        # Two streams write one topic: Kafka's times may go back a little.
        hits.append(TrueHit(kafka_ms - draw(st.sampled_from([0, 0, 3_000, 30_000])), happened, f"h{number}", record))
    return hits


@st.composite
def cuts(draw):
    """How the hits are handed over: the size of each step, and what befalls it."""
    return draw(
        st.lists(st.tuples(st.integers(1, 20), st.sampled_from(["", "", "again", "lost", "behind"])), min_size=1, max_size=60)
    )


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hits=arrivals(), steps=cuts())
def test_attacks_are_what_the_rules_say(hits, steps, rules, client):
    """However hits are cut into steps, repeated after a death, or Redis is emptied or set back, each attack and each hit's attack is the oracle's."""
    grouping = Grouping(client, f"t{uuid.uuid4().hex}", rules, late_secs=5)
    truth, at = truth_of(rules, late_secs=5), 0
    while at < len(hits):
        for size, fate in steps:
            chunk = hits[at : at + size]
            if fate == "again":
                grouping.step(hits[at : at + size + 3], commit=False)
            if fate == "lost":
                client.delete(f"{{{grouping.name}:0}}pos")
            if fate == "behind" and grouping.committed:
                client.hset(f"{{{grouping.name}:0}}pos", "next", grouping.committed - 1)
            grouping.step(chunk)
            truth.take(chunk)
            at += size
    same(grouping, truth)
    opened = [name for kind, name in grouping.events if kind == "opened"]
    assert opened == truth.opened
    assert sorted(name for kind, name in grouping.events if kind == "merged") == sorted(truth.merged)


@pytest.mark.parametrize("between", [9_000, 10_000, 8_000, 13_000, 4_000])
def test_a_hit_between_two_attacks_joins_the_nearer(between, rules, client):
    """A late hit within reach of two attacks belongs to the one it is nearer to, the older one where both are as near."""
    times = [0, 18_000, between, between + 2_000, 9_000]
    hits = [TrueHit(NOON_MS, NOON_MS + at, f"h{number}", {"client_id": 1, "type": "xss"}) for number, at in enumerate(times)]
    grouping, truth = Grouping(client, f"t{uuid.uuid4().hex}", rules, late_secs=5), truth_of(rules, late_secs=5)
    grouping.step(hits)
    same(grouping, truth.take(hits))
    first, second = sorted(truth.attacks.values(), key=lambda attack: attack.first_ms)
    assert truth.attack_of["h2"] == (first if between <= 9_000 else second).id


def test_an_attack_that_merged_is_known_as_long_as_hits_name_it(rules, client):
    """A session whose attack became part of another goes on for longer than either is kept, by hits of other senders."""
    grouping, truth = Grouping(client, f"t{uuid.uuid4().hex}", rules, late_secs=5), truth_of(rules, late_secs=5)
    crowd_of_two = [(domain, "192.0.2.1", at) for at, domain in enumerate(("a.example", "b.example") * 3)]
    steady = [("b.example", f"198.51.100.{number}", 5_000 * number) for number in range(1, 40)]
    hits = [
        TrueHit(NOON_MS + at, NOON_MS + at, f"h{number}", {"client_id": 1, "type": "xss", "domain": domain, "ip": ip})
        for number, (domain, ip, at) in enumerate([*crowd_of_two, *steady])
    ]
    for at in range(0, len(hits), 4):
        grouping.step(hits[at : at + 4])
        now_ms, keep_ms = hits[at].kafka_ms, grouping.limits.retain
        # What nobody has touched for as long as it is of use is gone, as after its time to live.
        for name in [name for name, held in grouping.attacks().items() if now_ms - held["u"] > keep_ms]:
            client.delete(*client.keys(f"{{{grouping.name}:0}}*a:{name}"))
    assert grouping.rebuilt == ["nothing is known of this partition"]
    same(grouping, truth.take(hits))


def crowd(count: int, *, client: int = 1, domain: str = "a.example", each: int = 1, since: int = 0) -> list[TrueHit]:
    """Hits on one thing by many senders, some with more hits than others."""
    made = []
    for number in range(count * each):
        sender = number % count
        record = {
            "client_id": client,
            "type": "sqli",
            "domain": domain,
            "ip": f"198.51.100.{sender % 250}" if sender < 250 else f"203.0.113.{sender % 250}",
            "remote_country": "NL" if sender % 2 else "US",
        }
        made.append(TrueHit(NOON_MS + since + number, NOON_MS + since + number, f"{domain}{since}-{number}", record))
        if sender % 7 == 0:
            made.append(TrueHit(NOON_MS + since + number, NOON_MS + since + number, f"{domain}{since}-{number}b", record))
    return made


def test_an_attack_of_many_senders_keeps_count_of_each(rules, client):
    """Beyond what one key may hold, senders are counted one by one; so they are when such attacks merge, are taken back, or read again."""
    grouping = Grouping(client, f"t{uuid.uuid4().hex}", rules, late_secs=5)
    truth = truth_of(rules, late_secs=5)
    probe = [
        TrueHit(NOON_MS + 3_000 + number, NOON_MS + 3_000 + number, f"p{number}", {**hit.record, "ip": "192.0.2.9"})
        for number, hit in enumerate((crowd(1) + crowd(1, domain="b.example")) * 3)
    ]
    chunks = [
        crowd(300)[:50],
        crowd(300)[50:],
        crowd(200, domain="b.example", each=2, since=1_000),
        probe,
        crowd(40, since=5_000),
    ]
    for number, chunk in enumerate(chunks):
        grouping.step(chunk[: len(chunk) // 2], commit=False)
        if number == 3:
            grouping.client.delete(f"{{{grouping.name}:0}}pos")
        grouping.step(chunk)
        truth.take(chunk)
    same(grouping, truth)
    (whole,) = [attack for attack in truth.surviving().values() if len(attack.ips) > 250]
    assert len(whole.ips) == 301


def test_an_attack_that_nobody_can_join_any_more_is_closed(rules, client):
    """With no further hits the time closes it, once; a tick whose transaction was lost does not swallow that; a late hit within reach opens none."""
    grouping = Grouping(client, f"t{uuid.uuid4().hex}", rules, late_secs=5)
    grouping.step([TrueHit(NOON_MS, NOON_MS, "one", {"client_id": 1, "type": "sqli"})])
    grouping.step([], tick_ms=NOON_MS + 60_000)
    assert [kind for kind, _ in grouping.events] == ["opened"]
    grouping.step([], tick_ms=NOON_MS + 300_000, commit=False)
    grouping.step([], tick_ms=NOON_MS + 300_000)
    grouping.step([], tick_ms=NOON_MS + 400_000)
    assert [kind for kind, _ in grouping.events] == ["opened", "closed"]
    assert [attack["st"] for attack in grouping.attacks().values()] == ["closed"]


def test_a_state_of_another_offset_is_never_built_upon(rules, client):
    """A step that begins where the state does not stand changes nothing and says why."""
    grouping = Grouping(client, f"t{uuid.uuid4().hex}", rules, late_secs=5)
    grouping.step(crowd(3))
    before = {key: client.dump(key) for key in client.scan_iter(f"{{{grouping.name}*")}
    grouping.committed = 2
    read = grouping.reader.read(batch_of(crowd(1)[:1]), [2], [NOON_MS])
    (answer,) = grouping.script.run([Step(0, 2, 3, read.columns, generation=grouping._generation)])
    assert answer.rebuild == "it stands at offset 4"
    assert {key: client.dump(key) for key in client.scan_iter(f"{{{grouping.name}*")} == before


def test_keys_that_may_have_expired_are_read_again(rules, client):
    """Hits that have fallen behind for longer than keys are kept make the state be read again from its topic."""
    grouping = Grouping(client, f"t{uuid.uuid4().hex}", rules, late_secs=5)
    now_ms = int(time.time() * 1000)
    grouping.step([TrueHit(now_ms, now_ms, "one", {"client_id": 1, "type": "sqli"})])
    late_ms = now_ms - grouping.limits.ttl
    grouping.step([TrueHit(late_ms, late_ms, "two", {"client_id": 1, "type": "sqli"})])
    assert grouping.rebuilt[1:] == ["the hits fell behind for longer than keys are kept"]


def test_a_server_that_fails_over_while_it_is_filled_is_filled_again(rules, redis_server):
    """A state that went in part to a server that is gone is not built upon; filled again it is the oracle's, with all its attacks."""
    with Redis.from_url(redis_server.url) as client:
        grouping = Grouping(client, f"t{uuid.uuid4().hex}", rules, late_secs=5)
        hits = crowd(120)
        grouping.step(hits[:70])
        client.flushall()
        restoring = Restoring(client, grouping.script.tag(0), ttl_ms=grouping.limits.ttl, epoch=0, since_ms=0)
        records = [Record(0, name, value) for name, value in grouping.state.items()]
        restoring.take(records[: len(records) // 2])
        client.flushall()  # a replica that had none of it takes over
        redis_server.restart()
        restoring.take(records[len(records) // 2 :])
        with pytest.raises(TemporaryError, match="failed over while a state was filled"):
            restoring.look(Standing.read(grouping.state[POSITION]))
        assert not client.exists(f"{grouping.script.tag(0)}pos")
        grouping.step(hits[70:])
        assert len(grouping.rebuilt) == 2
        same(grouping, truth_of(rules, late_secs=5).take(hits))


def test_a_cluster_keeps_each_partition_in_one_place(rules, redis_cluster):
    """On three masters a step, its being taken back and a state filled again work as on one, and every key of a partition is in one slot."""
    settings = RedisSettings(url=redis_cluster.url)
    client = connect(settings)
    check(client, settings)
    groupings = [Grouping(client, f"t{uuid.uuid4().hex}", rules, late_secs=5) for _ in range(4)]
    for grouping in groupings:
        hits = crowd(120)
        grouping.step(hits[:70])
        grouping.step(hits[70:], commit=False)
        client.delete(f"{{{grouping.name}:0}}pos")
        grouping.step(hits[70:])
        same(grouping, truth_of(rules, late_secs=5).take(hits))
        assert len(grouping.rebuilt) == 2
    slots = {client.keyslot(f"{{{grouping.name}:0}}pos") for grouping in groupings}
    assert len(slots) == len(groupings)
    client.close()


def test_a_user_without_rights_is_told_so():
    """Redis's own refusal is named with what to check, and no password stands in it."""
    options = RedisOptions(username="wellhead", password="s3cret-word")
    with RedisServer(options=options) as server:
        settings = RedisSettings(url=server.url, username="wellhead", password="wrong-word")
        client = connect(settings)
        with pytest.raises(RedisError) as caught:
            client.ping()
        told = redis_error(caught.value, settings)
        client.close()
    assert isinstance(told, PermanentError)
    assert "Check redis.username, redis.password" in str(told)
    assert "word" not in str(told).replace("password", "")


def test_a_server_that_evicts_is_refused():
    """A server that drops keys when memory is short would split attacks: it is not begun with."""
    options = RedisOptions(settings={"maxmemory": "100mb", "maxmemory-policy": "allkeys-lru"})
    with RedisServer(options=options) as server:
        settings = RedisSettings(url=server.url)
        client = connect(settings)
        with pytest.raises(PermanentError, match="Set maxmemory-policy noeviction"):
            check(client, settings)
        client.close()
