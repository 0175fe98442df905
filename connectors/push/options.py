"""Says what a person may set about receiving pushed events; never shows a credential."""

from __future__ import annotations

import json
import re
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from wellhead import Config

ONLY_CHANNEL = "default"
# So many places, each bounded, are a cursor that fits into a message.
MOST_TOGETHER = 1_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")
_PLACE = "{channel}"
_MIB = 1 << 20

Protocol = Literal["sse", "ndjson", "long_poll", "websocket"]
Resume = Literal["last_event_id", "query", "none"]


class PushConfig(Config):
    """Options of the push connector."""

    url: str | None = Field(
        default=None,
        description="Address of the stream, https:// (or wss:// for a WebSocket); with `channels` as a list, `{channel}` in it is the name.",
    )
    channels: dict[str, str] = Field(
        default_factory=dict,
        description="Several streams of one server, each read by itself: names and addresses, or names alone where `url` holds `{channel}`.",
    )
    channels_apart: bool = Field(
        default=False,
        description="Whether each channel is a stream with a cursor and transactions of its own, which workers can share out, instead of "
        "all in one, which costs a broker far less.",
    )
    protocol: Protocol = Field(
        default="sse",
        description="How the server pushes: `sse` (text/event-stream), `ndjson` (a JSON object a line), `long_poll` or `websocket`.",
    )
    method: Literal["GET", "POST"] = Field(default="GET", description="HTTP method of the request that opens the stream.")
    headers: dict[str, SecretStr] = Field(
        default_factory=dict, description="Headers to send with it; their values are kept secret."
    )
    token: SecretStr | None = Field(default=None, min_length=1, description="Sent as `Authorization: Bearer`.")
    username: str | None = Field(
        default=None, min_length=1, description="User name, sent with `password` as basic authentication."
    )
    password: SecretStr | None = Field(default=None, min_length=1, description="Password of that user.")
    subscribe: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="Text sent first over a WebSocket, or the body of a POST, such as a subscription; kept secret.",
    )
    redirect_hosts: tuple[str, ...] = Field(
        default=(),
        description="Other hosts to which the server may redirect; credentials are not sent to them. The same host always may.",
    )
    events: tuple[str, ...] = Field(
        default=(), description="Kinds of event to publish, as the server names them; the others are counted. Empty = all."
    )
    event_field: str | None = Field(
        default=None, min_length=1, description="Where a JSON event names its kind, dotted, such as meta.type; not for SSE."
    )
    id_field: str | None = Field(
        default=None, min_length=1, description="Where a JSON event names its id, dotted, such as meta.id; not for SSE."
    )
    time_field: str | None = Field(
        default=None,
        min_length=1,
        description="Where a JSON event tells its time, dotted: ISO 8601, or a number since 1970 in s, ms, us or ns.",
    )
    key_field: str | None = Field(
        default=None,
        min_length=1,
        description="Where a JSON event holds what it is partitioned by, dotted. Unset = by channel, so that a channel stays in order.",
    )
    items_field: str | None = Field(
        default=None,
        min_length=1,
        description="Under which name a long poll's answer holds its list of events; unset = it is the list.",
    )
    position_field: str | None = Field(
        default=None,
        min_length=1,
        description="Where a long poll's answer tells what to ask from next, dotted; unset = the id of its last event.",
    )
    resume: Resume = Field(
        default="last_event_id",
        description="How to go on after the last event: the header `Last-Event-ID`, the query parameter `resume_param`, or not at all.",
    )
    resume_param: str = Field(default="last_event_id", min_length=1, description="Query parameter for `resume: query`.")
    heartbeat_secs: float = Field(
        default=15,
        gt=0,
        le=3_600,
        description="Seconds within which the server sends at least a sign of life, such as a comment.",
    )
    heartbeats_missed: float = Field(
        default=3,
        ge=1,
        le=100,
        description="How many of these may be missing until the connection counts as dead and is opened anew.",
    )
    expected_event_secs: float | None = Field(
        default=None,
        gt=0,
        description="Seconds within which an event comes even in quiet hours; where only signs of life do, the connection is opened "
        "anew. Unset = events may stay out for ever.",
    )
    reconnect_secs: float = Field(
        default=1,
        ge=0.1,
        le=3_600,
        description="Seconds to the next connection once the server ended one and asked for no other.",
    )
    event_max_bytes: int = Field(
        default=_MIB, ge=1_024, le=64 * _MIB, description="Largest event in bytes; a larger one becomes a dead letter, cut."
    )
    batch_max_bytes: int = Field(
        default=4 * _MIB,
        ge=1_024,
        le=256 * _MIB,
        description="Bytes of events that are handed on at once; memory grows with it.",
    )
    linger_ms: int = Field(
        default=0, ge=0, le=10_000, description="Milliseconds to wait for more once an event has come; 0 = hand on at once."
    )
    known_events: int = Field(
        default=16,
        ge=0,
        le=1_000,
        description="How many of the last events the cursor knows, 11 bytes each, so that one which is sent again is left out.",
    )
    look_back_secs: float = Field(
        default=0,
        ge=0,
        le=86_400,
        description="For a server that sends again what it sent before: how far back, in seconds, an event's id is looked for in the topic "
        "when a connection is opened, so that it is left out. 0 = not at all.",
    )

    @field_validator("channels", mode="before")
    @classmethod
    def _as_mapping(cls, channels: Any) -> Any:
        if isinstance(channels, str) and channels.lstrip().startswith("{"):
            channels = json.loads(channels)  # a ValueError is told like every other
        if isinstance(channels, str):
            channels = [name.strip() for name in channels.split(",") if name.strip()]
        if isinstance(channels, list | tuple):
            if len(set(map(str, channels))) != len(channels):
                raise ValueError("each name stands once")
            return {str(name): "" for name in channels}
        return channels

    @field_validator("events", "redirect_hosts", mode="before")
    @classmethod
    def _listed(cls, names: Any) -> Any:
        return [name.strip() for name in names.split(",") if name.strip()] if isinstance(names, str) else names

    @model_validator(mode="after")
    def _addressed(self) -> Self:
        if self.url is None and not self.channels:
            raise ValueError("set url, or channels")
        for name, url in self.channels.items():
            if not _NAME.fullmatch(name):
                raise ValueError(f"channels: {name[:40]!r} is no name: use letters, digits, and . _ : -")
            if not url and _PLACE not in (self.url or ""):
                raise ValueError(f"channels: {name} has no address; give one, or a url with {_PLACE} in it")
        if self.channels and self.url is not None and _PLACE not in self.url:
            raise ValueError(f"set either url or channels, or a url with {_PLACE} in it")
        if not self.channels_apart and len(self.channels) > MOST_TOGETHER:
            raise ValueError(
                f"channels: more than {MOST_TOGETHER:,}; share them out over several connectors, or set channels_apart"
            )
        for name in self.names:
            _check_address(name, self.url_of(name), self.protocol)
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together")
        if self.token is not None and self.username is not None:
            raise ValueError("set either token, or username and password, not both")
        if self.protocol == "sse" and (self.id_field or self.event_field):
            raise ValueError("id_field and event_field are not for sse: its events name both themselves")
        if self.protocol != "long_poll" and (self.items_field or self.position_field):
            raise ValueError("items_field and position_field are for long_poll alone")
        if self.protocol == "websocket" and self.method != "GET":
            raise ValueError("a WebSocket is opened by GET")
        if self.subscribe is not None and self.protocol != "websocket" and self.method != "POST":
            raise ValueError("subscribe is for a WebSocket, or the body of a POST")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The channels' names."""
        return tuple(self.channels) or (ONLY_CHANNEL,)

    def url_of(self, channel: str) -> str:
        """Give a channel's address."""
        return self.channels.get(channel) or (self.url or "").replace(_PLACE, channel)

    def wants(self, event: str) -> bool:
        """Tell whether events of a kind are to be published."""
        return not self.events or event in self.events

    @property
    def silence_secs(self) -> float:
        """How long nothing at all may come."""
        return self.heartbeat_secs * self.heartbeats_missed


def _check_address(name: str, url: str, protocol: Protocol) -> None:
    schemes = ("ws", "wss") if protocol == "websocket" else ("http", "https")
    parts = urlsplit(url)
    # What is wrong is told without the address: it may hold a token.
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"the address of {name} needs {schemes[0]}:// or {schemes[1]}:// and a host name")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"the address of {name} holds a user name or password: set username and password instead")
