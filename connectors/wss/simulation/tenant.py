"""Takes one tenant's requests in order, gives what the vendor answers to each, never tells its clients apart but by their tokens."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from connectors.wss.simulation.archive import Archive, Span
from connectors.wss.simulation.rows import Rows
from connectors.wss.simulation.settings import HOUR_MS, Settings
from connectors.wss.simulation.timeline import Timeline
from connectors.wss.simulation.tokens import NONE, TOKEN_CHARS, Token, TokenMint
from wellhead.testing.faults import Faults, FaultSpec

MS_PER_SEC = 1_000

VENDOR_FAULTS = {
    "abort": "The service fails while building the ZIP: its last member is cut and the status is `abort`.",
    "no_trailer": "The body ends after the ZIP, properly, but without a trailer.",
    "half_trailer": "The body ends, properly, in the middle of the trailer.",
    "broken_zip": "The token is answered 203 bytes of a broken ZIP, now and for ever.",
    "http_410": "The token is answered 410, now and for ever.",
    "expire_tokens": "Every token issued so far is answered 410, now and for ever.",
    "token_jump": "An empty `done` whose token is past all rows there are, as if another client had read them.",
    "huge": "The archive holds all the rows there are, whatever the most hours in one answer.",
}


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that reads as one: dates in epoch milliseconds (end 0 is open), and the token's word or `none`."""

    start_ms: int
    end_ms: int
    word: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer without logs."""

    status: int
    message: str
    retry_after_secs: int | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """An answer of 200: the archive or none, and the trailer after it.

    Attributes:
        word: The token in the trailer.
        status: The status in the trailer.
        archive: The logs, or None when the body is the trailer alone.
        end: Where the tenant stands once this was delivered.
        session: Whose it is.
        contested: Whether it is the empty `done` that another client's `done` caused.
        flaw: The fault to be worked into the body, or "".
    """

    word: str
    status: Literal["more", "done", "abort"]
    archive: Archive | None
    end: int
    session: int
    contested: bool = False
    flaw: str = ""

    @property
    def trailer(self) -> bytes:
        return f"X-sync-token: {self.word}\r\nX-sync-status: {self.status}\r\n".encode()


class Tenant:
    """One tenant of the portal. `done`, and the quiet that follows it, belong to the tenant and so to all its clients."""

    def __init__(self, settings: Settings, name: str, timeline: Timeline, content: Mapping[str, FaultSpec]) -> None:
        self.name = name
        self.timeline = timeline
        self.rows = Rows(settings, name, timeline, content)
        self.downloads = 0
        self.quiet_until_ms = 0
        self.done_position = 0
        self._done_session = 0
        self._settings = settings
        self._mint = TokenMint(settings.seed, name)
        self._sessions = 0
        self._expired: set[str] = set()
        self._expired_until_secs = -1
        self._broken: set[str] = set()
        self._last_used_secs: dict[str, int] = {}

    def answer(self, ask: Ask, now_ms: int, faults: Faults) -> Refusal | Delivery:
        """Answer a request. Nothing moves until `delivered` is told that the answer went out whole."""
        token = None if ask.word == NONE else self._mint.read(ask.word)
        self._strike_tokens(ask.word, token, now_ms, faults)
        refusal = self._wrong_dates(ask, now_ms) or self._wrong_token(ask, token, now_ms)
        if refusal:
            return refusal
        if ask.word in self._broken and token:
            return Delivery(ask.word, "abort", None, token.position, token.session, flaw="broken_zip")
        if now_ms < self.quiet_until_ms:
            return self._in_quiet(ask, token, now_ms)
        if self.downloads >= self._settings.max_downloads:
            return Refusal(503, "too many downloads in progress", self._settings.retry_after_secs)
        return self._serve(ask, token, now_ms, faults)

    def delivered(self, delivery: Delivery, now_ms: int) -> None:
        """Take note that an answer went out whole: after `done` the whole tenant is done, and must keep quiet."""
        if delivery.status != "done" or delivery.contested:
            return
        self.quiet_until_ms = now_ms + round(self._settings.quiet_secs * MS_PER_SEC)
        self.done_position = max(self.done_position, delivery.end)
        self._done_session = delivery.session

    def _strike_tokens(self, word: str, token: Token | None, now_ms: int, faults: Faults) -> None:
        if token is None:
            return
        if faults.take("http_410"):
            self._expired.add(word)
        if faults.take("expire_tokens"):
            self._expired_until_secs = now_ms // MS_PER_SEC
        if faults.take("broken_zip"):
            self._broken.add(word)

    def _wrong_dates(self, ask: Ask, now_ms: int) -> Refusal | None:
        if self._settings.alignment == "strict" and (ask.start_ms % HOUR_MS or ask.end_ms % HOUR_MS):
            return Refusal(400, "startDate and endDate must be whole hours")
        if ask.end_ms > now_ms:
            return Refusal(400, "endDate is in the future")
        if ask.start_ms > (ask.end_ms or now_ms):
            return Refusal(400, "startDate is later than endDate")
        return None

    def _wrong_token(self, ask: Ask, token: Token | None, now_ms: int) -> Refusal | None:
        if ask.word == NONE:
            return None
        if len(ask.word) != TOKEN_CHARS:
            return Refusal(400, "malformed token")
        begin, end = self._bounds(ask)
        if token is None or not begin <= token.position <= (end if end is not None else token.position):
            return Refusal(410, "token is outside the dates")
        used_secs = max(token.issued_secs, self._last_used_secs.get(ask.word, 0))
        max_age_secs = self._settings.token_max_age_secs
        too_old = max_age_secs is not None and now_ms / MS_PER_SEC - used_secs > max_age_secs
        gone = token.position < self._oldest(now_ms)
        if too_old or gone or ask.word in self._expired or token.issued_secs <= self._expired_until_secs:
            return Refusal(410, "the data of the token has expired")
        self._last_used_secs[ask.word] = now_ms // MS_PER_SEC
        return None

    def _in_quiet(self, ask: Ask, token: Token | None, now_ms: int) -> Refusal | Delivery:
        if token is None or not token.more or token.session == self._done_session:
            wait_secs = math.ceil((self.quiet_until_ms - now_ms) / MS_PER_SEC)
            return Refusal(429, "too soon after done", wait_secs)
        # Told `more`, it asks for more; but another client was told `done`, and that holds for the tenant.
        advanced = self._settings.contested_done == "advanced" and self.done_position > token.position
        position = self.done_position if advanced else token.position
        word = self._issue(token.session, position, now_ms, more=False) if advanced else ask.word
        return Delivery(word, "done", None, position, token.session, contested=True)

    def _serve(self, ask: Ask, token: Token | None, now_ms: int, faults: Faults) -> Delivery:
        begin, end = self._bounds(ask)
        limit = self.timeline.position_at(now_ms)
        limit = limit if end is None else min(limit, end)
        position = max(token.position if token else begin, self._oldest(now_ms))
        session = token.session if token else self._new_session(now_ms)
        rows_before = self.timeline.rows_before
        if rows_before(position) >= rows_before(limit):
            return Delivery(ask.word, "done", None, position, session)
        if token and faults.take("token_jump"):
            return Delivery(self._issue(session, limit, now_ms, more=False), "done", None, limit, session)
        hours = None if faults.take("huge") else self._settings.hours_per_archive
        stop = self.timeline.archive_end(position, limit, hours)
        archive = Archive(self._settings, self.timeline, self.rows, Span(position, stop))
        if faults.take("abort"):
            return Delivery(ask.word, "abort", archive, position, session, flaw="abort")
        flaw = faults.first(("no_trailer", "half_trailer")) or ""
        more = rows_before(stop) < rows_before(limit)
        word = self._issue(session, stop, now_ms, more=more)
        return Delivery(word, "more" if more else "done", archive, stop, session, flaw=flaw)

    def _bounds(self, ask: Ask) -> tuple[int, int | None]:
        """Give the positions the dates stand for, both floored to the hour; an open end is None."""
        begin = self.timeline.position_at(ask.start_ms // HOUR_MS * HOUR_MS)
        return begin, self.timeline.position_at(ask.end_ms // HOUR_MS * HOUR_MS) if ask.end_ms else None

    def _oldest(self, now_ms: int) -> int:
        return self.timeline.position_at((now_ms - self._settings.retention_hours * HOUR_MS) // HOUR_MS * HOUR_MS)

    def _new_session(self, now_ms: int) -> int:
        self._sessions += 1
        digest = hashlib.sha256(f"{self._settings.seed}/{self.name}/{now_ms}/{self._sessions}".encode()).digest()
        return int.from_bytes(digest[:4], "big")

    def _issue(self, session: int, position: int, now_ms: int, *, more: bool) -> str:
        return self._mint.issue(Token(session, position, now_ms // MS_PER_SEC, more))
