"""Tests of what a run does for one file: guards, losses, missing files, and what it reports."""

import pytest

from wellhead.config.lookup import LookupSettings
from wellhead.consumers.lookup.deliver import Delivery
from wellhead.consumers.lookup.losses import Doubt
from wellhead.consumers.lookup.reset import is_former
from wellhead.consumers.lookup.turn import Circumstances, Turn
from wellhead.consumers.lookup.write import FileWriter
from wellhead.errors import PermanentError, TemporaryError

NAME = "anomali_threatstream_ip.csv"


@pytest.fixture
def scene(rig, known, ip, tmp_path):
    for folder in ("out", "sent"):
        (tmp_path / folder).mkdir()

    class Scene:
        def __init__(self):
            self.target, self.options, self.asked, self.cursors = known.FakeTarget(), {}, [], ["ip"]
            self.reset_fails, self.began_ms, self.mapping = None, 1, ip

        def reset(self, former, topic_id):
            if self.reset_fails is not None:
                raise self.reset_fails
            self.asked.append([stream for stream in former if stream])
            return {
                stream: {"began_ms": 1}
                for stream, earlier in former.items()
                if stream in self.cursors and is_former({"began_ms": self.began_ms}, earlier)
            }

        def run(self, *, force=False, lost=None, limit=None, remade=False):
            doubt = Doubt(lost, remade=remade) if lost else None
            return self.made().take(ip, self.now(force=force, doubt=doubt, limit=limit))

        def now(self, *, force=False, doubt=None, limit=None):
            return Circumstances(rig.moment(), limit, force, doubt, trust=True)

        def made(self):
            words = {
                "name": "ti",
                "topic": "t",
                "files": "threatstream/ip",
                "state.dir": tmp_path,
                "output.dir": tmp_path / "out",
            }
            settings = LookupSettings.model_validate(words | self.options)
            delivery = Delivery(
                self.target, rig.state, tmp_path / "sent", clock=rig.clock, delta_ratio=0.5, step=lambda _: None
            )
            writer = FileWriter(rig.state.connection, tmp_path / "out", lambda _: None)
            return Turn(settings, writer, delivery, rig.state, self.reset)

        def ten(self):
            rig.put(*(known.indicator(at, f"192.0.2.{at}") for at in range(10)))

    return Scene()


def test_a_good_turn_reports_the_file(scene, rig, known):
    """Rows, bytes, newest change and delivery are told, and nothing is wrong."""
    rig.put(known.indicator(1, "192.0.2.1", modified_ts=7_000))
    report = scene.run()
    assert (report.rows, report.newest_ms, report.sent, report.problem, report.alerts) == (1, 7_000, "whole", None, [])
    assert report.right_ms == rig.clock.now_ms()
    assert report.nbytes == len(scene.target.files[NAME])


def test_a_file_below_half_is_held_back_until_forced(scene, rig):
    """The target keeps the old file, the alert stands run after run, and --force delivers."""
    scene.ten()
    scene.run()
    rig.put(gone=tuple(range(4, 10)))
    for _ in range(2):
        report = scene.run()
        assert (report.sent, report.alerts, report.rows) == ("nothing", ["shrunk"], 4)
        assert "below guard.min.size.ratio" in (report.problem or "")
        assert len(scene.target.rows(NAME)) == 10
    assert report.ratio == pytest.approx(0.4, abs=0.05)
    report = scene.run(force=True)
    assert (report.sent, report.problem, len(scene.target.rows(NAME))) == ("whole", None, 4)


def test_half_of_the_rows_may_go(scene, rig):
    """The guard lets through what is not below the bound."""
    scene.ten()
    scene.run()
    scene.options = {"guard.min.size.ratio": "0.3"}
    rig.put(gone=tuple(range(5, 10)))
    assert scene.run().problem is None
    assert len(scene.target.rows(NAME)) == 5


def test_a_large_file_of_somebody_else_is_not_replaced_by_a_small_one(scene, rig, known):
    """Where nothing was delivered yet, what stands at the target is the measure."""
    scene.target.files[NAME] = b"x" * 100_000
    rig.put(known.indicator(1, "192.0.2.1"))
    report = scene.run()
    assert (report.alerts, len(scene.target.files[NAME])) == (["shrunk"], 100_000)


def test_a_file_above_the_limit_is_refused_or_split(scene):
    """Refused with both sizes; with `oversize: split` every part arrives and fits."""
    scene.ten()
    scene.options = {"oversize": "refuse"}
    scene.target.max_bytes = 400
    report = scene.run(limit=400)
    assert (report.alerts, scene.target.files) == (["oversize"], {})
    assert "oversize: split" in (report.problem or "")
    scene.options = {"oversize": "split"}
    report = scene.run(limit=400)
    assert report.problem is None
    assert sorted(row["destination.ip"] for name in scene.target.files for row in scene.target.rows(name)) == [
        f"192.0.2.{at}" for at in range(10)
    ]
    assert all(len(content) <= 400 for content in scene.target.files.values())


