"""Takes a wished folder or none, gives a folder only this stack uses, never leaves throw-away folders of dead processes behind."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from wellhead.stack.cache import HeldLock, try_lock
from wellhead.stack.errors import StackError

PREFIX = "wellhead-stack-"
LOCK_NAME = ".in-use"
LAYOUT_NAME = "layout.json"


class DataDir:
    """A stack's data folder, locked while the stack lives.

    Args:
        path: A folder to keep; None means a throw-away one in the temporary folder.
    """

    def __init__(self, path: Path | None) -> None:
        self.kept = path is not None
        if path is None:
            _sweep(Path(tempfile.gettempdir()))
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        else:
            self.path = path.expanduser().absolute()
        lock = try_lock(self.path / LOCK_NAME)
        if lock is None:
            raise StackError(
                f"{self.path} is in use by another stack. Stop that one (`wellhead stack down`), or choose another --data folder"
            )
        self._lock: HeldLock = lock

    def layout(self) -> dict[str, Any]:
        """Return what `remember` saved in an earlier life of a kept folder; empty for a fresh one."""
        file = self.path / LAYOUT_NAME
        if not file.exists():
            return {}
        try:
            found = json.loads(file.read_text())
        except ValueError as error:
            raise StackError(f"{file} is damaged ({error}). Delete {self.path} to start afresh") from error
        return dict(found)

    def remember(self, layout: dict[str, Any]) -> None:
        """Save the broker count and ports, for the next start on this folder."""
        (self.path / LAYOUT_NAME).write_text(json.dumps(layout))

    def abandon(self) -> None:
        """Unlock but delete nothing: after a failed start the logs are wanted. Safe to call twice."""
        self._lock.release()

    def close(self) -> None:
        """Unlock; delete a throw-away folder. Safe to call twice."""
        if not self.kept:
            shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()


def _sweep(parent: Path) -> None:
    """Delete throw-away folders whose owner died without cleaning up."""
    for folder in parent.glob(f"{PREFIX}*"):
        marker = folder / LOCK_NAME
        # Without a marker the folder may be one that is just being made.
        lock = try_lock(marker) if marker.exists() else None
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            lock.release()
