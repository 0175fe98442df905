"""The stream of syslog messages, over real sockets: what is published, what waits, and who is turned away."""

import asyncio
import socket
import ssl
from contextlib import suppress

import pytest
from certificates import Authority

from connectors.webgateway.syslog import SyslogCursor
from connectors.webgateway.syslog_inbox import Inbox
from connectors.webgateway.syslog_listener import Door, Listener
from wellhead import PermanentError, TemporaryError


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


async def connected(port, **options):
    """Connect once the stream listens."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", port, **options)
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)


async def closed(reader):
    """Return once the other side has closed the connection."""
    async with asyncio.timeout(60):
        try:
            assert await reader.read() == b""
        except ConnectionResetError:
            return


async def test_both_framings_and_what_the_headers_tell(syslog_bench):
    """Counted messages and lines, RFC 5424 and RFC 3164, come in order with host, application, sender and structured data."""
    port = free_port()
    async with syslog_bench.polling(syslog_tcp_port=port) as polled:
        _, writer = await connected(port)
        new = b'<134>1 2026-02-03T10:00:07Z gw-1 mwg 7 - [site@32473 name="north"] first'
        writer.write(b"%d %s" % (len(new), new) + b"<134>Feb  3 10:00:07 gw-2 squid: second\nthird\n<999>fourth\n")
        await writer.drain()
        await polled.until(lambda: len(polled.lines()) == 3 and polled.rejects())
        writer.close()
    rows = {row["line"]: dict(row["about"]) for batch in polled.batches for row in batch.table}
    sender = {"syslog.sender": "127.0.0.1"}
    assert rows[b"first"] == sender | {"syslog.host": "gw-1", "syslog.app": "mwg", "site@32473.name": "north"}
    assert rows[b"second"] == sender | {"syslog.host": "gw-2", "syslog.app": "squid"}
    assert rows[b"third"] == sender
    assert [reject.raw for reject in polled.rejects()] == [b"<999>fourth"]


async def test_nothing_is_read_ahead_of_the_commits(syslog_bench):
    """While nothing is committed a sender gets rid of no more than the bound and what kernels hold; once it is, all comes, once, in order."""
    port, count = free_port(), 40_000
    sent = b"".join(b"<34>%06d %s\n" % (number, b"x" * 400) for number in range(count))
    async with syslog_bench.polling(syslog_tcp_port=port, syslog_bytes_per_sender=65_536) as polled:
        polled.commits = False
        _, writer = await connected(port)
        writer.write(sent)
        sending = asyncio.create_task(writer.drain())
        await polled.until(lambda: sum(map(len, polled.lines())) >= 65_536 // 2)
        inbox = polled.task._inbox
        for _ in range(200):
            await asyncio.sleep(0.001)
            assert inbox.held_bytes <= 65_536 + 2 * 65_536  # one piece more, and what each message costs beside its bytes
        polled.commits = True
        await polled.task.committed(polled.batches[-1].cursor)
        await polled.until(lambda: len(polled.lines()) == count)
        await sending
        writer.close()
    assert [int(line.split()[0]) for line in polled.lines()] == list(range(count))


async def test_a_connection_is_closed_only_behind_the_commit(syslog_bench):
    """A sender that has said all sees its connection closed once that is committed, and not before."""
    port = free_port()
    async with syslog_bench.polling(syslog_tcp_port=port) as polled:
        polled.commits = False
        reader, writer = await connected(port)
        writer.write(b"<34>only\n")
        writer.write_eof()
        await polled.until(lambda: polled.lines() == [b"only"])
        waiting = asyncio.create_task(closed(reader))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await polled.task.committed(SyslogCursor(received=polled.batches[-1].cursor.received))
        await waiting
        writer.close()


async def test_a_sender_beyond_its_connections_or_unknown_is_turned_away_and_that_is_said(syslog_bench):
    """One connection too many is closed while the first goes on; so is whoever is in no network that may send. Both are reported."""
    port = free_port()
    async with syslog_bench.polling(syslog_tcp_port=port, syslog_connections_per_sender=1) as polled:
        _, first = await connected(port)
        first.write(b"<34>one\n")
        await polled.until(lambda: polled.lines() == [b"one"])
        reader, second = await connected(port)
        await closed(reader)
        first.write(b"<34>two\n")
        await polled.until(lambda: polled.lines() == [b"one", b"two"])
        assert [fields for _, _, fields in syslog_bench.reports] == [{"reason": "too_many_of_one_sender", "count": 1}]
        first.close()
        second.close()
    async with syslog_bench.polling(syslog_tcp_port=port, syslog_senders=["192.0.2.0/24"]) as polled:
        reader, writer = await connected(port)
        await closed(reader)
        assert polled.lines() == []
        writer.close()


async def test_datagrams_are_messages_and_what_finds_no_room_is_counted(syslog_bench):
    """Each datagram is one message; while nothing is committed, those beyond the bound are dropped and reported."""
    port = free_port(socket.SOCK_DGRAM)
    async with syslog_bench.polling(syslog_udp_port=port, syslog_bytes_per_sender=4_096) as polled:
        polled.commits = False
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(("127.0.0.1", port))
            async with asyncio.timeout(60):
                while not polled.lines():
                    with suppress(ConnectionRefusedError):  # it does not listen yet
                        sender.send(b"<34>Feb  3 10:00:07 gw squid: a\nb")
                    await asyncio.sleep(0.01)
            for _ in range(100):
                sender.send(b"<34>" + b"x" * 1_000)
                await asyncio.sleep(0)
            await asyncio.sleep(0.05)
            polled.commits = True
            await polled.task.committed(polled.batches[-1].cursor)
            async with asyncio.timeout(60):
                while not syslog_bench.reports:
                    sender.send(b"<34>again")
                    await asyncio.sleep(0.01)
    (event, told, fields), *_ = syslog_bench.reports
    assert (event, fields["reason"]) == ("syslog_dropped", "no_room")
    assert "or send by TCP" in told


async def test_tls_asks_for_a_certificate_where_it_is_told_to(syslog_bench, tmp_path):
    """Over TLS a sender with a certificate of the named authority is read; one without is not."""
    authority = Authority(tmp_path)
    cert, key = authority.issue("gateway-logs")
    own_cert, own_key = authority.issue("gw-1")
    port = free_port()
    options = {"syslog_cert_file": cert, "syslog_key_file": key, "syslog_client_ca_file": authority.file}
    async with syslog_bench.polling(syslog_tcp_port=port, **options) as polled:
        known = ssl.create_default_context(cafile=str(authority.file))
        unknown = ssl.create_default_context(cafile=str(authority.file))
        known.load_cert_chain(own_cert, own_key)
        _, writer = await connected(port, ssl=known, server_hostname="localhost")
        writer.write(b"<34>known\n")
        await polled.until(lambda: polled.lines() == [b"known"])
        with pytest.raises((ssl.SSLError, ConnectionError)):  # noqa: PT012 - whichever step the refusal reaches first
            reader, other = await connected(port, ssl=unknown, server_hostname="localhost")
            other.write(b"<34>unknown\n")
            await other.drain()
            await reader.read()
            raise ConnectionResetError  # closed without a word
        assert polled.lines() == [b"known"]
        writer.close()


async def test_a_port_that_is_taken_is_tried_again_and_a_wrong_certificate_is_not(syslog_bench, tmp_path):
    """Another worker may be about to leave the port; a file that is no certificate needs a person, and the password is not told."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        with pytest.raises(TemporaryError, match="cannot listen on"):
            await anext(syslog_bench.task(syslog_tcp_port=holder.getsockname()[1]).poll(None))
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    options = {"syslog_cert_file": bad, "syslog_key_password": "invented-password"}
    with pytest.raises(PermanentError, match="syslog_cert_file") as caught:
        await anext(syslog_bench.task(syslog_tcp_port=free_port(), **options).poll(None))
    assert "invented-password" not in str(caught.value)


