"""What a gateway writes to its logs is given once, whatever happens to the files and whenever the reader dies."""

import gzip
import os
import shutil
import tempfile
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.webgateway.files_place import dumped, loaded
from connectors.webgateway.files_tail import Limits, Tail

HOUR_SECS = 3600
NOW_MS = 4_000_000_000_000  # long after any file is written, so that nothing here is young
LONG_HEADER = "#time_stamp src_ip " + " ".join(f'"field_{number:03}"' for number in range(150)) + "\n"
LIMITS = Limits(chunk_bytes=4096, max_files=100, forget_secs=7 * 24 * HOUR_SECS, last_line_secs=1e12)


class Machine:
    """A folder of logs, whoever writes and rotates them, and a reader of them that keeps only committed places."""

    def __init__(self, folder, *, patterns=("access.log*",), limits=LIMITS, header=""):
        self.folder = Path(folder)
        self.log = self.folder / "access.log"
        self.limits = limits
        self.patterns = [str(self.folder / pattern) for pattern in patterns]
        self.told = []
        self.committed = "", 0
        self.given = []
        self.written = 0
        self.header = header
        self.tail = self._opened([])

    def _opened(self, places):
        return Tail(self.patterns, places, self.limits, lambda event, told: self.told.append((event, told)), lambda: NOW_MS)

    # The gateway

    def write(self, lines, *, rest=""):
        with self.log.open("a") as log:
            if not log.tell():
                log.write(self.header)
            for _ in range(lines):
                log.write(f"{self.written} {'x' * (self.written * 7919 % 90)} ü\n")
                self.written += 1
            log.write(rest)

    def archives(self):
        return sorted(self.folder.glob("access.log.*"), key=lambda path: int(path.name.split(".")[2]), reverse=True)

    def _shift(self):
        for path in self.archives():
            words = path.name.split(".")
            words[2] = str(int(words[2]) + 1)
            path.rename(path.with_name(".".join(words)))

    def rename(self):
        if self.log.exists():
            self._shift()
            self.log.rename(self.folder / "access.log.1")

    def copy(self):
        if self.log.exists():
            self._shift()
            shutil.copyfile(self.log, self.folder / "access.log.1")

    def truncate(self):
        os.truncate(self.log, 0)

    def compress(self):
        plain = [path for path in self.archives() if path.suffix != ".gz"]
        for path in plain[:1]:
            with path.open("rb") as source, gzip.open(f"{path}.gz", "wb") as target:
                shutil.copyfileobj(source, target)

    def delete_compressed(self):
        for path in self.archives():
            if path.suffix != ".gz" and Path(f"{path}.gz").exists():
                path.unlink()

    # The reader

    def read(self, most=10_000):
        self.tail.scan()
        while most and (pieces := self.tail.read()):
            self.given += [line for piece in pieces for line in piece.lines.splitlines()]
            self.committed = dumped(self.tail.places()), len(self.given)
            most -= 1

    def die(self, *, in_the_middle=False):
        if in_the_middle:
            self.tail.scan()
            self.tail.read()  # polled, not committed
        self.tail.close()
        text, count = self.committed
        del self.given[count:]
        self.tail = self._opened(loaded(text))

    def settle(self):
        for _ in range(3):
            self.read()

    def numbers(self):
        return Counter(int(line.split()[0]) for line in self.given if not line.startswith(b"#"))

    def check(self):
        expected = Counter(range(self.written))
        numbers = self.numbers()
        assert not expected - numbers, f"lost: {sorted((expected - numbers).elements())[:5]}"
        assert not numbers - expected, f"twice: {sorted((numbers - expected).elements())[:5]}"


@pytest.fixture
def machine(tmp_path):
    made = Machine(tmp_path)
    yield made
    made.tail.close()


