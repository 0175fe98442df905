"""A service over one topic in processes of its own: started, killed, waited for, and where its group stands."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic


class ServedTopic:
    """What the topics of attacks and of floods share; `group`, `file` and `topic` are the subclass's to say before anything starts.

    Args:
        section: The verb, such as `floods`.
        bootstrap: Where Kafka is.
        folder: Where the logs lie.
        patience_secs: How long anything is waited for.
    """

    group: str
    file: Path
    topic: str

    def __init__(self, section: str, bootstrap: str, folder: Path, patience_secs: float) -> None:
        self.bootstrap, self.folder = bootstrap, folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.partitions = 0
        self._section = section
        self._patience_secs = patience_secs
        self._admin = AdminClient({"bootstrap.servers": bootstrap})
        self._looker: Consumer | None = None

    def make_topic(self, partitions: int) -> None:
        self.partitions = partitions
        for future in self._admin.create_topics([NewTopic(self.topic, partitions, 1)]).values():
            future.result(30)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a process, until it is stopped."""
        argv = [sys.executable, "-m", "wellhead", self._section, "run", *words, str(self.file)]
        with self.log_of(len(self.processes)).open("wb") as log:
            process = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT)
        self.processes.append(process)
        return process

    def log_of(self, number: int) -> Path:
        return self.folder / f"{self._section}-{number}.log"

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGKILL)
        process.wait(30)

    def close(self) -> None:
        if self._looker is not None:
            self._looker.close()
        for process in self.processes:
            if process.poll() is None:
                # One that was frozen hears nothing else.
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill(process)

    def until(self, reached: Callable[[], object], what: str) -> None:
        """Wait until something holds, or fail with the last lines of the logs."""
        deadline = time.monotonic() + self._patience_secs
        while not reached():
            logs = [self.log_of(number).read_text(errors="replace")[-2500:] for number in range(len(self.processes))]
            assert time.monotonic() < deadline, f"{what} not reached; logs end with {logs}"
            time.sleep(0.1)

    def committed(self) -> int:
        """Give how many records the group has committed, over all partitions."""
        # Not the admin client: librdkafka 2.16 dies by SIGSEGV where a broker answers it that it is not the group's coordinator.
        if self._looker is None:
            settings = {"bootstrap.servers": self.bootstrap, "group.id": self.group, "isolation.level": "read_uncommitted"}
            self._looker = Consumer({**settings, "log_level": 0})
        try:
            places = self._looker.committed([TopicPartition(self.topic, number) for number in range(self.partitions)], 20)
        except KafkaException:  # a coordinator that moves, or none yet
            return 0
        return sum(max(0, place.offset) for place in places)
