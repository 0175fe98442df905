"""Takes the options and a position, opens the connection that goes on from there; judges the answer, never reads its events."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from connectors.push.events import EndedError
from connectors.push.options import PushConfig
from connectors.push.redirects import MOST, Next, following, host_of
from connectors.push.resume import MOST_POSITION_CHARS
from wellhead import PermanentError

if TYPE_CHECKING:
    from wellhead.http import HttpClient, LiveAnswer
    from wellhead.http.websocket import LiveSocket

_FORGOTTEN = frozenset({HTTPStatus.GONE, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE})
_SHOWN_CHARS = 80
# A WebSocket's message comes whole or not at all: so much more than an event may have is still read, to be a dead letter.
_BEYOND = 4


class ForgottenError(Exception):
    """The server no longer knows the position it was asked from; stays inside this connector."""


class Door:
    """Opens one channel's connections.

    Args:
        http: The client.
        config: The options.
        channel: Which of its channels.
    """

    def __init__(self, http: HttpClient, config: PushConfig, channel: str) -> None:
        self._http = http
        self.config = config
        self._url = config.url_of(channel)
        self.last_event_secs: float | None = None
        """When an event came last, on the event loop's clock, over however many connections; None before it is watched for."""

    @property
    def host(self) -> str:
        """The server, for messages and records."""
        return host_of(self._url)

    def can_resume(self, position: str) -> bool:
        """Tell whether the server can be asked to go on from a position."""
        if not position or self.config.resume == "none" or len(position) > MOST_POSITION_CHARS:
            return False
        return self.config.resume == "query" or _is_sendable(position)

    @asynccontextmanager
    async def open(
        self, position: str, *, accept: str, kinds: Collection[str], nothing: Collection[int] = ()
    ) -> AsyncIterator[LiveAnswer]:
        """Give the answer, once it is one that events can be read from.

        Args:
            position: What to go on from; empty = from now on.
            accept: What to ask for.
            kinds: The content types that will do.
            nothing: Statuses that say no more than that nothing came.

        Raises:
            EndedError: 204: the server has no more.
            ForgottenError: It no longer knows the position.
            TemporaryError: Worth another try.
            PermanentError: A person must change something.
        """
        target: Next | None = Next(self._url, is_same=True)
        for _ in range(MOST + 1):
            assert target is not None
            async with self._stream(target, position, accept) as answer:
                further = following(
                    target.url,
                    answer.status,
                    answer.headers.get("location"),
                    method=self.config.method,
                    hosts=self.config.redirect_hosts,
                )
                if further is None:
                    if answer.status not in nothing:
                        self._judge(answer, position, kinds)
                    yield answer
                    return
            target = Next(further.url, is_same=target.is_same and further.is_same)
        raise PermanentError(f"{self.config.method} {self.host}: more than {MOST} redirects; check the option url")

    @asynccontextmanager
    async def socket(self, position: str) -> AsyncIterator[LiveSocket]:
        """Give an open WebSocket, subscribed."""
        config = self.config
        async with self._http.websocket(
            self._at(self._url, position),
            headers=self._headers(position, accept=None, is_same=True),
            silence_secs=config.silence_secs,
            progress_secs=config.expected_event_secs,
            max_message_bytes=_BEYOND * config.event_max_bytes,
        ) as socket:
            if config.subscribe is not None:
                await socket.send(config.subscribe.get_secret_value())
            yield socket

    def _stream(self, target: Next, position: str, accept: str) -> AbstractAsyncContextManager[LiveAnswer]:
        config = self.config
        body = config.subscribe if config.method == "POST" else None
        if body is not None and not target.is_same:
            raise PermanentError(
                f"{config.method} {self.host}: redirected to {host_of(target.url)}, to which what subscribes is not sent; if it is right, set url to it"
            )
        return self._http.stream(
            self._at(target.url, position),
            method=config.method,
            headers=self._headers(position, accept=accept, is_same=target.is_same),
            content=None if body is None else body.get_secret_value().encode(),
            silence_secs=config.silence_secs,
            progress_secs=config.expected_event_secs,
        )

    def _at(self, url: str, position: str) -> str:
        """Give an address with the position in its query, where it belongs there, in place of one that stands there already."""
        name = self.config.resume_param
        if self.config.resume != "query" or not position:
            return url
        parts = urlsplit(url)
        others = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != name]
        return urlunsplit(parts._replace(query=urlencode([*others, (name, position)])))

    def _headers(self, position: str, *, accept: str | None, is_same: bool) -> dict[str, str]:
        config = self.config
        headers = {} if accept is None else {"Accept": accept, "Cache-Control": "no-store"}
        if is_same:
            headers |= {name: value.get_secret_value() for name, value in config.headers.items()}
            if config.token is not None:
                headers["Authorization"] = f"Bearer {config.token.get_secret_value()}"
            if config.username is not None and config.password is not None:
                pair = f"{config.username}:{config.password.get_secret_value()}".encode()
                headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        if config.resume == "last_event_id" and position:
            headers["Last-Event-ID"] = position
        return headers

    def _judge(self, answer: LiveAnswer, position: str, kinds: Collection[str]) -> None:
        if answer.status == HTTPStatus.NO_CONTENT:
            raise EndedError(f"{answer.call}: 204: the server says that this stream is over")
        if position and answer.status in _FORGOTTEN:
            raise ForgottenError(f"{answer.call}: {answer.status}: the server no longer knows the event to go on after")
        answer.raise_for_status()
        if answer.status != HTTPStatus.OK:
            raise PermanentError(f"{answer.call}: {answer.status}, where 200 was expected; check the options url and protocol")
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in kinds:
            came = f"content type {kind[:_SHOWN_CHARS]!r}" if kind else "no content type"
            raise PermanentError(
                f"{answer.call}: 200, but {came} instead of {' or '.join(kinds)}; check the options url and protocol, "
                "and whether a proxy or a login page answers in the server's place"
            )


def _is_sendable(value: str) -> bool:
    return value == value.strip() and all(" " <= char <= "~" for char in value)
