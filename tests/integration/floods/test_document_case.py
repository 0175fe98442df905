"""A live ticker's streams through a proxy whose filter waits for the end of what never ends: the clients go, their upstream legs stay."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import polars as pl

from connectors.sockets.arrange import arranged
from connectors.sockets.netlink import sockets
from connectors.sockets.options import SocketsConfig
from tests.site.flooded import START_MS, ordinary, records, snapshot
from wellhead.consumers.floods.detector import Detector
from wellhead.consumers.floods.findings import Finding
from wellhead.consumers.floods.limits import FloodLimits

STREAMS = 120
PROXY = "127.0.0.2"
ORIGINS = {"127.0.0.3": "p1.ticker.example", "127.0.0.4": "p2.ticker.example", "127.0.0.5": "p3.ticker.example"}
DEADLINE_SECS = 60
STEP_MS = 10_000


class Proxy:
    """Takes a destination's address as a first line, gives what comes from there; two legs that know each other only if `watches`."""

    def __init__(self, origin_port: int, *, watches: bool) -> None:
        self._origin_port = origin_port
        self._watches = watches

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream: asyncio.StreamWriter | None = None
        try:
            address = (await reader.readline()).decode().strip()
            body, upstream = await asyncio.open_connection(address, self._origin_port, local_addr=(PROXY, 0))
            ended = asyncio.create_task(reader.read()) if self._watches else None
            received = asyncio.create_task(self._filter(body, writer))
            await asyncio.wait({received, ended} if ended else {received}, return_when=asyncio.FIRST_COMPLETED)
            await _cancel(received, ended)
        finally:
            for each in (writer, upstream):
                if each is not None:
                    each.close()

    async def _filter(self, body: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read until the body ends; what is held for scanning is told on only in sign of life."""
        while await body.read(4096):
            if not writer.is_closing():
                writer.write(b".")


async def _cancel(*tasks: asyncio.Task[Any] | None) -> None:
    for task in tasks:
        if task is not None:
            task.cancel()
    await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)


class Rig:
    """The ticker's servers, the proxy, and its clients, in one loop."""

    def __init__(self, hosts: Path) -> None:
        hosts.write_text("".join(f"{address} {name}\n" for address, name in ORIGINS.items()))
        self._hosts = hosts
        self.clients: list[asyncio.StreamWriter] = []
        self.proxy_port = 0
        self._tasks: set[asyncio.Task[Any]] = set()

    @classmethod
    @asynccontextmanager
    async def running(cls, hosts: Path, *, watches: bool) -> AsyncIterator[Rig]:
        rig = cls(hosts)
        origins = [await asyncio.start_server(rig._kept(rig._push), next(iter(ORIGINS)), 0)]
        port = origins[0].sockets[0].getsockname()[1]
        origins += [await asyncio.start_server(rig._kept(rig._push), address, port) for address in list(ORIGINS)[1:]]
        proxy = await asyncio.start_server(rig._kept(Proxy(port, watches=watches).serve), PROXY, 0, backlog=STREAMS)
        rig.proxy_port = proxy.sockets[0].getsockname()[1]
        try:
            yield rig
        finally:
            for server in (*origins, proxy):
                server.close()
            await _cancel(*rig._tasks)
            await rig.leave()

    def _kept(self, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]) -> Callable[..., None]:
        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._tasks.add(asyncio.ensure_future(serve(reader, writer)))

        return begin

    async def _push(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Say something once, and nothing more, for ever, as long as the other side is there."""
        try:
            writer.write(b": welcome\n\n")
            await reader.read()
        finally:
            writer.close()

    async def browse(self, streams: int) -> None:
        addresses = list(ORIGINS)
        for number in range(streams):
            _, writer = await asyncio.open_connection(PROXY, self.proxy_port)
            writer.write(f"{addresses[number % len(addresses)]}\n".encode())
            self.clients.append(writer)

    async def leave(self) -> None:
        for writer in self.clients:
            writer.transport.abort()
        await asyncio.sleep(0)
        self.clients.clear()

    def legs(self) -> list[dict[str, Any]]:
        """What the source of sockets sees of the proxy's connections now."""
        seen = arranged(sockets(), SocketsConfig(hosts_file=self._hosts), Path("/proc"))
        legs = seen.filter((pl.col("local_ip") == PROXY) & (pl.col("direction") != "unknown"))
        # Of one process as of many: the kernel knows only that they are this one's.
        return [{**leg, "process": "proxy"} for leg in legs.to_dicts()]

    async def until(self, upstream: int, clients: int) -> None:
        """Wait until the proxy has so many established legs of each kind."""
        until_secs = time.monotonic() + DEADLINE_SECS
        while (counted := self.established()) != (upstream, clients):
            assert time.monotonic() < until_secs, f"{counted} legs of {upstream}, {clients}"
            await asyncio.sleep(0.05)

    def established(self) -> tuple[int, int]:
        found = [leg["direction"] for leg in self.legs() if leg["state"] == "ESTABLISHED"]
        return found.count("server"), found.count("client")


async def _case(hosts: Path, *, watches: bool) -> tuple[list[Finding], int]:
    """Play the case; give the findings of it beside 10,000 connections of ordinary use, and the time of the last with clients."""
    calm = ordinary(10_000)
    detector = Detector("proxy-1", FloodLimits())
    told: list[Finding] = []
    async with Rig.running(hosts, watches=watches) as rig:
        told += detector.take(records(snapshot([*calm, *rig.legs()], START_MS, 0)))
        await rig.browse(STREAMS)
        await rig.until(STREAMS, STREAMS)
        told += detector.take(records(snapshot([*calm, *rig.legs()], START_MS + STEP_MS, 1)))
        await rig.leave()
        await rig.until(0 if watches else STREAMS, 0)
        for number in (2, 3, 4):
            told += detector.take(records(snapshot([*calm, *rig.legs()], START_MS + number * STEP_MS, number)))
        told += detector.tick(START_MS + 5 * STEP_MS)
    return told, START_MS + STEP_MS


def test_upstream_legs_left_open_are_found_within_half_a_minute(tmp_path):
    """The clients are killed, the server legs stay: found within 30 s of it by the records' time, under the right family, and nothing else is."""
    told, left_ms = asyncio.run(_case(tmp_path / "hosts", watches=False))
    assert [(one.kind, one.detector, one.family) for one in told] == [("opened", "orphaned", "*.ticker.example")]
    assert told[0].time_ms - left_ms <= 30_000
    assert told[0].count == STREAMS
    assert set(told[0].members) >= set(ORIGINS.values())
    assert (told[0].suggestion.action, told[0].suggestion.entry) == ("bypass", "*.ticker.example")


def test_a_proxy_that_ends_both_legs_gives_nothing_to_find(tmp_path):
    """The same streams and the same clients killed, through a proxy that sees them go: no finding at all."""
    told, _ = asyncio.run(_case(tmp_path / "hosts", watches=True))
    assert told == []
