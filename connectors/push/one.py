"""Takes one channel, gives its events as they come; its connection lives as long as the poll, and ends with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from http import HTTPStatus

from connectors.push.batches import batch_of, cursor_of, says_more, since_ms
from connectors.push.board import Board, PushCursor
from connectors.push.channel import Channel
from connectors.push.draining import Drain
from connectors.push.events import EndedError
from connectors.push.options import PushConfig
from wellhead import Batch, SourceTask

ALIVE_SECS = 30.0
"""How often a stream to which nothing comes says that it is well."""
ENDED_SECS = 3_600.0
"""How long a server that says that there is no more is left alone: it may be wrong, or be mended."""


class ChannelTask(SourceTask[PushConfig, PushCursor]):
    """Reads one channel over one connection; when the server ends that, so does the poll."""

    async def poll(self, cursor: PushCursor | None) -> AsyncIterator[Batch[PushCursor]]:
        """Yield what comes, as soon as it does, and an empty batch now and then."""
        config = self.config
        name = self.stream if config.channels else config.names[0]
        board = Board([name], cursor, config.known_events)
        channel = Channel(self.http, config, name, self.report, board.places.get(name))
        stood, wait_secs = cursor, None
        async with aclosing(channel.arrivals()) as arrivals:
            drain = Drain(
                arrivals,
                self.clock.sleep,
                alive_secs=ALIVE_SECS,
                linger_secs=config.linger_ms / 1000,
                most_bytes=config.batch_max_bytes,
            )
            async with aclosing(drain.lists()) as lists:
                try:
                    async for arrived in lists:
                        now_ms = self.clock.now_ms()
                        taken = board.take((name, each) for each in arrived)
                        batch = await batch_of(taken, cursor_of(board, config, now_ms, stood), config, now_ms)
                        if not arrived or says_more(batch, stood):
                            stood = batch.cursor
                            yield batch
                except EndedError as ended:
                    wait_secs = ENDED_SECS
                    self.report("stream_ended", f"{ended}; it is asked again in an hour", status=HTTPStatus.NO_CONTENT)
        now_ms = self.clock.now_ms()
        quiet_until_ms = now_ms + round((wait_secs or channel.reconnect_secs) * 1000)
        yield Batch([], board.cursor(since_ms=since_ms(config, now_ms), quiet_until_ms=quiet_until_ms))
