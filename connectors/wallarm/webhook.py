"""Takes hits that the vendor pushes over HTTP, gives them as records of `wallarm.hit`; a request is answered once its hits are committed, never before.

Whatever is not committed when the stream stops is answered 503, so that the vendor sends it again; a hit that comes again within the
look-back is left out by its id, also after a kill between the commit and the answer.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, SecretStr, model_validator

from wellhead import Batch, Config, Cursor, Reject, SourceTask, Stream, TemporaryError
from wellhead.api import in_thread

if TYPE_CHECKING:  # an idle worker should hold neither pyarrow nor a web server
    from connectors.wallarm.webhook_body import Pushed
    from connectors.wallarm.webhook_inbox import Inbox, Waiting
    from connectors.wallarm.webhook_listener import Listener

HEARTBEAT_SECS = 60.0
_BATCH_HITS = 5_000
# How long a stop waits for the commit of what was taken: many times what a commit takes.
_SETTLE_SECS = 1.0
_REMEMBERED = 200_000
_MIB = 1 << 20


class WebhookConfig(Config):
    """Options of the webhook receiver; the connector's config has them, too."""

    webhook_port: int | None = Field(
        default=None,
        ge=1,
        le=65_535,
        description="Port on which hits pushed by Wallarm's webhook are received. Unset = none are.",
    )
    webhook_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address to receive them on; by default only this machine can push, such as a proxy that ends TLS.",
    )
    webhook_token: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="What a push must bear as `Authorization: Bearer`; set it as a header in Wallarm's integration, too.",
    )
    webhook_cert_file: Path | None = Field(
        default=None, description="PEM file with the certificate chain, to receive over HTTPS."
    )
    webhook_key_file: Path | None = Field(default=None, description="PEM file with its key, where that is another one.")
    webhook_body_max_bytes: int = Field(
        default=8 * _MIB, ge=1_024, description="Largest push that is taken, in bytes; a larger one is answered 413."
    )
    webhook_waiting_max: int = Field(
        default=256, ge=1, description="Most pushes that wait for their commit; one more is answered 503 with Retry-After."
    )
    webhook_waiting_max_bytes: int = Field(default=64 * _MIB, ge=1_024, description="Most bytes that wait so.")
    webhook_look_back_secs: float = Field(
        default=3_600,
        ge=0,
        le=86_400,
        description="How far back a pushed hit is recognized as published already and left out, in seconds.",
    )

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if self.webhook_port is not None and self.webhook_token is None:
            raise ValueError("webhook_port is set, but webhook_token is not: nobody could push, or everybody")
        return self


class WebhookCursor(Cursor):
    """How many pushes were taken so far, and since when one may come again."""

    received: int = Field(default=0, ge=0, description="How many pushes were taken since the stream began.")
    since_ms: int | None = Field(
        default=None, description="Event time from which on a hit may be pushed again, epoch ms; null before the first."
    )

    def replay_from_ms(self) -> int | None:
        return self.since_ms


class WebhookTask(SourceTask[Any, WebhookCursor]):
    """Listens while it is polled."""

    _inbox: Inbox | None = None

    async def poll(self, cursor: WebhookCursor | None) -> AsyncIterator[Batch[WebhookCursor]]:
        """Yield a batch whenever hits have come, an empty one when none came for a while; never ends by itself."""
        cursor = cursor or WebhookCursor()
        remembered: dict[str, None] = {}
        with self._open_inbox() as inbox:
            async with self._listening(inbox) as listener:
                try:
                    while True:
                        await self._arrival(inbox, listener)
                        taken = inbox.take(_BATCH_HITS, cursor.received + 1)
                        if taken:
                            cursor = self._after(cursor, len(taken))
                        yield await self._batch(taken, cursor, remembered)
                        del taken
                finally:
                    await self._settle(inbox)

    async def committed(self, cursor: WebhookCursor) -> None:
        """Answer the pushes whose hits are committed."""
        if self._inbox is not None:
            self._inbox.settle(cursor.received)

    @contextmanager
    def _open_inbox(self) -> Iterator[Inbox]:
        from connectors.wallarm.webhook_inbox import Inbox, Limits  # noqa: PLC0415

        config = self.config
        limits = Limits(config.webhook_body_max_bytes, config.webhook_waiting_max, config.webhook_waiting_max_bytes)
        clients = config.clients
        self._inbox = Inbox(config.webhook_token.get_secret_value(), limits, clients[0] if len(clients) == 1 else None)
        try:
            yield self._inbox
        finally:
            self._inbox.close()
            self._inbox.refuse_rest()
            self._inbox = None

    def _listening(self, inbox: Inbox) -> Listener:
        from connectors.wallarm.webhook_listener import Listener  # noqa: PLC0415

        config = self.config
        return Listener(inbox, config.webhook_host, config.webhook_port, config.webhook_cert_file, config.webhook_key_file)

    async def _arrival(self, inbox: Inbox, listener: Listener) -> None:
        """Return once something has come, or nothing has for a while."""
        waits = [asyncio.ensure_future(wait) for wait in (inbox.wait(), self.clock.sleep(HEARTBEAT_SECS))]
        assert listener.ended is not None
        try:
            await asyncio.wait([*waits, listener.ended], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if listener.ended.done():
            raise TemporaryError("webhook: the server ended; it is started again") from listener.ended.exception()

    async def _settle(self, inbox: Inbox) -> None:
        """Wait a moment for the commit of what was taken, then refuse the rest."""
        inbox.close()
        try:
            async with asyncio.timeout(_SETTLE_SECS):
                await inbox.settled()
        except TimeoutError:
            pass
        finally:
            inbox.refuse_rest()

    def _after(self, cursor: WebhookCursor, taken: int) -> WebhookCursor:
        since_ms = self.clock.now_ms() - round(self.config.webhook_look_back_secs * 1_000)
        return WebhookCursor(received=cursor.received + taken, since_ms=max(0, since_ms))

    async def _batch(self, taken: list[Waiting], cursor: WebhookCursor, remembered: dict[str, None]) -> Batch[WebhookCursor]:
        pushes = [waiting.pushed for waiting in taken]
        for pushed in pushes:
            remembered.update(dict.fromkeys(pushed.leave_out(remembered)))
        for name in list(remembered)[: max(0, len(remembered) - _REMEMBERED)]:
            del remembered[name]
        return await in_thread(_batch_of, pushes, cursor)


def _batch_of(pushes: list[Pushed], cursor: WebhookCursor) -> Batch[WebhookCursor]:
    from connectors.wallarm.webhook_body import table_of_pushed  # noqa: PLC0415

    filtered: Counter[str] = Counter()
    for pushed in pushes:
        filtered.update(pushed.filtered)
    rejects = [reject for pushed in pushes for reject in pushed.rejects]
    table = table_of_pushed(pushes)
    return Batch([] if table is None else table, cursor, rejects=rejects, filtered=filtered)


def read_again(config: Any, _stream: str, reject: Reject) -> Batch[WebhookCursor]:
    """Read one pushed notification again, as it was kept."""
    from connectors.wallarm.webhook_body import read_push  # noqa: PLC0415

    pushed = read_push(reject.raw, config.clients[0] if len(config.clients) == 1 else None)
    return _batch_of([pushed], WebhookCursor())


webhook_stream = Stream(
    name="pushed_hit",
    task=WebhookTask,
    cursor=WebhookCursor,
    subject="wallarm.hit",
    description="One record per hit that Wallarm's webhook pushes; only with `webhook_port`.",
    key=("client_id",),
    identity=("id",),
    time="time",
    live=True,
    redrive=read_again,
)
