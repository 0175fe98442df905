"""A TCP gate before a server: open, shut (as if it were gone), or holding (as if it hung)."""

import contextlib
import selectors
import socket
import threading
from typing import Literal, Self
from urllib.parse import urlsplit

Mode = Literal["open", "shut", "holding"]


class StoreGate:
    """Passes bytes on to `url` while it is open; a change of mode cuts what is connected."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._mode: Mode = "open"
        self._lock = threading.Lock()
        self._held: set[socket.socket] = set()
        self._silent: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.set("shut")
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def set(self, mode: Mode) -> None:
        self._mode = mode
        self._cut()

    def _cut(self) -> None:
        with self._lock:
            held, self._held = self._held, set()
            silent, self._silent = self._silent, set()
        for each in held:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)  # whoever passes on from it closes it then
        for each in silent:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._mode == "shut":
                client.close()
            elif self._mode == "holding":
                with self._lock:
                    self._silent.add(client)
            else:
                thread = threading.Thread(target=self._pass, args=(client,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _pass(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), client, socket.create_connection(self._target) as server:
            with self._lock:
                self._held |= {client, server}
            other = {client: server, server: client}
            with selectors.DefaultSelector() as selector:
                for each in other:
                    selector.register(each, selectors.EVENT_READ)
                while True:
                    for key, _ in selector.select():
                        received = key.fileobj.recv(65536)
                        if not received:
                            return
                        other[key.fileobj].sendall(received)
