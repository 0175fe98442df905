"""Takes many channels, gives the events of all of them as they come; one connection each, made again by itself, all of them closed with the poll."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from connectors.push.batches import batch_of, cursor_of, says_more
from connectors.push.board import Board, PushCursor
from connectors.push.channel import Channel
from connectors.push.events import Arrived, EndedError
from connectors.push.one import ALIVE_SECS, ENDED_SECS
from connectors.push.options import PushConfig
from wellhead import Batch, SourceTask, TemporaryError
from wellhead.http import Channels


class ChannelsTask(SourceTask[PushConfig, PushCursor]):
    """Reads all channels side by side; ends only where every one of them failed for good."""

    async def poll(self, cursor: PushCursor | None) -> AsyncIterator[Batch[PushCursor]]:
        """Yield what has come on all channels, as soon as anything does, and an empty batch now and then."""
        config = self.config
        board = Board(config.names, cursor, config.known_events)
        opened = {name: Channel(self.http, config, name, self.report, board.places.get(name)) for name in config.names}

        def receive(name: str) -> AsyncGenerator[Arrived]:
            return _unending(opened[name])

        channels = Channels(
            receive,
            config.names,
            clock=self.clock,
            size_of=lambda arrived: arrived.nbytes,
            max_bytes=config.batch_max_bytes,
            is_content=lambda arrived: not arrived.is_empty,
            on_change=self._tell,
        )
        async with _forgetting(self.http.troubles), channels:
            stood = cursor
            while True:
                arrived = await channels.take(ALIVE_SECS)
                now_ms = self.clock.now_ms()
                taken = board.take(arrived)
                batch = await batch_of(taken, cursor_of(board, config, now_ms, stood), config, now_ms)
                if not arrived or says_more(batch, stood):
                    stood = batch.cursor
                    yield batch

    def _tell(self, channel: str, state: str, reason: str) -> None:
        self.http.troubles.pop(channel, None)
        if state == "failed":
            self.http.troubles[channel] = reason
            self.report("channel_failed", f"{channel}: {reason}", channel=channel)


@asynccontextmanager
async def _forgetting(troubles: dict[str, str]) -> AsyncIterator[None]:
    """Tell of no channel's trouble any more once none is read."""
    try:
        yield
    finally:
        troubles.clear()


async def _unending(channel: Channel) -> AsyncGenerator[Arrived]:
    """Give what arrives over one connection, and its end as a wait until the next."""
    try:
        async with aclosing(channel.arrivals()) as arrivals:
            async for arrived in arrivals:
                yield arrived
    except EndedError as ended:
        raise TemporaryError(f"{ended}; it is asked again in an hour", after_secs=ENDED_SECS) from None
    raise TemporaryError(f"{channel.door.host} ended the connection", after_secs=channel.reconnect_secs)
