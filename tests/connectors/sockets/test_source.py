"""Tests of the source on the machine it runs on, and on recordings: what it sees is what is there, and what it cannot see it says."""

import asyncio
import contextlib
import errno
import os
import socket
from pathlib import Path

import polars as pl
import psutil
import pytest

from connectors.sockets import netlink
from connectors.sockets.arrange import arranged
from connectors.sockets.options import SocketsConfig, SocketsCursor
from connectors.sockets.proc import decode
from connectors.sockets.simulator import DEMO, Settings, create
from connectors.sockets.snapshot import from_files
from connectors.sockets.source import connector
from wellhead import PermanentError
from wellhead.consumers.floods.detector import Detector
from wellhead.consumers.floods.limits import FloodLimits
from wellhead.testing.clock import FakeClock
from wellhead.testing.drive import Drained, Driver

ENDS = ["local_ip", "local_port", "remote_ip", "remote_port"]
TABLES = [path for path in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")) if path.exists()]
HOSTS = [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)]
TABLE = Path(__file__).parents[3] / "connectors" / "sockets" / "samples" / "tcp.log"


@pytest.fixture(params=HOSTS, ids=lambda host: host[0])
def pair(request):
    """One listening socket, and both ends of a connection to it on which five bytes went."""
    host, family = request.param
    with contextlib.ExitStack() as opened:
        try:
            server = opened.enter_context(socket.socket(family))
            server.bind((host, 0))
        except OSError as error:
            if error.errno not in {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}:
                raise
            pytest.skip(f"this machine has no {host}: {error.strerror}")
        server.listen()
        client = opened.enter_context(socket.create_connection(server.getsockname()[:2]))
        accepted = opened.enter_context(server.accept()[0])
        client.sendall(b"hello")
        assert accepted.recv(5) == b"hello"
        yield server, client, accepted


def ends(sock):
    return (*sock.getsockname()[:2], *sock.getpeername()[:2])


def from_proc():
    return pl.concat([decode(table.read_bytes())[0] for table in TABLES])


@pytest.mark.parametrize("look", [netlink.sockets, from_proc], ids=["netlink", "proc"])
def test_what_is_seen_is_what_another_eye_sees(pair, look):
    """Both readers see this process's connections with the states that psutil sees, IPv4 and IPv6."""
    server, client, accepted = pair
    accepted.shutdown(socket.SHUT_WR)
    assert client.recv(1) == b""
    mine = psutil.Process().net_connections("tcp")
    wanted = {(*each.laddr, *each.raddr): each.status for each in mine if each.raddr and each.laddr.port in ports(pair)}
    assert set(wanted) == {ends(client), ends(accepted)}
    found = look()
    seen = {row[:4]: row[4] for row in found.select(*ENDS, "state").rows()}
    assert seen[ends(client)] == wanted[ends(client)] == "CLOSE_WAIT"
    assert {seen[ends(accepted)], wanted[ends(accepted)]} <= {"FIN_WAIT1", "FIN_WAIT2"}  # until its end is acknowledged
    assert found.filter((pl.col("state") == "LISTEN") & (pl.col("local_port") == server.getsockname()[1])).height == 1


def ports(pair):
    return {each.getsockname()[1] for each in pair}


def test_the_kernel_tells_bytes_and_how_long_nothing_moved(pair):
    """Five bytes one way, none the other."""
    _, client, accepted = pair
    held = netlink.sockets()

    def of(sock):
        return held.filter(pl.concat_list(pl.col(ENDS).cast(pl.String)) == [str(each) for each in ends(sock)]).row(
            0, named=True
        )

    sent, received = of(client), of(accepted)
    assert (sent["bytes_sent"], sent["bytes_received"]) in {(5, 0), (6, 0)}  # the handshake may count for one
    assert received["bytes_received"] == 5
    assert 0 <= sent["idle_secs"] < 60


def test_direction_and_process_of_both_ends(pair):
    """To a port that is listened on: a client's; the other end was opened here. Both are this process's."""
    _, client, accepted = pair
    found = arranged(netlink.sockets(), SocketsConfig(), Path("/proc"))
    told = {row[:4]: row[4:] for row in found.select(*ENDS, "direction", "pid", "complete").rows()}
    assert told[ends(client)] == ("server", os.getpid(), True)
    assert told[ends(accepted)] == ("client", os.getpid(), True)