STEPS = {
    "write a little": lambda machine: machine.write(3),
    "write much": lambda machine: machine.write(120),
    "rename": Machine.rename,
    "copy and truncate": lambda machine: (machine.copy(), machine.log.exists() and machine.truncate()),
    "copy, read, truncate": lambda machine: (machine.copy(), machine.read(), machine.log.exists() and machine.truncate()),
    "copy, read a little, truncate": lambda machine: (
        machine.copy(),
        machine.read(1),
        machine.log.exists() and machine.truncate(),
    ),
    "compress": lambda machine: (machine.compress(), machine.delete_compressed()),
    "compress, read, delete": lambda machine: (machine.compress(), machine.read(), machine.delete_compressed()),
    "read": Machine.read,
    "read a little": lambda machine: machine.read(1),
    "die": Machine.die,
    "die in the middle": lambda machine: machine.die(in_the_middle=True),
}


@settings(max_examples=150)
@given(st.lists(st.sampled_from(sorted(STEPS)), min_size=4, max_size=24), st.sampled_from(["", LONG_HEADER]))
@example(
    ["write a little", "read", "rename", "write a little", "compress", "write a little", "rename", "compress"], LONG_HEADER
)
def test_nothing_is_lost_or_doubled_whatever_happens(steps, header):
    """Writing, every kind of rotation and dying in any order: each line is committed once, under a header of any length."""
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(folder, header=header)
        try:
            for step in steps:
                STEPS[step](machine)
            machine.settle()
            machine.check()
        finally:
            machine.tail.close()


def test_rotation_under_load_loses_and_doubles_nothing(machine):
    """While a gateway writes and its logs are rotated and compressed at the same time, a reader that dies again and again gives each line once."""
    over = threading.Event()

    def gateway():
        for turn in range(60):
            machine.write(400)
            machine.rename()
            machine.write(5)
            if turn % 3 == 2:
                machine.compress()
                machine.delete_compressed()
        over.set()

    writing = threading.Thread(target=gateway)
    writing.start()
    turn = 0
    while not over.is_set():
        turn += 1
        machine.read(turn % 7)
        if turn % 5 == 0:
            machine.die(in_the_middle=turn % 2 == 0)
    writing.join()
    machine.settle()
    machine.check()
    assert turn > 5


def test_a_rotated_file_that_no_pattern_matches_is_read_to_its_end(tmp_path):
    """Renamed, or copied and truncated, to a name outside the patterns while the reader was dead: the rest is found beside."""
    machine = Machine(tmp_path, patterns=("access.log",))
    machine.write(40)
    machine.read()
    for rotate in (Machine.rename, lambda made: (made.copy(), made.truncate())):
        machine.write(30)
        machine.tail.close()
        rotate(machine)
        machine.write(6)
        machine.die()
        machine.settle()
        machine.check()
    machine.tail.close()


