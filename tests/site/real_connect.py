"""A real Kafka Connect worker on topics of a test's choice, asked as any client asks it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from wellhead.stack import ConnectOptions, ConnectWorker

FILE_SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
PATIENCE_SECS = 90.0


class RealConnect:
    """One worker."""

    def __init__(self, worker: ConnectWorker) -> None:
        self.worker = worker
        self._client = httpx.Client(base_url=worker.url, timeout=PATIENCE_SECS, trust_env=False)

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Ask; again while it says 409, as any client of Connect has to while its workers rebalance."""
        deadline = time.monotonic() + PATIENCE_SECS
        while (answer := self._client.request(method, path, json=body)).status_code == 409:
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.2)
        return answer

    def get(self, path: str) -> Any:
        """Give what stands there."""
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def create(self, name: str, state: str = "RUNNING", **words: str) -> None:
        """Make a connector that reads a file, in the state that is wanted; return once it is in it."""
        made = {f"topic.creation.default.{what}": "1" for what in ("partitions", "replication.factor")}
        config = {"connector.class": FILE_SOURCE, "tasks.max": "1", **made, **words}
        answer = self.ask("POST", "/connectors", {"name": name, "config": config, "initial_state": state})
        assert answer.status_code == 201, answer.text
        self.until(name, state)

    def stop_connector(self, name: str) -> None:
        assert self.ask("PUT", f"/connectors/{name}/stop").status_code == 204
        self.until(name, "STOPPED")

    def until(self, name: str, state: str) -> None:
        """Return once a connector is in a state, with its task where it is to have one."""

        def there() -> bool:
            status = self.ask("GET", f"/connectors/{name}/status")
            if status.status_code != 200:
                return False
            told = status.json()
            tasks = [task["state"] for task in told["tasks"]]
            return bool(told["connector"]["state"] == state and (not tasks if state == "STOPPED" else tasks == [state]))

        deadline = time.monotonic() + PATIENCE_SECS
        while not there():
            assert time.monotonic() < deadline, self.log()[-3000:]
            time.sleep(0.1)

    def log(self) -> str:
        """Give everything it has logged."""
        return self.worker.process.log_path.read_text(errors="replace")

    def offsets(self, name: str) -> list[dict[str, Any]]:
        """Give a connector's offsets as it tells them."""
        told: list[dict[str, Any]] = self.get(f"/connectors/{name}/offsets")["offsets"]
        return told

    def close(self) -> None:
        self._client.close()


@contextmanager
def real_connect(bootstrap: str, folder: Path, properties: Mapping[str, object]) -> Iterator[RealConnect]:
    """Run a worker while the block lasts."""
    with ConnectWorker(bootstrap, folder / "connect", ConnectOptions(properties=properties)) as worker:
        client = RealConnect(worker)
        try:
            yield client
        finally:
            client.close()