def test_a_missing_file_comes_back_from_the_state(scene):
    """Deleting it at the target costs one run and no reset."""
    scene.ten()
    scene.run()
    scene.target.files.clear()
    report = scene.run()
    assert (report.why, report.missing_runs, scene.asked) == ("missing at the target", 0, [])
    assert len(scene.target.rows(NAME)) == 10


def test_a_file_that_stays_missing_is_an_alert_after_two_runs(scene, known):
    """The count goes up while the target takes nothing, the alert comes with the second run and goes with the file's return."""
    scene.ten()
    scene.target.failing = known.away()
    assert [(report.missing_runs, "missing" in report.alerts) for report in (scene.run(), scene.run(), scene.run())] == [
        (1, False),
        (2, True),
        (3, True),
    ]
    scene.target.failing = None
    report = scene.run()
    assert (report.missing_runs, report.alerts, report.problem) == (0, [], None)


def test_a_target_that_cannot_say_is_not_a_missing_file(scene, known):
    """Not knowing is a failed delivery, never "missing"."""
    scene.ten()
    scene.run()
    scene.target.size_of = lambda _name: (_ for _ in ()).throw(known.away())
    report = scene.run()
    assert (report.alerts, report.missing_runs) == (["not_delivered"], 0)
    assert report.problem == "the target is away"


def test_lost_records_are_asked_for_once(scene, rig):
    """A rebuilt state without the file's records resets its stream's cursor, one time, keeps the old file, and says so until they are back."""
    scene.options = {"source.connector": "threatstream", "guard.min.size.ratio": "0"}
    scene.ten()
    scene.run()
    rig.state.clear()
    rig.put()
    first, second = scene.run(lost="the topic was deleted and made again"), scene.run()
    assert scene.asked == [["ip"]]
    for report in (first, second):
        assert "lost" in report.alerts
        assert "the cursor of threatstream for ip was reset, once" in (report.problem or "")
        assert len(scene.target.rows(NAME)) == 10
    scene.ten()
    assert scene.run().problem is None
    rig.state.clear()
    rig.put()
    scene.run(lost="again")
    assert scene.asked == [["ip"], ["ip"]]


def test_a_reset_that_fails_is_tried_again(scene, rig):
    """Once means once asked, not once tried."""
    scene.options = {"source.connector": "threatstream"}
    scene.ten()
    scene.run()
    rig.state.clear()
    rig.put()
    scene.reset_fails = TemporaryError("no broker")
    assert "the next run tries again: no broker" in (scene.run(lost="gone").problem or "")
    scene.reset_fails = None
    scene.run()
    scene.run()
    assert scene.asked == [["ip"]]


@pytest.mark.parametrize(
    ("options", "cursors", "told"),
    [
        ({}, ["ip"], "set source.connector to have the cursors reset"),
        ({"source.connector": "threatstream"}, [], "threatstream has no former cursor for ip, so it reads from the start"),
    ],
)
def test_what_cannot_be_reset_is_said(scene, rig, options, cursors, told):
    """Without a connector to ask, or a cursor to reset, the problem names the way on."""
    scene.options, scene.cursors = options, cursors
    scene.ten()
    scene.run()
    rig.state.clear()
    rig.put()
    assert told in (scene.run(lost="gone").problem or "")


def test_ended_indicators_are_not_lost_ones(scene, rig):
    """A file that became empty by tombstones asks for nothing."""
    scene.options = {"source.connector": "threatstream", "guard.min.size.ratio": "0"}
    scene.ten()
    scene.run()
    rig.put(gone=tuple(range(10)))
    report = scene.run()
    assert (scene.asked, report.problem, scene.target.rows(NAME)) == ([], None, [])


def test_a_refusal_is_told_and_harms_nothing(scene):
    """What the target refuses for good is the file's problem, in the target's words."""
    scene.ten()
    scene.target.failing = PermanentError("the token lacks a scope")
    report = scene.run()
    assert (report.problem, report.alerts, report.right_ms) == ("the token lacks a scope", ["not_delivered"], None)


def test_a_few_records_of_many_are_lost_ones_too(scene, rig, known):
    """A rebuilt state with a fraction of the records takes the way of lost ones: cursors reset, the file held, no advice to force it."""
    scene.options = {"source.connector": "threatstream"}
    scene.ten()
    scene.run()
    rig.state.clear()
    rig.put(known.indicator(90, "192.0.2.90"))
    report = scene.run(lost="the topic was deleted and made again")
    assert (report.alerts, scene.asked, len(scene.target.rows(NAME))) == (["lost"], [["ip"]], 10)
    assert "1 rows for it (10 rows" in (report.problem or "")
    assert "--force" not in (report.problem or "")


