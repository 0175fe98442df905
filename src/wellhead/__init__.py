"""The author's door: everything a source needs, and nothing else; vendor HTTP is in `wellhead.http`."""

from wellhead.api import Batch, Config, Cursor, Reject, SourceConnector, SourceTask, Stream, in_thread
from wellhead.errors import CursorExpired, PermanentError, TemporaryError

__all__ = [
    "Batch",
    "Config",
    "Cursor",
    "CursorExpired",
    "PermanentError",
    "Reject",
    "SourceConnector",
    "SourceTask",
    "Stream",
    "TemporaryError",
    "in_thread",
]
