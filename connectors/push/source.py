"""Takes the options, gives the streams they select: all channels in one, or each by itself; receives nothing itself."""

from __future__ import annotations

from connectors.push.board import PushCursor
from connectors.push.one import ChannelTask
from connectors.push.options import PushConfig
from connectors.push.reread import read_again
from connectors.push.together import ChannelsTask
from wellhead import SourceConnector, SourceTask, Stream

EVENT = "event"


def streams(config: PushConfig) -> tuple[Stream, ...]:
    """Give the streams that options select."""
    key = "channel" if config.key_field is None else "key"
    if config.channels and config.channels_apart:
        return tuple(_stream(name, ChannelTask, key) for name in config.channels)
    return (_stream(EVENT, ChannelsTask if config.channels else ChannelTask, key),)


def _stream(name: str, task: type[SourceTask[PushConfig, PushCursor]], key: str) -> Stream:
    return Stream(
        name=name,
        task=task,
        cursor=PushCursor,
        subject="push.event",
        description="One record per event that a server pushes, as it was sent.",
        key=(key,),
        identity=("channel", "id"),
        time="received_at",
        interval_secs=1.0,
        live=True,
        redrive=read_again,
    )


connector = SourceConnector(
    name="push",
    title="Events pushed over HTTP: SSE, JSON lines, long poll, WebSocket",
    config=PushConfig,
    streams=streams,
    defaults={"transaction.boundary.interval.ms": 30, "freshness.target.secs": 120},
)