def test_a_topic_that_fills_again_is_waited_for(scene, rig, known):
    """While everything is read again a file of half and more is still a part; it goes out once it is nearly as large as it was."""
    scene.ten()
    scene.run()
    rig.state.clear()
    rig.put(*(known.indicator(at, f"192.0.2.{at}") for at in range(9)))
    assert scene.run(lost="the topic was deleted and made again", remade=True).alerts == ["lost"]
    assert scene.run().alerts == ["lost"]
    assert len(scene.target.rows(NAME)) == 10
    rig.put(known.indicator(99, "192.0.2.99"))
    assert scene.run().problem is None
    assert "192.0.2.99" in {row["destination.ip"] for row in scene.target.rows(NAME)}


def test_a_file_that_stays_a_little_smaller_is_not_waited_for_for_ever(scene, rig, known):
    """A day later the ordinary guard counts again: the vendor has really ended so many."""
    scene.ten()
    scene.run()
    rig.state.clear()
    rig.put(*(known.indicator(at, f"192.0.2.{at}") for at in range(8)))
    scene.run(lost="the topic was deleted and made again", remade=True)
    rig.clock.advance(24 * 3600)
    assert scene.run().problem is None
    assert len(scene.target.rows(NAME)) == 8


def test_a_person_may_end_the_waiting(scene, rig, known):
    """--force delivers what is there, and it is the measure from then on."""
    scene.ten()
    scene.run()
    rig.state.clear()
    rig.put(known.indicator(1, "192.0.2.1"))
    scene.run(lost="gone")
    assert scene.run(force=True).problem is None
    assert scene.run().problem is None
    assert len(scene.target.rows(NAME)) == 1


def test_a_reset_that_was_overwritten_is_asked_for_again(scene, rig):
    """Hours later the cursor is looked at: one that goes on from the former is reset again, one that began anew is not."""
    scene.options = {"source.connector": "threatstream"}
    scene.ten()
    scene.run()
    rig.state.clear()
    rig.put()
    scene.run(lost="gone")
    rig.clock.advance(3600)
    scene.run()
    assert scene.asked == [["ip"]]
    rig.clock.advance(2 * 3600)
    assert "was reset 2 times, as the old one came back" in (scene.run().problem or "")
    assert scene.asked == [["ip"], ["ip"]]
    scene.began_ms = 2
    rig.clock.advance(3 * 3600)
    assert "was reset 2 times" in (scene.run().problem or "")


def test_less_than_before_is_better_than_nothing(scene, rig):
    """Where the file is gone from the target it is put there, whatever its size."""
    scene.ten()
    scene.run()
    rig.put(gone=tuple(range(2, 10)))
    scene.target.files.clear()
    report = scene.run()
    assert (report.why, report.problem, len(scene.target.rows(NAME))) == ("missing at the target", None, 2)


def test_a_refused_login_ends_the_round(scene, rig, known):
    """After two refusals the target is not asked again in this run, nor after one request to wait; the files are written all the same."""
    for error, asked in (
        (PermanentError("the client is revoked"), 2),
        (TemporaryError("wait", after_secs=9), 1),
        (known.away(), 4),
    ):
        scene.ten()
        scene.target.calls = []
        scene.target.size_of = lambda name, error=error: scene.target.calls.append(name) or (_ for _ in ()).throw(error)
        turn, now = scene.made(), scene.now()
        reports = [turn.take(scene.mapping, now) for _ in range(4)]
        assert [report.alerts for report in reports] == [["not_delivered"]] * 4
        assert [report.rows for report in reports] == [10] * 4
        assert len(scene.target.calls) == len(turn.calls) == asked
        assert str(error) in (reports[3].problem or "")
        assert reports[0].again_secs == {2: None, 1: 9, 4: 0}[asked]


@pytest.mark.parametrize("lost", [False, True])
def test_rows_of_a_former_part_leave_the_target(scene, tmp_path, lost):
    """Where a file needs fewer parts than before, or none, those left over become headers, be the manifest there or not."""
    scene.ten()
    scene.options = {"oversize": "split"}
    scene.run(limit=400)
    parts = [name for name in scene.target.files if name != NAME]
    assert parts
    if lost:
        for path in (tmp_path / "out").iterdir():
            path.unlink()
    scene.options = {"oversize": "refuse"}
    for _ in range(2):
        assert scene.run(limit=100_000).problem is None
        assert len(scene.target.rows(NAME)) == 10
        assert [scene.target.rows(name) for name in parts] == [[]] * len(parts)


def test_a_slow_look_is_a_slow_call(scene, rig):
    """What asking for a file's size takes counts like a delivery's time."""
    scene.ten()
    plain = scene.target.size_of
    scene.target.size_of = lambda name: rig.clock.advance(121) or plain(name)
    assert (scene.run().alerts, scene.run().alerts) == (["slow_call"], ["slow_call"])
    scene.target.size_of = plain
    assert scene.run().alerts == []