def test_a_process_that_may_not_be_seen_is_said(tmp_path):
    """Its connection is told, as not complete; with no processes wanted nothing is missing."""
    recorded(tmp_path / "1")
    found = asyncio.run(from_files(SocketsConfig(proc_root=f"{tmp_path}/{{sequence}}"), 1)).frame
    assert found.height > 1
    assert not found["complete"].any()
    config = SocketsConfig(proc_root=f"{tmp_path}/{{sequence}}", with_processes=False)
    assert asyncio.run(from_files(config, 1)).frame["complete"].all()


def recorded(root):
    (root / "net").mkdir(parents=True)
    (root / "net" / "tcp").write_bytes(TABLE.read_bytes())


def test_another_machines_proc_tells_its_own_network_and_not_ours(tmp_path):
    """There `net` leads to the reader's own network, which in a pod is the pod's: the first process's is read."""
    (tmp_path / "net").symlink_to("self/net")
    (tmp_path / "self" / "net").mkdir(parents=True)
    (tmp_path / "self" / "net" / "tcp").write_text("  sl  local_address\n")
    recorded(tmp_path / "1")
    assert asyncio.run(from_files(SocketsConfig(proc_root=str(tmp_path)), 1)).frame.height > 1


def test_no_tables_is_said_with_where(tmp_path):
    """And what to set."""
    with pytest.raises(PermanentError, match=r"/net/tcp does not exist. Set proc_root"):
        asyncio.run(from_files(SocketsConfig(proc_root=str(tmp_path)), 1))


def drained(options, cursor=None):
    """All that one poll of a recording gives, as records by snapshot."""
    config = connector.config.model_validate({"with_processes": False, **options})
    driver = Driver(connector, connector.streams_of(config)[0], config, FakeClock(1_795_000_000_000))
    return asyncio.run(driver.drain(cursor))


def test_whoever_begins_anew_begins_with_a_whole_snapshot():
    """Snapshots before the cursor are not told again, and the next one is whole, as nothing is known of before."""
    simulator = create(Settings(connections=30, snapshots=9))
    options = simulator.options("") | {"full_every": 100}
    whole = [set(step.table["change"].to_pylist()) for step in drained(options).steps]
    assert whole[0] == {"full"}
    assert not any("full" in changes for changes in whole[1:])
    again = drained(options, SocketsCursor(sequence=4)).steps
    assert [step.cursor.sequence for step in again] == [5, 6, 7, 8, 9]
    assert set(again[0].table["change"].to_pylist()) == {"full"}
    assert again[0].table.num_rows == len(simulator.present(5))


def test_a_flood_in_a_recording_is_found_and_nothing_else_is():
    """The source's records, told by what changed, go into the detector of floods as they are."""
    simulator = create(Settings(**DEMO.settings))
    detector = Detector("gateway-1", FloodLimits(established_max=100))
    found = [finding for step in drained(simulator.options("")).steps for finding in detector.take(step.table)]
    opened = [finding for finding in found if finding.kind == "opened"]
    assert {finding.family for finding in opened} == {"*.livepush.example"}
    began_ms = simulator.time_ms(simulator.settings.flood_at)
    assert all(finding.time_ms - began_ms <= 30_000 for finding in opened)


def test_fifty_thousand_connections_are_told():
    """None is left out on the way from the table to the records."""
    simulator = create(Settings(connections=50_000, snapshots=1))
    steps = drained(simulator.options("")).steps
    assert [step.table.num_rows for step in steps] == [50_000]


async def stepped(batches, clock):
    """The next batch, with the time going on meanwhile."""
    step = asyncio.ensure_future(anext(batches))
    while not (await asyncio.wait({step}, timeout=0.01))[0]:
        clock.advance(0.1)
    return step.result()


def test_a_live_look_ends_when_it_is_told_to():
    """The stream of a running machine has no end of its own; closing it leaves no thread and no file."""

    async def look():
        config = connector.config.model_validate({"interval_secs": 0.1})
        clock = FakeClock(1_795_000_000_000)
        driver = Driver(connector, connector.streams_of(config)[0], config, clock)
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names alone
        async with driver.task(Drained()) as task, contextlib.aclosing(task.poll(None)) as batches:
            seen = [await stepped(batches, clock) for _ in range(3)]
        return before, len(os.listdir("/proc/self/fd")), [batch.cursor.sequence for batch in seen]  # noqa: PTH208

    before, after, numbers = asyncio.run(look())
    assert numbers == [1, 2, 3]
    assert after <= before
