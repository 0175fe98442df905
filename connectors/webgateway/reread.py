"""Takes a dead letter of a log line, gives the record it is by now, or the same letter again; reads no file or socket."""

from __future__ import annotations

from connectors.webgateway.files import FilesCursor
from connectors.webgateway.options import FormatConfig
from wellhead import Batch, Reject


def read_again(config: FormatConfig, _stream: str, reject: Reject) -> Batch[FilesCursor]:
    """Read one line again by the header that was in force, with what a syslog message told beside it."""
    from connectors.webgateway import text  # noqa: PLC0415 - pyarrow takes a while to import

    if reject.cut:
        return Batch([], FilesCursor(), rejects=[reject])
    found = text.read_again(config, reject)
    return Batch(found.table, FilesCursor(), found.rejects)
