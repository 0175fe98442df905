"""Takes the options, gives a gateway's TCP connections as they are and as they change; a snapshot is one batch, never a part of one.

What was seen before is held in memory only: whoever polls anew begins with a whole snapshot, so nothing that was lost matters.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from connectors.sockets.options import SocketsConfig, SocketsCursor
from connectors.sockets.snapshot import Snapshot, from_files, from_kernel
from wellhead import Batch, SourceConnector, SourceTask, Stream, TemporaryError, in_thread

if TYPE_CHECKING:  # an idle worker should not hold polars for this
    from connectors.sockets.delta import Delta


class ConnectionTask(SourceTask[SocketsConfig, SocketsCursor]):
    """Looks at the sockets every so often while it is polled."""

    _asks_kernel = False

    async def poll(self, cursor: SocketsCursor | None) -> AsyncIterator[Batch[SocketsCursor]]:
        """Yield a batch a snapshot, which is empty when nothing changed; ends only with a recording."""
        from connectors.sockets.delta import Delta  # noqa: PLC0415

        config = self.config
        delta, sequence = Delta(config.full_every), (cursor or SocketsCursor()).sequence
        self._asks_kernel = config.method == "netlink" or (config.method == "auto" and config.proc_root == "/proc")
        due_secs = self.clock.monotonic_secs()
        while True:
            sequence += 1
            snapshot = await self._snapshot(sequence)
            if snapshot is None:
                return
            time_ms = self.clock.now_ms() if snapshot.recorded_ms is None else snapshot.recorded_ms
            yield await in_thread(_batch, snapshot, delta, config.name, sequence, time_ms)
            if config.recorded:
                continue
            now_secs = self.clock.monotonic_secs()
            due_secs = max(due_secs + config.interval_secs, now_secs)
            await self.clock.sleep(due_secs - now_secs)

    async def _snapshot(self, sequence: int) -> Snapshot | None:
        if self._asks_kernel:
            try:
                return await from_kernel(self.config)
            except OSError as error:
                from connectors.sockets.netlink import is_refusal  # noqa: PLC0415

                if self.config.method == "netlink" or not is_refusal(error):
                    raise TemporaryError(
                        f"the kernel does not list its sockets: {error}. It is asked again; set method to proc to read /proc instead, "
                        "which tells neither bytes nor idle times"
                    ) from error
                self._asks_kernel = False
                self.report(
                    "netlink_unavailable",
                    "the kernel does not list its sockets, so /proc is read: bytes and idle times are unknown",
                    error=str(error),
                )
        return await from_files(self.config, sequence)


def _batch(snapshot: Snapshot, delta: Delta, gateway: str, sequence: int, time_ms: int) -> Batch[SocketsCursor]:
    import polars as pl  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415

    moment = pl.Datetime("ms", "UTC")
    records = delta.step(snapshot.frame, time_ms).with_columns(
        pl.lit(time_ms).cast(moment).alias("snapshot_time"),
        pl.col("since").cast(moment),
        pl.lit(gateway).alias("gateway"),
        pl.lit(sequence, dtype=pl.Int64).alias("sequence"),
    )
    table = records.to_arrow(compat_level=pl.CompatLevel.oldest()).combine_chunks()
    batches = table.to_batches()
    rows = batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)
    return Batch(rows, SocketsCursor(sequence=sequence), rejects=snapshot.rejects)


def streams(config: SocketsConfig) -> tuple[Stream, ...]:
    """Give the one stream; that of a recording ends."""
    return (
        Stream(
            name="connection",
            task=ConnectionTask,
            cursor=SocketsCursor,
            subject="sockets.connection",
            description="One record per TCP connection and change, and now and then all of them.",
            key=("gateway",),
            identity=("gateway", "sequence", "local_ip", "local_port", "remote_ip", "remote_port"),
            time="snapshot_time",
            interval_secs=10.0,
            live=not config.recorded,
        ),
    )


connector = SourceConnector(
    name="sockets",
    title="Connections of a gateway, from the kernel's sockets",
    config=SocketsConfig,
    streams=streams,
    defaults={"freshness.target.secs": 120},
)
