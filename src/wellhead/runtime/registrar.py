"""Takes the settings of a schema registry, gives one connection to it for all who need it at the same moment; keeps none when nobody does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from wellhead.avro.registry import Registry


class Registrar:
    """Shared by all tasks of a process; any thread may call it.

    A connection of its own would cost each task the reading of all certificate authorities: most of what its start costs.

    Args:
        settings: What `Registry` takes.
        connect: Makes a registry of them.
    """

    def __init__(self, settings: Mapping[str, str], connect: Callable[[Mapping[str, str]], Registry] = Registry) -> None:
        self._settings = settings
        self._connect = connect
        self._lock = threading.Lock()
        self._registry: Registry | None = None
        self._users = 0

    @contextmanager
    def registry(self) -> Iterator[Registry]:
        """Give the registry while the block lasts.

        Raises:
            PermanentError: A setting is missing, unknown or malformed.
        """
        with self._lock:
            shared = self._registry = self._registry or self._connect(self._settings)
            self._users += 1
        try:
            yield shared
        finally:
            with self._lock:
                self._users -= 1
                # What is asked later is asked anew: a registry may have forgotten what it said.
                is_last = self._users == 0
                if is_last:
                    self._registry = None
            if is_last:
                shared.close()
