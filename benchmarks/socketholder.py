"""Takes a number and an address, holds so many connections to itself open, both ends of each, until its input ends."""

from __future__ import annotations

import resource
import socket
import sys

_SPARE_FILES = 100
_PENDING = 100


def main() -> None:
    """Open them, say so, and wait."""
    count, address = int(sys.argv[1]), sys.argv[2]
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 2 * count + _SPARE_FILES), most))
    held: list[socket.socket] = []
    with socket.socket() as server:
        server.bind((address, 0))
        server.listen(_PENDING)
        for _ in range(count):
            held += [socket.create_connection(server.getsockname()), server.accept()[0]]
        print("ready", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
