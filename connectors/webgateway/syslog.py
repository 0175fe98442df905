"""Takes log lines that gateways send by syslog, gives them as records; reads on only as far as what came before is being committed.

Syslog has no answer by which a sender would know what arrived: what stands in a kernel's buffers when the stream stops is lost, and so is
what a sender drops while nobody reads. What was read and not committed is counted then; after an error of Kafka the task goes on with it, but one
that was stopped, moved or failed cannot. A connection whose sender has ended it is closed by us once all that it sent is committed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pydantic import Field

from wellhead import Batch, Cursor, PermanentError, Reject, SourceTask, in_thread

if TYPE_CHECKING:  # an idle worker should hold neither pyarrow nor a listener
    from connectors.webgateway.syslog_inbox import Arrived, Inbox
    from connectors.webgateway.syslog_listener import Door, Listener

HEARTBEAT_SECS = 30.0
_BATCH_BYTES = 4 << 20
# How long a stop waits for the commit of what was taken: many times what a commit takes.
_SETTLE_SECS = 1.0
_KEPT = ("syslog.host", "syslog.app")
_WHY_DROPPED = {
    "no_room": "datagrams found no room: raise syslog_bytes_per_sender or syslog_waiting_max_bytes, or send by TCP",
    "sender_not_allowed": "came from addresses that syslog_senders does not hold",
    "too_many_connections": "connections were refused: raise syslog_connections_max",
    "too_many_of_one_sender": "connections were refused: raise syslog_connections_per_sender",
    "stopped": "had been read ahead when the stream stopped, and found no room: they are lost",
    "connection_lost": "connections broke",
    "kernel_buffer": "datagrams were dropped by the kernel, as they came faster than they were read: raise net.core.rmem_max (8 MiB are "
    "asked for), or send by TCP",
    "connection_idle": "connections were closed because nothing came for syslog_idle_secs",
}
Told = tuple[tuple[str, str], ...]


class SyslogCursor(Cursor):
    """How much was received."""

    received: int = Field(
        default=0, ge=0, description="How many pieces of received messages were published since the stream began."
    )


class SyslogTask(SourceTask[Any, SyslogCursor]):
    """Listens while it is polled."""

    outlives_rollback = True  # the inbox gives again what was not committed, and no sender would
    _inbox: Inbox | None = None
    _header_told = False

    async def poll(self, cursor: SyslogCursor | None) -> AsyncIterator[Batch[SyslogCursor]]:
        """Yield a batch whenever messages have come, an empty one when none came for a while; never ends by itself."""
        from connectors.webgateway.syslog_listener import Listener  # noqa: PLC0415

        cursor = cursor or SyslogCursor()
        told: Counter[str] = Counter()
        door = await in_thread(self._door)
        inbox = self._kept_inbox(cursor.received)
        try:
            async with Listener(inbox, door) as listener:
                try:
                    while True:
                        await self._arrival(inbox)
                        taken = inbox.take(_BATCH_BYTES, cursor.received + 1)
                        if taken:
                            cursor = SyslogCursor(received=cursor.received + 1)
                        self._tell_dropped(listener, told)
                        yield await in_thread(self._batch, taken, cursor)
                        del taken
                finally:
                    listener.deaf()
                    await self._settle(inbox, cursor.received)
                    self._tell_dropped(listener, told)
        finally:
            self._tell_left(inbox)

    async def committed(self, cursor: SyslogCursor) -> None:
        """Make room for what comes next."""
        if self._inbox is not None:
            self._inbox.settle(cursor.received)

    def _kept_inbox(self, received: int) -> Inbox:
        """Give the inbox, and in it what an earlier poll took and did not get committed."""
        from connectors.webgateway.syslog_inbox import Inbox  # noqa: PLC0415

        if self._inbox is None:
            self._inbox = Inbox(self.config.syslog_bytes_per_sender, self.config.syslog_waiting_max_bytes)
        self._inbox.give_back(received)
        return self._inbox

    def _tell_left(self, inbox: Inbox) -> None:
        if inbox.waiting:
            self.report(
                "syslog_waiting",
                f"{inbox.waiting:,} messages had come and were not published when the stream stopped. They are published "
                "when it goes on after an error of Kafka, and lost when the task was stopped, moved or failed. Where each line counts, have "
                "the gateway write files.",
                count=inbox.waiting,
            )

    def _door(self) -> Door:
        from connectors.webgateway.syslog_listener import Door, networks, tls_of  # noqa: PLC0415

        config = self.config
        tls = None
        if config.syslog_cert_file is not None:
            password = config.syslog_key_password
            secret = None if password is None else password.get_secret_value()
            tls = tls_of(config.syslog_cert_file, config.syslog_key_file, secret, config.syslog_client_ca_file)
        try:
            senders = networks(config.syslog_senders)
        except ValueError as error:
            raise PermanentError(f"syslog: the option syslog_senders holds no network: {error}") from None
        return Door(
            config.syslog_host,
            config.syslog_tcp_port,
            config.syslog_udp_port,
            tls,
            senders,
            config.syslog_connections_max,
            config.syslog_connections_per_sender,
            config.syslog_line_max_bytes,
            config.syslog_idle_secs,
        )

    async def _arrival(self, inbox: Inbox) -> None:
        """Return once something has come, or nothing has for a while."""
        waits = [asyncio.ensure_future(wait) for wait in (inbox.wait(), self.clock.sleep(HEARTBEAT_SECS))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _settle(self, inbox: Inbox, number: int) -> None:
        """Wait a moment for the commit of what was taken, so that its senders see their connections closed behind it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE_SECS):
                await inbox.settled_to(number)

    def _tell_dropped(self, listener: Listener, told: Counter[str]) -> None:
        listener.look()
        for reason, count in (listener.dropped - told).items():
            told[reason] += count
            self.report("syslog_dropped", f"{count:,} {_WHY_DROPPED[reason]}.", reason=reason, count=count)

    def _batch(self, taken: list[Arrived], cursor: SyslogCursor) -> Batch[SyslogCursor]:
        """Give the messages of several senders as one batch."""
        rejects: list[Reject] = []
        texts: dict[Told, list[bytes]] = {}
        headers = 0
        for arrived in taken:
            for frame in arrived.frames:
                if frame.flaw:
                    rejects.append(Reject(frame.raw, frame.flaw, cut=True))
                else:
                    headers += self._sort(frame.raw, arrived.sender, texts, rejects)
        left_out = {"header": headers} if headers else {}
        if not texts:
            return Batch([], cursor, rejects, left_out)
        table, refused, filtered = self._decoded({told: b"".join(lines) for told, lines in texts.items()})
        return Batch(table, cursor, [*rejects, *refused], {**left_out, **filtered})

    def _sort(self, raw: bytes, sender: str, texts: dict[Told, list[bytes]], rejects: list[Reject]) -> bool:
        """Put a message's line to those of its kind, or to the rejects; True for a header, which is left out."""
        from connectors.webgateway.decode import is_header  # noqa: PLC0415
        from connectors.webgateway.syslog_message import parse  # noqa: PLC0415

        try:
            message = parse(raw)
        except ValueError as error:
            rejects.append(Reject(raw, f"no syslog message: {error}"))
            return False
        if is_header(line := message.body.rstrip(b"\r\n")):
            self._tell_header(line.decode("utf-8", "replace"), sender)
            return True
        # What differs with every message stays out: it would part the lines into tables of one row.
        kept = {name: value for name, value in message.told.items() if name in _KEPT or not name.startswith("syslog.")}
        told = (*sorted(kept.items()), ("syslog.sender", sender))
        texts.setdefault(told, []).append(message.body.rstrip(b"\n") + b"\n")
        return False

    def _tell_header(self, header: str, sender: str) -> None:
        """Say once that a header came: which lines it is for nobody knows once the sender has connected anew, so none is followed."""
        if not self._header_told:
            self._header_told = True
            self.report(
                "syslog_header_ignored",
                "a header came as a message; headers are not followed by syslog, as no sender sends its header again. Set the option "
                "`header` to it, for all lines, and redrive those that were refused",
                header=header[:1_000],
                sender=sender,
            )

    def _decoded(self, texts: Mapping[Told, bytes]) -> tuple[Any, list[Reject], Mapping[str, int]]:
        """Give lines as records, what their messages told among the extensions."""
        from connectors.webgateway.text import decoded  # noqa: PLC0415

        header = (self.config.header or "").encode()
        found = decoded(self.config, [(header, lines, dict(told)) for told, lines in texts.items()])
        return found.table, found.rejects, found.filtered
