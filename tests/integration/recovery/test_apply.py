import json
from dataclasses import replace

import pytest
import readback

from wellhead.config.worker import WorkerSettings
from wellhead.kafka.errors import Fenced
from wellhead.kafka.messages import Message
from wellhead.kafka.offsets import offset_key, offset_value
from wellhead.kafka.producer import TransactionalProducer
from wellhead.kafka.settings import admin_config, producer_config
from wellhead.kafka.topics import TopicSpec, ensure, topic_id
from wellhead.recovery.aim import ToCursor, ToStart
from wellhead.recovery.apply import Author, Overrides, apply_plan
from wellhead.recovery.errors import Refused
from wellhead.recovery.place import Place
from wellhead.recovery.planning import Wish, plan_of
from wellhead.storage.topics import offsets_spec

BY = Author("night.shift", "test")
STREAMS = ("ip", "url")


class Feed:
    """A connector of two streams without a worker: its cursors, and the producers that would own them."""

    def __init__(self, stack, prefix):
        self.worker = WorkerSettings.layered(
            flags={},
            environment={},
            files={
                "group_id": f"{prefix}group",
                "kafka": {"bootstrap.servers": stack.bootstrap_servers},
                "schema_registry": {"url": stack.registry_url},
                "offset_storage_topic": f"{prefix}offsets",
                "offset_history_topic": f"{prefix}history",
                "audit_topic": f"{prefix}audit",
                "runs_topic": f"{prefix}runs",
            },
        )
        self.bootstrap, self.prefix = stack.bootstrap_servers, prefix
        ensure(admin_config(self.worker), [offsets_spec(self.worker)])
        self.places = [
            Place("feed", {"stream": stream, "tenant": "acme"}, f"{prefix}group-feed-{number}")
            for number, stream in enumerate(STREAMS)
        ]

    def owner(self, number):
        """Give the producer of the stream's task, open."""
        config = producer_config(self.worker, Overrides(), self.places[number].transactional_id or "")
        producer = TransactionalProducer(config)
        producer.open()
        return producer

    def write(self, producer, number, cursor, key=None):
        producer.begin()
        topic = self.worker.offset_storage_topic
        producer.send(Message(topic, offset_value(cursor), key=key or offset_key("feed", self.places[number].partition)))
        producer.commit()

    def plan(self, *aims):
        wishes = [Wish(place.partition, aim, "alter") for place, aim in zip(self.places, aims, strict=True)]
        return plan_of(self.worker, "feed", wishes, self.places, now_ms=1)

    def apply(self, plan, **more):
        return apply_plan(self.worker, plan, by=BY, now_ms=lambda: 2_000_000_000_000, **more)

    def stored(self):
        return {m.key(): m.value() for m in readback.messages(self.bootstrap, self.worker.offset_storage_topic)}

    def told(self, what):
        try:
            return readback.values(self.bootstrap, f"{self.prefix}{what}")
        except KeyError:
            return []


@pytest.fixture
def feed(stack, unique):
    return Feed(stack, unique)


@pytest.fixture
def owners(feed):
    made = [feed.owner(0), feed.owner(1)]
    for number, owner in enumerate(made):
        feed.write(owner, number, {"n": 10 + number})
    yield made
    for owner in made:
        owner.close()


def test_each_stream_is_moved_with_its_history_and_audit_and_its_owner_fenced(feed, owners):
    """Both cursors move, each with one entry in history and audit; whoever owned the streams can write no more."""
    plan = feed.plan(ToCursor({"n": 3}), ToStart())
    applied = feed.apply(plan)
    assert (applied.moved, applied.already) == (("ip/acme", "url/acme"), ())
    assert set(feed.stored().values()) == {b'{"n":3}', None}
    history = feed.told("history")
    assert [(each["partition"]["stream"], each["from"], each["to"], each["why"], each["plan_id"]) for each in history] == [
        ("ip", {"n": 10}, {"n": 3}, "alter", plan.id),
        ("url", {"n": 11}, None, "reset", plan.id),
    ]
    assert [(each["who"], each["what"], each["where"]) for each in feed.told("audit")] == [
        ("night.shift", "offsets.alter", "test"),
        ("night.shift", "offsets.reset", "test"),
    ]
    for number, owner in enumerate(owners):
        with pytest.raises(Fenced):
            feed.write(owner, number, {"n": 99})
    assert set(feed.stored().values()) == {b'{"n":3}', None}
    assert feed.apply(plan).already == ("ip/acme", "url/acme")
    assert len(feed.told("history")) == 2


def test_one_cursor_that_moved_holds_back_all_and_fences_nobody(feed, owners):
    """A plan of which one cursor was overtaken writes nothing at all, and the owners go on undisturbed."""
    plan = feed.plan(ToStart(), ToStart())
    feed.write(owners[1], 1, {"n": 12})
    with pytest.raises(Refused, match="url/acme moved since"):
        feed.apply(plan)
    assert set(feed.stored().values()) == {b'{"n":10}', b'{"n":12}'}
    assert feed.told("history") == []
    feed.write(owners[0], 0, {"n": 20})
    feed.write(owners[1], 1, {"n": 22})


def test_a_plan_that_was_carried_out_in_part_is_carried_out_to_the_end(feed, owners):
    """Applied again after it had moved one of two, it moves the other and says which was which."""
    plan = feed.plan(ToStart(), ToStart())
    feed.write(owners[0], 0, None)
    applied = feed.apply(plan)
    assert (applied.moved, applied.already) == (("url/acme",), ("ip/acme",))
    assert [each["partition"]["stream"] for each in feed.told("history")] == ["url"]


def test_who_cannot_be_fenced_is_moved_only_on_somebodys_word(feed, owners):
    """A stream whose task is not known is refused, unless somebody vouches that nobody runs it."""
    feed.places = [Place("feed", place.partition) for place in feed.places]
    plan = feed.plan(ToStart(), ToStart())
    with pytest.raises(Refused, match="--unfenced"):
        feed.apply(plan)
    assert feed.apply(plan, unfenced=True).moved == ("ip/acme", "url/acme")
    assert set(feed.stored().values()) == {None}
    assert owners


def test_a_cursor_of_state_names_the_topic_it_stands_behind(feed, owners):
    """Where records are a state, what is written carries the id of the record topic as it is now, so that its loss is noticed."""
    topic, config = f"{feed.prefix}state", admin_config(feed.worker)
    ensure(config, [TopicSpec(topic, 1, 1, {"cleanup.policy": "compact"})])
    feed.places = [replace(place, topic=topic, cleanup="compact") for place in feed.places]
    feed.apply(feed.plan(ToCursor({"n": 3}), ToStart()))
    written = {m.value(): dict(m.headers() or ()) for m in readback.messages(feed.bootstrap, feed.worker.offset_storage_topic)}
    assert written[b'{"n":3}'] == {"wellhead.topic.id": topic_id(config, topic).encode()}
    assert written[None] == {}
    assert owners


def test_another_spelling_of_the_key_does_not_come_back(feed, owners):
    """A cursor that stood under other bytes of its key is cleared there, so that compaction cannot bring it back."""
    other = json.dumps(["feed", {"tenant": "acme", "stream": "ip"}]).encode()
    feed.write(owners[0], 0, {"n": 50}, key=other)
    plan = feed.plan(ToCursor({"n": 3}), ToStart())
    assert plan.changes[0].before == {"n": 50}
    feed.apply(plan)
    stored = feed.stored()
    assert (stored[other], stored[offset_key("feed", feed.places[0].partition)]) == (None, b'{"n":3}')
