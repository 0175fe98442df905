"""No server outlives the process that owns it."""

import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest

from wellhead.stack.spawn import Child, spawn

OWNER = """
    import threading
    from wellhead.stack import Stack

    def own():
        stack = Stack.start()
        print(*(process.pid for process in stack.processes), flush=True)
        threading.Event().wait()

    {call}
"""
FROM_MAIN_THREAD = "own()"
FROM_OTHER_THREAD = "worker = threading.Thread(target=own); worker.start(); worker.join()"


def assert_gone(pids: list[int], within_secs: float = 10) -> None:
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], within_secs)
    assert alive == []


@pytest.mark.parametrize("call", [FROM_MAIN_THREAD, FROM_OTHER_THREAD])
def test_sigkill_of_the_owner_ends_the_servers(call: str):
    """The owner is killed with SIGKILL, so no code of ours can run: the kernel ends the servers."""
    program = textwrap.dedent(OWNER).format(call=call)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pids = [int(word) for word in owner.stdout.readline().split()]
        assert [psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids] == [True, True]
        owner.kill()

    assert_gone(pids)


BESIDE = """
    import threading
    from wellhead.stack import RedisServer, SearchServer

    servers = RedisServer(), SearchServer("opensearch")
    for server in servers:
        server.start()
    print(*(server.pid for server in servers), flush=True)
    threading.Event().wait()
"""


def test_sigkill_of_the_owner_ends_redis_and_search_stores():
    """What stands beside the brokers dies with its owner too."""
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(BESIDE)], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pids = [int(word) for word in owner.stdout.readline().split()]
        assert [psutil.Process(pid).name() for pid in pids] == ["redis-server", "java"]
        owner.kill()

    assert_gone(pids)


def sleeper(folder: Path, *, kernel_watches: bool) -> Child:
    with (folder / "log").open("ab") as log:
        return spawn(["/bin/sleep", "60"], cwd=folder, output=log, kernel_watches=kernel_watches)


def end(child: Child) -> None:
    child.process.kill()
    child.process.wait(10)
    child.close()


def test_server_outlives_the_thread_that_started_it(tmp_path: Path):
    """Linux ends a child with the *thread* that started it: a short-lived thread must not be that one."""
    children: list[Child] = []

    def start() -> None:
        children.append(sleeper(tmp_path, kernel_watches=True))
        # Once the program runs the launcher has asked the kernel for the signal.
        give_up = time.monotonic() + 10
        while psutil.Process(children[0].process.pid).name() != "sleep":
            assert time.monotonic() < give_up
            time.sleep(0.02)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()

    with pytest.raises(subprocess.TimeoutExpired):
        children[0].process.wait(1)
    end(children[0])


def test_watcher_ends_the_program_where_the_kernel_does_not(tmp_path: Path):
    """On systems without a parent-death signal the owner's SIGKILL ends the program too, and the watcher with it."""
    program = f"""
        import pathlib, threading
        from wellhead.stack.spawn import spawn
        with open({str(tmp_path / "log")!r}, "ab") as log:
            child = spawn(["/bin/sleep", "60"], cwd=pathlib.Path("/"), output=log, kernel_watches=False)
        print(child.process.pid, flush=True)
        threading.Event().wait()
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        watchers = wait_children(pid)
        owner.kill()

    assert_gone([pid, *watchers])


def test_watcher_leaves_with_its_program(tmp_path: Path):
    """A program that ends by itself takes its watcher along."""
    child = sleeper(tmp_path, kernel_watches=False)
    watchers = wait_children(child.process.pid)

    end(child)

    assert_gone(watchers)


def wait_children(pid: int) -> list[int]:
    give_up = time.monotonic() + 10
    while not (found := [child.pid for child in psutil.Process(pid).children()]):
        assert time.monotonic() < give_up
        time.sleep(0.02)
    return found
