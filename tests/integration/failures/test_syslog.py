"""What senders sent by syslog, who never send again, outlives an error of Kafka in the worker that read it."""

import socket
import time

from breakable import kill_lone
from listening import Listening

from wellhead.stack.ports import PortLease

# Long enough for a busy machine's transactions, short enough that one fails soon after its broker is gone.
TRANSACTION_MS = 5_000
LINE = "<134>1 2026-11-23T10:00:00Z gw squid - - - 1699999999.123      7 10.0.0.1 TCP_MISS/200 99 GET http://e.test/{number} - DIRECT/192.0.2.1 text/html\n"


def connected(port: int) -> socket.socket:
    deadline = time.monotonic() + 60
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def send(sender: socket.socket, numbers: range) -> None:
    sender.sendall("".join(LINE.format(number=number) for number in numbers).encode())


def test_what_was_read_outlives_an_error_of_kafka(brittle, unique, tmp_path):
    """The broker dies with messages read and not committed, and their transaction fails: once it is back each of them is published, once."""
    lease = PortLease()
    (port,) = lease.take(1)
    options = {
        "connector.class": "webgateway",
        "format": "squid",
        "syslog_tcp_port": port,
        "producer.override.transaction.timeout.ms": TRANSACTION_MS,
        "restart.policy": "never",
    }
    worker = Listening(brittle, unique, tmp_path, options, {}, subject="webgateway.access_log")
    try:
        worker.start()
        with connected(port) as sender:
            send(sender, range(50))
            worker.until(lambda: len(worker.records()) == 50, "the first messages")
            kill_lone(brittle)
            try:
                send(sender, range(50, 120))
                worker.until(lambda: "syslog_waiting" in worker.log(), "the stream stops")
            finally:
                brittle.kafka.restart()
        worker.until(lambda: len(worker.records()) >= 120, "what was read before")
        assert sorted(int(record["url"].rpartition("/")[2]) for record in worker.records()) == list(range(120))
    finally:
        worker.end()
        lease.release()
