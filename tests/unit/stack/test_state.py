"""A background stack's state is believed only while its supervisor lives."""

import os
from pathlib import Path

from wellhead.stack.cache import try_lock
from wellhead.stack.health import health_of
from wellhead.stack.state import ServerState, StackState, StateFile

DEAD_PID = 2**22 + 1
STATE = StackState(
    pid=1,
    brokers=1,
    bootstrap_servers="127.0.0.1:1",
    registry_url=None,
    data_dir="/data",
    kept=True,
    servers=(ServerState("broker-1", DEAD_PID, "127.0.0.1:1", "/log"),),
)


def test_state_is_read_back_while_owned(tmp_path: Path):
    """What the supervisor wrote is what the other verbs read."""
    file = StateFile(tmp_path)
    lock = try_lock(file.lock_path)
    file.write(STATE)

    assert file.read() == STATE
    assert lock is not None
    lock.release()


def test_state_of_a_dead_supervisor_is_ignored(tmp_path: Path):
    """A state left by a killed supervisor names pids that may be anyone's by now."""
    file = StateFile(tmp_path)
    file.folder.mkdir()
    file.write(STATE)

    assert file.read() is None


def test_health_is_asked_not_assumed():
    """A pid that is gone is dead; one that lives without listening is silent."""
    silent = ServerState("broker-2", os.getpid(), "127.0.0.1:1", "/log")
    state = StackState(**{**vars(STATE), "servers": (*STATE.servers, silent)})

    assert [check.health for check in health_of(state)] == ["dead", "silent"]
