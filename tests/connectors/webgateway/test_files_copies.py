"""A log that is copied and then truncated is given once, wherever in the reader's look at the disk each step of the copying falls."""

import os
import subprocess
import tempfile
import threading
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.webgateway.files_place import dumped, loaded
from connectors.webgateway.files_tail import Limits, Tail
from connectors.webgateway.files_text import PlainText

LIMITS = Limits(chunk_bytes=4096, max_files=100, forget_secs=1e9, last_line_secs=1e12)
NOW_MS = 4_000_000_000_000


class Copier:
    """Writes a log, copies it piece by piece and truncates it; one small step at a time.

    Args:
        folder: Where.
        lines: How many lines are written before each copy.
        late: How many are written between the copy and the truncation; whoever has not read them by then never will.
        piece_bytes: How much is copied at a time.
        name: What the copy is called.
    """

    def __init__(self, folder, *, lines, late=0, piece_bytes=700, name="access.log.{}"):
        self.folder = folder
        self.log = folder / "access.log"
        self.written = 0
        self.lost = set()
        self._steps = self._rotations(lines, late, piece_bytes, name)

    def step(self):
        return next(self._steps, "over") != "over"

    def _write(self, count):
        with self.log.open("a") as log:
            for _ in range(count):
                log.write(f"{self.written} {'x' * (60 + self.written * 7919 % 90)}\n")
                self.written += 1

    def _rotations(self, lines, late, piece_bytes, name):
        for turn in range(3):
            self._write(lines)
            yield
            with self.log.open("rb") as source, (self.folder / name.format(turn)).open("wb", buffering=0) as copy:
                yield
                while piece := source.read(piece_bytes):
                    copy.write(piece)
                    yield
            if late:
                self.lost.update(range(self.written, self.written + late))
                self._write(late)
                yield
            with self.log.open("wb"):
                pass
            yield
        self._write(2)


class Interrupted(PlainText):
    """A log file at every look into which something else may happen first."""

    def __init__(self, path, opened, between):
        super().__init__(path, opened)
        self._between = between

    def stamp(self):
        self._between()
        return super().stamp()

    def read(self, offset, size):
        self._between()
        return super().read(offset, size)


class Patterns(list):
    """Globs, before each listing of which something else may happen first."""

    between = None

    def __iter__(self):
        if self.between is not None:
            self.between()
        return super().__iter__()


class Reader:
    """Follows the logs of a folder, interrupted after as many looks at the disk as `pauses` says by a step of the copier."""

    def __init__(self, copier, pauses):
        self.copier = copier
        self._pauses = iter(pauses)
        self._left = next(self._pauses, 1)
        self.given = []
        self.committed = "", 0
        self.tail = self._opened([])

    def _opened(self, places):
        patterns = Patterns([f"{self.copier.folder}/access.log*"])
        patterns.between = self._between
        return Tail(patterns, places, LIMITS, lambda *_: None, lambda: NOW_MS, opens=self._open)

    def _open(self, path):
        self._between()
        opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return Interrupted(path, opened, self._between)

    def _between(self):
        self._left -= 1
        while self._left < 0:
            self.copier.step()
            self._left += next(self._pauses, 1) + 1

    def poll(self):
        self.tail.scan()
        while pieces := self.tail.read():
            lines = (line for piece in pieces for line in piece.lines.splitlines())
            self.given += [int(line.split()[0]) for line in lines if line[:1].isdigit()]
            self.committed = dumped(self.tail.places()), len(self.given)

    def die(self):
        self.tail.close()
        text, count = self.committed
        del self.given[count:]
        self.tail = self._opened(loaded(text))

    def follow_to_the_end(self, dies_every):
        turn = 0
        while self.copier.step() and turn < 500:
            turn += 1
            self.poll()
            if dies_every and turn % dies_every == 0:
                self.die()
        for _ in range(3):
            self.poll()
        self.tail.close()

    def wrong(self):
        """What is lost, and what came twice."""
        given, due = Counter(self.given), Counter(set(range(self.copier.written)) - self.copier.lost)
        twice = given - Counter(set(range(self.copier.written)))
        return sorted((due - given).elements()), sorted(twice.elements())


PAUSES = st.lists(st.integers(0, 12), max_size=60)
LATE = st.sampled_from([0, 0, 3, 40])
PIECES = st.sampled_from([100, 1000, 5000, 1 << 20])