async def test_what_was_taken_and_not_committed_comes_again_where_the_task_goes_on(syslog_bench):
    """The poll is closed and begun anew: what was polled and what had arrived is given again, in order, what was committed is not."""
    port = free_port()
    task = syslog_bench.task(syslog_tcp_port=port)
    async with syslog_bench.polling(task=task) as polled:
        _, writer = await connected(port)
        writer.write(b"<34>one\n")
        await polled.until(lambda: polled.lines() == [b"one"])
        polled.commits = False
        for line in (b"two", b"three"):
            writer.write(b"<34>%s\n" % line)
            await polled.until(lambda line=line: polled.lines()[-1] == line)
        writer.write(b"<34>fo")
        await writer.drain()
        committed = polled.batches[0].cursor
    ((_, told, fields),) = [report for report in syslog_bench.reports if report[0] == "syslog_waiting"]
    assert fields["count"] >= 2
    assert "published when it goes on after an error of Kafka" in told
    async with syslog_bench.polling(committed, task=task) as again:
        await again.until(lambda: len(again.lines()) == 2)
        _, other = await connected(port)
        other.write(b"<34>five\n")
        await again.until(lambda: len(again.lines()) == 3)
        other.close()
    assert again.lines() == [b"two", b"three", b"five"]
    assert [reject.raw for reject in again.rejects()] in ([], [b"<34>fo"])  # as far as it had been read
    writer.close()
    async with syslog_bench.polling(again.batches[-1].cursor, task=task) as last:
        await asyncio.sleep(0.05)
    assert last.lines() == []


