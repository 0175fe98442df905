"""Tests of a lookup's run as a whole: what it makes of a topic that it could, or could not, read to its end."""

import csv
import threading

import numpy as np
import pyarrow as pa
import pytest

from wellhead.avro import schema as schemas
from wellhead.config.deployment import LoadedLookup
from wellhead.config.lookup import LookupSettings
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.lookup.build import Builder
from wellhead.consumers.lookup.changes import Changes
from wellhead.consumers.lookup.directory import DirectoryConfig, DirectoryTarget
from wellhead.consumers.lookup.follow import CaughtUp
from wellhead.consumers.position import Position
from wellhead.errors import TemporaryError
from wellhead.targets import ThreadClock

NAME = "anomali_threatstream_ip.csv"


class Topic:
    """Records of a topic that may break off while it is read."""

    def __init__(self, known):
        self.known, self.topic_id, self.end, self.breaks_at, self.foreign = known, "A", 0, None, []
        self.partitions, self.anew = 1, None

    def catch_up(self, state, on_foreign):
        for place in self.foreign:
            on_foreign(place)
        position, rebuilt = state.position(), None
        if position is not None and position.topic_id != self.topic_id:
            state.clear()
            position, rebuilt = None, "the topic was deleted and made again"
        if self.anew is not None:
            state.clear()
            position, rebuilt = None, self.anew
        begin = position.offsets[0] if position is not None else 0
        end = self.end if self.breaks_at is None else self.breaks_at
        records = [self.known.indicator(at, f"192.0.2.{at}") for at in range(begin, end)]
        rows = pa.RecordBatch.from_pylist(records, schema=schemas.load("threatstream.indicator").arrow)
        changes = Changes(
            pa.array([str(record["id"]).encode() for record in records], pa.binary()),
            np.ones(len(records), np.bool_),
            rows.select(state.layout.columns.names),
        )
        complete = self.breaks_at is None or (position is not None and position.complete)
        state.apply(
            changes if records else None,
            Position(self.topic_id, {0: end} | dict.fromkeys(range(1, self.partitions), 0), 0, complete=complete),
        )
        if self.breaks_at is not None:
            raise TemporaryError("the broker is away")
        yield CaughtUp(len(records), len(records), 0, rebuilt, 0.0)


@pytest.fixture
def scene(tmp_path, known, ip):
    class Scene:
        def __init__(self):
            self.topic, self.there, self.state = Topic(known), tmp_path / "there", tmp_path / "state"

        def run(self, **words):
            told = {
                "name": "ti",
                "topic": "t",
                "files": "threatstream/ip",
                "state.dir": self.state,
                "output.dir": tmp_path / "out",
            }
            settings = LookupSettings.model_validate(told | words)
            builder = Builder(
                LoadedLookup(settings, DirectoryTarget, DirectoryConfig(path=self.there)),
                WorkerSettings.model_validate(
                    {"kafka": {"bootstrap.servers": "127.0.0.1:1"}, "schema.registry": {"url": "http://127.0.0.1:1"}}
                ),
                (ip,),
                clock=ThreadClock(),
                stop=threading.Event(),
                catch_up=self.topic.catch_up,
            )
            try:
                return builder.run()
            finally:
                builder.close()

        def rows(self):
            return len(list(csv.DictReader((self.there / NAME).read_text().splitlines())))

    return Scene()


def test_a_state_that_was_never_whole_makes_no_file(scene):
    """Reading that broke off before the topic's end leaves file and target as they are, says so, and alerts; the next run makes up for it."""
    scene.topic.end = 20
    scene.run()
    for path in scene.state.glob("state.duckdb*"):
        path.unlink()
    scene.topic.breaks_at = 16
    report = scene.run()
    assert (report.files, report.alerts, scene.rows()) == ([], ["run_failed"], 20)
    assert "was not read to its end yet" in " ".join(report.problems)
    scene.topic.breaks_at, scene.topic.end = None, 30
    assert scene.run().wrong() == []
    assert scene.rows() == 30


def test_a_topic_nobody_has_written_to_makes_no_file(scene):
    """A lookup that is started before its connector says so, instead of delivering empty files; then it makes them."""
    report = scene.run()
    assert "nothing has been written to t yet" in " ".join(report.problems)
    assert not report.good
    assert not scene.there.exists() or not list(scene.there.iterdir())
    scene.topic.end = 3
    assert scene.run().good


def test_a_state_that_was_whole_still_serves(scene):
    """What broke off behind a former end is delivered as far as it came: every key before it is known."""
    scene.topic.end = 20
    scene.run()
    scene.topic.breaks_at = 22
    report = scene.run()
    assert (report.alerts, scene.rows()) == (["run_failed"], 22)


def test_a_topic_made_again_is_told_from_a_lost_state(scene):
    """Nine of ten rows are waited on where the topic fills again, and delivered where only the state was read anew."""
    scene.topic.end = 20
    scene.run()
    scene.topic.topic_id, scene.topic.end = "B", 18
    report = scene.run()
    assert (report.files[0].alerts, scene.rows()) == (["lost"], 20)
    for path in scene.state.glob("state.duckdb*"):
        path.unlink()
    assert (scene.run().wrong(), scene.rows()) == ([], 18)


def test_what_others_wrote_is_counted_and_told(scene):
    """Messages that were passed over raise an alert for the run, with where they lie, and stop nothing."""
    scene.topic.end, scene.topic.foreign = 20, ["topic 't', partition 0, offset 7: it has no key"] * 30
    report = scene.run()
    assert (report.alerts, report.foreign, len(report.foreign_places), scene.rows()) == (["foreign"], 30, 20, 20)
    assert report.good
    scene.topic.foreign = []
    assert scene.run().alerts == []


def test_more_partitions_are_warned_of_and_matter_after_a_rebuild(scene, known):
    """They are told when they are seen, then again while a state stands that was read anew from them, until the topic is another one."""
    scene.topic.end = 20
    assert scene.run().alerts == []
    scene.topic.partitions = 3
    report = scene.run()
    assert (report.alerts, report.good) == (["repartitioned"], True)
    assert "3 partitions now, 1 before: the files are right" in report.warnings[0]
    assert scene.run().alerts == []
    scene.topic.anew = "tombstones may be gone"
    scene.run()
    scene.topic.anew = None
    report = scene.run()
    assert report.alerts == ["repartitioned"]
    assert "may be back" in report.warnings[0]
    scene.topic.topic_id = "B"
    assert scene.run().alerts == []