def followed(pauses, dies_every=0, **how):
    with tempfile.TemporaryDirectory() as folder:
        reader = Reader(Copier(Path(folder), **how), pauses)
        reader.follow_to_the_end(dies_every)
        return reader.wrong()


@settings(max_examples=200, deadline=None)
@given(PAUSES, st.sampled_from([3, 10, 40, 300]), LATE, PIECES)
@example([7, 6, 12, 3, 2], 40, 3, 100)
def test_a_copy_in_the_making_is_never_read_beside_its_log(pauses, lines, late, piece_bytes):
    """Whichever look of the reader a step of the copying or the truncation comes before, each line is given once."""
    assert followed(pauses, lines=lines, late=late, piece_bytes=piece_bytes) == ([], [])


@settings(max_examples=100, deadline=None)
@given(PAUSES, st.sampled_from([3, 10, 40, 300]), LATE, PIECES, st.integers(1, 4))
def test_a_copy_in_the_making_is_known_after_a_death(pauses, lines, late, piece_bytes, dies_every):
    """So it is where the reader dies again and again."""
    assert followed(pauses, dies_every, lines=lines, late=late, piece_bytes=piece_bytes) == ([], [])


def test_logs_that_hold_the_same_count_once_until_they_part(tmp_path):
    """Two hosts' logs that are equal so far are a log and its copy; what either has behind that is read, and once they part each is a log."""
    both = "".join(f"{number} on both {'x' * 30}\n" for number in range(40))
    logs = [tmp_path / f"access.log.{host}" for host in "ab"]
    empty = tmp_path / "access.log.empty"
    for log in logs:
        log.write_text(both)
    empty.touch()
    reader = Reader(Copier(tmp_path, lines=0), [10**9])
    reader.poll()
    assert sorted(reader.given) == list(range(40))
    reader.die()
    with logs[0].open("a") as log:
        log.write("40 on one\n")
    reader.poll()
    assert sorted(reader.given) == list(range(41))
    empty.write_text("42 in what was empty\n")
    with logs[1].open("a") as log:
        log.write("41 on the other\n")
    reader.poll()
    reader.die()
    reader.poll()
    reader.tail.close()
    assert Counter(reader.given) == Counter([*range(40), 40, *range(40), 41, 42])


def test_copies_truncated_under_load_double_nothing(tmp_path):
    """With a real cp and a reader at full speed beside it, rotation after rotation, each line is given once."""
    reader = Reader(Copier(tmp_path, lines=0), [10**9])
    over = threading.Event()
    turns, lines = 40, 400

    def rotate():
        try:
            for turn in range(turns):
                reader.copier.written, begin = (turn + 1) * lines, turn * lines
                text = "".join(f"{number} {'x' * (number * 7919 % 200)}\n" for number in range(begin, begin + lines))
                for half in (text[:20_000], text[20_000:]):
                    with reader.copier.log.open("a") as log:
                        log.write(half)
                subprocess.run(["cp", reader.copier.log, tmp_path / f"access.log.{turn}"], check=True)
                os.truncate(reader.copier.log, 0)
        finally:
            over.set()

    rotating = threading.Thread(target=rotate)
    rotating.start()
    turn = 0
    while not over.is_set():
        turn += 1
        reader.poll()
        if turn % 7 == 0:
            reader.die()
    rotating.join()
    for _ in range(3):
        reader.poll()
    reader.tail.close()
    assert reader.copier.written == turns * lines
    assert reader.wrong() == ([], [])


BANNER = "time user url and so on\n"


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("banner", [BANNER, "\n"])
def test_a_log_that_begins_as_one_that_is_gone_is_no_copy_of_it(tmp_path, banner, restarted):
    """Logs that are replaced, with no copy kept, may begin with one banner and be shorter each day: each is read."""
    reader = Reader(Copier(tmp_path, lines=0), [10**9])
    fresh = tmp_path / "fresh.tmp"
    for day in range(5):
        fresh.write_text(banner + "".join(f"{100 * day + number} {'y' * 9}\n" for number in range(8 - day)))
        fresh.rename(reader.copier.log)
        for _ in range(2):
            reader.poll()
        if restarted:
            reader.die()
    reader.tail.close()
    wanted = [100 * day + number for day in range(5) for number in range(8 - day)]
    assert reader.given == wanted