async def test_many_senders_of_tiny_messages_hold_no_more_than_all_may(syslog_bench):
    """A message weighs more than its bytes: what was read by all at once is let in one by one."""
    port = free_port()
    options = {"syslog_bytes_per_sender": 1 << 20, "syslog_waiting_max_bytes": 1 << 20}
    async with syslog_bench.polling(syslog_tcp_port=port, **options) as polled:
        polled.commits = False
        opened = [await connected(port) for _ in range(20)]
        for _, writer in opened:
            writer.write(b"a\n" * 32_768)
        await polled.until(lambda: len(polled.lines()) > 0)
        inbox = polled.task._inbox
        for _ in range(100):
            await asyncio.sleep(0.005)
            assert inbox.held_bytes <= (1 << 20) + 201 * 32_768  # and one piece more
        for _, writer in opened:
            writer.close()


async def test_who_is_turned_away_gets_no_handshake_and_who_makes_none_is_counted(syslog_bench, tmp_path):
    """Over TLS, too, limits and networks are asked before anything is read or computed for a sender."""
    cert, key = Authority(tmp_path).issue("gateway-logs")
    options = {"syslog_cert_file": cert, "syslog_key_file": key}
    port = free_port()
    async with syslog_bench.polling(syslog_tcp_port=port, syslog_connections_max=2, **options):
        silent = [await connected(port) for _ in range(2)]
        reader, third = await connected(port)
        await closed(reader)
        for writer in (third, *(writer for _, writer in silent)):
            writer.close()
    assert ("too_many_connections", 1) in [(fields["reason"], fields["count"]) for _, _, fields in syslog_bench.reports]
    port = free_port()
    async with syslog_bench.polling(syslog_tcp_port=port, syslog_senders=["192.0.2.0/24"], **options):
        reader, stranger = await connected(port)
        await closed(reader)
        stranger.close()
    assert "sender_not_allowed" in [fields["reason"] for _, _, fields in syslog_bench.reports]


async def test_a_header_that_comes_as_a_message_is_counted_and_said_and_not_followed(syslog_bench):
    """Whoever connects anew does not send it again, so what it would mean for a line would be chance."""
    port = free_port()
    header = b"#Fields: date time c-ip cs-method"
    async with syslog_bench.polling(syslog_tcp_port=port) as polled:
        _, writer = await connected(port)
        writer.write(b"<34>%s\n<34>line\n<34># a comment\n<34>%s\n<34>last\n" % (header, header))
        await polled.until(lambda: polled.lines()[-1:] == [b"last"])
        writer.close()
    assert polled.lines() == [b"line", b"# a comment", b"last"]
    assert sum(batch.filtered.get("header", 0) for batch in polled.batches) == 2
    ((_, told, fields),) = [report for report in syslog_bench.reports if report[0] == "syslog_header_ignored"]
    assert "Set the option `header`" in told
    assert fields["header"] == header.decode()


async def test_what_the_kernel_drops_is_counted(syslog_bench):
    """Datagrams that come while nobody reads fill its buffer; what found no room there is reported with what to raise."""
    port = free_port(socket.SOCK_DGRAM)
    async with syslog_bench.polling(syslog_udp_port=port) as polled:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(("127.0.0.1", port))
            async with asyncio.timeout(60):
                while not polled.lines():
                    with suppress(ConnectionRefusedError):  # it does not listen yet
                        sender.send(b"<34>first")
                    await asyncio.sleep(0.01)
            for _ in range(40_000):  # 8 MiB and more, in one step of the loop
                sender.send(b"<34>" + b"x" * 1_000)
            async with asyncio.timeout(60):
                while not any(fields.get("reason") == "kernel_buffer" for _, _, fields in syslog_bench.reports):
                    await asyncio.sleep(0.01)
                    sender.send(b"<34>again")
    told = next(told for _, told, fields in syslog_bench.reports if fields.get("reason") == "kernel_buffer")
    assert "net.core.rmem_max" in told


@pytest.mark.parametrize(("most_bytes", "kept"), [(1 << 20, 300), (200, 1)])
async def test_what_was_read_ahead_when_the_stream_stops_is_kept_or_counted(most_bytes, kept):
    """A reader holds more than a sender may have waiting: all that the inbox has room for is published later, the rest is said to be lost."""
    inbox = Inbox(lane_bytes=1, most_bytes=most_bytes)
    listener = Listener(inbox, Door("127.0.0.1", None, None, None, (), 10, 10, 65_536, 60.0))
    reader = asyncio.StreamReader()
    reading = asyncio.create_task(listener._read("10.0.0.1", reader))
    reader.feed_data(b"<34>first\n")
    await asyncio.wait_for(inbox.wait(), 60)
    reader.feed_data(b"".join(b"<34>%d\n" % number for number in range(298)) + b"<34>cut")
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert (inbox.waiting, listener.dropped["stopped"]) == (kept, 300 - kept)
