"""Tests of giving files to a target: when, how, and what is believed afterwards."""

import hashlib

import pytest

from wellhead.consumers.lookup.deliver import Delivery
from wellhead.errors import TemporaryError
from wellhead.targets import LookupFile
from wellhead.testing.clock import FakeClock

NAME = "x.csv"


class CrashError(Exception):
    """The process dies here."""


class Notes(dict):
    """Notes in memory."""

    def note(self, name):
        return self.get(name)

    def write_note(self, name, value):
        self[name] = value


@pytest.fixture
def scene(tmp_path, known):
    sent = tmp_path / "sent"
    sent.mkdir()

    class Scene:
        def __init__(self):
            self.target, self.notes, self.ratio, self.step = known.PatchingTarget(), Notes(), 0.5, lambda _: None
            self.folder = sent

        def file(self, **rows):
            text = '"k","v"\n' + "".join(f'"{key}","{value}"\n' for key, value in sorted(rows.items()))
            path = tmp_path / NAME
            path.unlink(missing_ok=True)
            path.write_text(text)
            digest = hashlib.sha256(text.encode()).hexdigest()
            return LookupFile(NAME, path, len(rows), len(text.encode()), digest, ("k",))

        def made(self):
            return Delivery(self.target, self.notes, sent, clock=FakeClock(), delta_ratio=self.ratio, step=self.step)

        def look(self):
            return self.made().look(NAME)

        def deliver(self, found=None, **rows):
            return self.made().deliver(self.file(**rows), found or self.look())

        def there(self):
            return {row["k"]: row["v"] for row in self.target.rows(NAME)}

    return Scene()


def test_a_first_delivery_is_whole(scene):
    """The target has nothing yet, so it gets the file."""
    outcome = scene.deliver(a="1")
    assert (outcome.how, outcome.why, outcome.rows) == ("whole", "never delivered", 1)
    assert scene.there() == {"a": "1"}


def test_the_same_file_is_not_sent_again(scene):
    """A run without changes costs the target one look."""
    scene.deliver(a="1")
    scene.target.calls.clear()
    assert scene.deliver(a="1").how == "nothing"
    assert scene.target.calls == [f"size {NAME}"]


def test_few_changed_rows_go_alone(scene):
    """Rows that are new or other are sent as rows where the target takes them."""
    scene.deliver(a="1", b="1", c="1", d="1")
    outcome = scene.deliver(a="1", b="2", c="1", d="1", e="1")
    assert (outcome.how, outcome.rows) == ("rows", 2)
    assert scene.there() == {"a": "1", "b": "2", "c": "1", "d": "1", "e": "1"}
    assert scene.deliver(a="3", b="2", c="1", d="1", e="1").how == "rows"
    assert scene.there()["a"] == "3"


@pytest.mark.parametrize(
    ("rows", "why"), [({"a": "1"}, "a row has gone"), ({"a": "2", "b": "2", "c": "2", "d": "2"}, "too many changes")]
)
def test_a_removed_row_or_many_changes_mean_the_whole_file(scene, rows, why):
    """Rows cannot be deleted one by one, and many are dearer than a file."""
    scene.deliver(a="1", b="1", c="1", d="1")
    assert scene.deliver(**rows).how == "whole", why
    assert scene.there() == rows


def test_a_target_that_takes_no_rows_gets_files(scene, known):
    """Nothing is tried that the target cannot do, and no copies are kept for it."""
    scene.target = known.FakeTarget()
    scene.deliver(a="1", b="1")
    assert scene.deliver(a="1", b="2").how == "whole"
    assert not [call for call in scene.target.calls if call.startswith("patch")]


def test_rows_may_be_switched_off(scene):
    """`delivery.delta: false` sends whole files."""
    scene.ratio = None
    scene.deliver(a="1", b="1", c="1")
    assert scene.deliver(a="1", b="2", c="1").how == "whole"


def test_a_missing_file_is_put_again(scene):
    """Somebody deleted it at the target; the state still has it all."""
    scene.deliver(a="1", b="1")
    scene.target.files.clear()
    outcome = scene.deliver(a="1", b="1")
    assert (outcome.how, outcome.why) == ("whole", "missing at the target")
    assert scene.there() == {"a": "1", "b": "1"}


def test_a_file_that_somebody_changed_is_put_again(scene):
    """Another size than at the last look is another file."""
    scene.deliver(a="1", b="1")
    scene.deliver(a="1", b="1")
    scene.target.files[NAME] = b'"k","v"\n'
    outcome = scene.deliver(a="1", b="1")
    assert (outcome.how, scene.there()) == ("whole", {"a": "1", "b": "1"})
    assert "somebody else" in outcome.why


def test_an_error_moves_no_cursor(scene, known):
    """What the target did not say yes to is not delivered, and the next run sends all of it."""
    scene.deliver(a="1", b="1", c="1")
    scene.target.failing = known.away()
    with pytest.raises(TemporaryError):
        scene.deliver(a="2", b="1", c="1")
    assert scene.notes[f"delivered:{NAME}"]["under_way"]
    scene.target.failing = None
    # Meanwhile the row is as before: whether the target took the other one cannot be known.
    outcome = scene.deliver(a="1", b="1", c="1")
    assert (outcome.how, outcome.why) == ("whole", "the last delivery did not end")


def test_what_somebody_changes_right_after_a_delivery_is_noticed(scene):
    """The size there is known from the delivery on, not from the next look, which may already be at another file."""
    scene.deliver(a="1", b="1")
    scene.target.files[NAME] = b'"k","v"\n'
    outcome = scene.deliver(a="1", b="1")
    assert (outcome.how, scene.there()) == ("whole", {"a": "1", "b": "1"})


def test_a_yes_is_a_yes_though_the_target_cannot_be_looked_at_after_it(scene, known):
    """A look that fails, or shows another size, right after the yes is left to the next run."""
    for size_of in (lambda _: (_ for _ in ()).throw(known.away()), lambda _: 3):
        scene.target.files.clear()
        scene.notes.clear()
        found = scene.look()
        there, scene.target.size_of = scene.target.size_of, size_of
        scene.deliver(found, a="1")
        scene.target.size_of = there
        assert scene.deliver(a="1").how == "nothing"


def test_a_copy_that_cannot_be_kept_costs_no_delivery(scene):
    """Where the disk takes no copy the delivery counts all the same; the next one is whole."""
    scene.folder.rmdir()
    scene.folder.write_text("no folder")
    assert scene.deliver(a="1", b="1", c="1").how == "whole"
    assert scene.deliver(a="1", b="1", c="1").how == "nothing"
    assert scene.deliver(a="2", b="1", c="1").how == "whole"


@pytest.mark.parametrize("at", ["delivery_begun", "target_said_yes", "delivery_noted", "copy_kept"])
@pytest.mark.parametrize("rows", [{"a": "2", "b": "1", "c": "1"}, {"a": "1"}])
def test_a_crash_anywhere_ends_with_the_right_file(scene, at, rows):
    """After a kill between any two steps the next run leaves the target with exactly the file, even if rows came back meanwhile."""
    scene.deliver(a="1", b="1", c="1")

    def crash(name):
        if name == at:
            raise CrashError

    scene.step = crash
    with pytest.raises(CrashError):
        scene.deliver(**rows)
    scene.step = lambda _: None
    scene.deliver(a="1", b="1", c="1")
    assert scene.there() == {"a": "1", "b": "1", "c": "1"}
    assert scene.deliver(a="1", b="1", c="1").how == "nothing"
