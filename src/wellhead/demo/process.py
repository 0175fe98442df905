"""Takes words of this command line, gives a process that runs them and answers over HTTP, never one that outlives the demo."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from wellhead.errors import PermanentError
from wellhead.stack import Stack
from wellhead.stack.spawn import spawn

_STOP_SECS = 30.0
_LOOK_SECS = 0.1
# A proxy that the environment names does not know what listens on this machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def run(what: str, words: Sequence[str], log: Path, patience_secs: float, *, good: Sequence[int] = (0,)) -> None:
    """Run a `wellhead` verb that ends by itself.

    Args:
        what: How messages call what it does.
        words: What comes after `wellhead`.
        log: Where its output goes.
        patience_secs: How long it may take.
        good: The exit codes that are well.

    Raises:
        PermanentError: It ended otherwise, or not in time.
    """
    with Process(what, words, log) as process:
        code = process.end(patience_secs)
    if code not in good:
        how = f"takes longer than {patience_secs:g} s" if code is None else f"ended with exit code {code}"
        raise PermanentError(f"{what} {how}: see {log}")


def worker_words(stack: Stack, group: str) -> dict[str, Any]:
    """Give the section `worker` of a deployment that only reads topics."""
    return {
        "group.id": group,
        "kafka": {"bootstrap.servers": stack.bootstrap_servers},
        "schema.registry.url": stack.registry_url,
        "listeners": "",
    }


class Process:
    """A `wellhead` process and where it answers; a `with` block ends it, in peace unless something went wrong.

    Args:
        name: How messages call it.
        words: What comes after `wellhead`.
        log: Where its output goes.
    """

    def __init__(self, name: str, words: Sequence[str], log: Path) -> None:
        self.name = name
        self.log = log
        command = [sys.executable, "-m", "wellhead", *words]
        with log.open("wb") as output:
            self._child = spawn(command, cwd=Path.cwd(), output=output, extra=os.environ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.ask_to_stop() if error is None else self.kill()
        self.wait()

    @property
    def lives(self) -> bool:
        """Whether it has not ended."""
        return self._child.process.poll() is None

    def started(self) -> dict[str, Any] | None:
        """Give what it said of itself when it began to listen; None before that.

        Raises:
            PermanentError: It ended.
        """
        if not self.lives:
            raise PermanentError(
                f"the demo's {self.name} ended with exit code {self._child.process.returncode}: see {self.log}"
            )
        lines = (json.loads(line) for line in self.log.read_text(errors="replace").splitlines() if line.startswith("{"))
        return next((line for line in lines if line.get("event") == "started"), None)

    def get(self, path: str) -> Any:
        """Ask it over HTTP; None where it does not answer yet, or not well."""
        told = self.started()
        if told is None:
            return None
        try:
            with _OPENER.open(f"{told['listening'][0]}{path}", timeout=10) as answer:
                return json.load(answer)
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return None

    def answer(self, path: str, patience_secs: float) -> Any:
        """Ask until it answers well.

        Raises:
            PermanentError: It ended, or does not in time.
        """
        give_up_secs = time.monotonic() + patience_secs
        while (told := self.get(path)) is None:
            if time.monotonic() > give_up_secs:
                raise PermanentError(f"the demo's {self.name} does not answer {path} after {patience_secs:g} s: see {self.log}")
            time.sleep(_LOOK_SECS)
        return told

    def end(self, patience_secs: float) -> int | None:
        """Wait until it ends by itself and give its exit code, None if it does not in time."""
        try:
            return self._child.process.wait(patience_secs)
        except subprocess.TimeoutExpired:
            return None

    def ask_to_stop(self) -> None:
        """Send SIGTERM, if it lives; does not wait."""
        if self.lives:
            self._child.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL, and wait for its end."""
        self._child.process.kill()
        self._child.process.wait()

    def wait(self) -> None:
        """Return once it has ended, by SIGKILL if it takes too long."""
        try:
            self._child.process.wait(_STOP_SECS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._child.close()