def test_logs_of_one_header_are_as_many_logs(tmp_path):
    """Archives and logs that share nothing but a long header, written by hosts of one kind, are each read whole."""
    machine = Machine(tmp_path, patterns=("*",))
    for host in range(4):
        text = LONG_HEADER + "".join(f"{number} of {host}\n" for number in range(host * 50, host * 50 + 50))
        if host % 2:
            (tmp_path / f"{host}.log").write_text(text)
        else:
            (tmp_path / f"{host}.log.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "begun.log").write_text(LONG_HEADER)
    machine.written = 200
    machine.settle()
    machine.check()
    machine.die()
    with (tmp_path / "begun.log").open("a") as log:
        log.write("200 of another\n")
    machine.written = 201
    machine.settle()
    machine.check()
    machine.tail.close()


def test_one_archive_is_open_at_a_time(machine):
    """However many archives there are, one is unpacked at a time, beside the logs; what was read of them leaves nothing open."""
    for _ in range(6):
        machine.write(200)
        machine.rename()
        machine.compress()
        machine.delete_compressed()
    machine.write(200)
    archives = {str(path.resolve()) for path in machine.archives()}
    most = set()
    machine.tail.scan()
    while pieces := machine.tail.read():
        machine.given += [line for piece in pieces for line in piece.lines.splitlines()]
        most.add(len(archives & opened()))
        machine.tail.scan()
    assert max(most) == 1
    assert not archives & opened()
    machine.check()


def opened():
    """Give what this process has open."""
    held = set()
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            held.add(str(entry.readlink()))
    return held


def test_where_there_is_no_room_for_all_the_logs_written_last_are_read(tmp_path):
    """Of more files than `max_files` the oldest are left out, never the one that is written."""
    limits = Limits(chunk_bytes=4096, max_files=2, forget_secs=1e9, last_line_secs=1e12)
    machine = Machine(tmp_path, patterns=("*.log",), limits=limits)
    for number in range(4):
        log = tmp_path / f"{9 - number}.log"
        log.write_text(f"{number} {'x' * 50}\n")
        os.utime(log, (1_000 + number, 1_000 + number))
    machine.settle()
    assert set(machine.numbers()) == {2, 3}
    machine.tail.close()


def test_two_patterns_links_and_copies_are_one_file(tmp_path):
    """A file that two patterns match, or that has a link or a copy, is read once; so is a compressed copy beside it."""
    machine = Machine(tmp_path, patterns=("access.log*", "*.log", "**/link*"))
    machine.write(60)
    (tmp_path / "link.log").symlink_to(machine.log)
    os.link(machine.log, tmp_path / "link2.log")
    shutil.copyfile(machine.log, tmp_path / "access.log.9")
    (tmp_path / "access.log.8.gz").write_bytes(gzip.compress(machine.log.read_bytes()))
    machine.settle()
    machine.write(60)
    machine.settle()
    machine.die()
    machine.settle()
    machine.check()
    machine.tail.close()


def test_a_file_deleted_while_it_is_open_is_read_to_its_end(machine):
    """What a gateway wrote before its file was deleted is given, as long as the reader lives."""
    machine.write(40)
    machine.read()
    machine.write(40)
    machine.log.unlink()
    machine.settle()
    machine.check()


def test_the_hole_of_a_writer_that_ignores_truncation_is_no_line(machine):
    """A writer that goes on at its old offset leaves a hole of zeros in front; the lines behind it are read."""
    machine.write(200)
    machine.settle()
    size = machine.log.stat().st_size
    shutil.copyfile(machine.log, machine.folder / "access.log.1")
    machine.truncate()
    with machine.log.open("r+b") as log:
        log.seek(size)
        log.write(b"200 behind the hole\n")
    machine.written += 1
    machine.settle()
    machine.check()


def test_the_cursor_is_bounded(tmp_path):
    """Beyond `max_files` no more files are followed and that is said once; places of files that are gone make room, oldest first."""
    limits = Limits(chunk_bytes=4096, max_files=3, forget_secs=1e9, last_line_secs=1e12)
    machine = Machine(tmp_path, patterns=("*.log",), limits=limits)
    for number in range(5):
        (tmp_path / f"{number}.log").write_text(f"{number} {'x' * 50}\n")
    machine.settle()
    assert len(loaded(machine.committed[0])) == 3
    assert [event for event, _ in machine.told] == ["too_many_files"]
    for number in range(5):
        if f"{number} ".encode() in b"\n".join(machine.given):
            (tmp_path / f"{number}.log").unlink()
    machine.settle()
    machine.settle()
    machine.written = 5
    machine.check()
    assert len(loaded(machine.committed[0])) <= 3
    machine.tail.close()


@given(st.binary(max_size=300))
def test_a_cursor_is_a_list_of_files_or_an_error(raw):
    """Whatever somebody wrote into a cursor is read as places or refused as such, and nothing else happens."""
    try:
        places = loaded(raw.decode("latin-1"))
    except ValueError:
        return
    assert loaded(dumped(places)) == places
