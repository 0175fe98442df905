"""Tests of whose sockets they are: what a process holds is told under its own name or not at all."""

from pathlib import Path

import pytest

from connectors.sockets import owners


@pytest.fixture
def machine(tmp_path):
    """A /proc whose processes hold sockets."""

    def process(pid, name, *inodes):
        folder = tmp_path / str(pid) / "fd"
        folder.mkdir(parents=True, exist_ok=True)
        (tmp_path / str(pid) / "comm").write_text(f"{name}\n")
        for number, inode in enumerate(inodes):
            (folder / str(number)).symlink_to(f"socket:[{inode}]")
        (folder / "99").symlink_to("/dev/null")

    process.root = tmp_path
    return process


def told(machine):
    return {inode: (pid, name) for inode, pid, name in owners.owners(machine.root).iter_rows()}


def test_each_socket_has_its_process(machine):
    """Of several that hold one the lowest pid; those without sockets are not asked their name."""
    machine(7, "squid", 100, 101)
    machine(30, "helper", 101, 102)
    machine(31, "shell")
    (machine.root / "31/comm").unlink()
    assert told(machine) == {100: (7, "squid"), 101: (7, "squid"), 102: (30, "helper")}


def test_a_pid_that_another_process_has_by_now_gives_no_name(machine, monkeypatch):
    """The sockets were of the one that ended; the name that is found is of the one that came."""
    machine(7, "squid", 100)
    machine(8, "other", 200)
    read = Path.read_text

    def reused(path, *words):
        if path.parent.name == "7":
            (path.parent / "fd/0").unlink()
            (path.parent / "fd/0").symlink_to("socket:[300]")
            return "sshd\n"
        return read(path, *words)

    monkeypatch.setattr(Path, "read_text", reused)
    assert told(machine) == {200: (8, "other")}


def test_one_that_closes_a_socket_keeps_its_others(machine, monkeypatch):
    """A process lives on while its connections come and go."""
    machine(7, "squid", 100, 101)
    read = Path.read_text

    def closes_one(path, *words):
        (path.parent / "fd/0").unlink()
        return read(path, *words)

    monkeypatch.setattr(Path, "read_text", closes_one)
    assert told(machine) == {100: (7, "squid"), 101: (7, "squid")}
