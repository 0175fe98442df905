"""Gives a real toxiproxy, built once from its locked sources: links between a client and a server that stall, break, crawl or are down."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any, Self
from urllib.error import URLError

from go_built import go_built

from wellhead.stack.ports import LOOPBACK, PortLease

LOCK = Path(__file__).parent / "toxiproxy_lock"
MODULE = "github.com/Shopify/toxiproxy/v2/cmd/server"
VERSION = "2.5.0"
START_SECS = 60.0


class Link:
    """One way to a server, healthy until told otherwise."""

    def __init__(self, proxy: Toxiproxy, name: str, port: int) -> None:
        self._proxy = proxy
        self._name = name
        made = proxy.ask("POST", "/proxies", {"name": name, "listen": f"{LOOPBACK}:0", "upstream": f"{LOOPBACK}:{port}"})
        self.address: str = made["listen"]

    def poison(self, kind: str, **attributes: int) -> None:
        """Do something to what the server sends."""
        self._proxy.ask("POST", f"/proxies/{self._name}/toxics", {"name": kind, "type": kind, "attributes": attributes})

    def heal(self, kind: str) -> None:
        """Do it no more."""
        self._proxy.ask("DELETE", f"/proxies/{self._name}/toxics/{kind}")

    def up(self, *, is_up: bool) -> None:
        """Take the link down, connections and all, or up again."""
        self._proxy.ask("POST", f"/proxies/{self._name}", {"enabled": is_up})


class Toxiproxy:
    """The server; open in a `with` block."""

    def __enter__(self) -> Self:
        self._lease = PortLease()
        (port,) = self._lease.take(1)
        self._url = f"http://{LOOPBACK}:{port}"
        command = [str(go_built("toxiproxy", VERSION, LOCK, MODULE)), "-host", LOOPBACK, "-port", str(port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECS
        while not self._answers():
            assert self._process.poll() is None, "toxiproxy ended"
            assert time.monotonic() < deadline, "toxiproxy did not start"
            time.sleep(0.05)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._process.terminate()
        self._process.wait(30)
        self._lease.release()

    def link(self, name: str, port: int) -> Link:
        """Give a way to a port on loopback."""
        return Link(self, name, port)

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask its API."""
        request = urllib.request.Request(
            self._url + path,
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def _answers(self) -> bool:
        try:
            self.ask("GET", "/proxies")
        except (URLError, ConnectionError):
            return False
        return True
