"""Takes a worker's settings and what a request says of its sender, gives the caller or a refusal; never tells a wrong name from a wrong secret."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import bcrypt

from wellhead.clock import Clock, SystemClock
from wellhead.config.access import AccessSettings
from wellhead.errors import ConfigError, PermanentError, Problem
from wellhead.rest.accounts import ROLES, Reread, Token, User, parse_tokens, parse_users
from wellhead.rest.contract import ApiError, Caller, Role
from wellhead.rest.limits import Rate

REFUSED: Final = "User cannot access the resource."  # as Connect's basic auth extension says it
# A wrong password costs a slow hash, so that guessing is slow; these bound what guessing costs everybody else.
_WRONG_PER_SEC: Final = 1.0
_WRONG_BURST: Final = 20.0
_MOST_PROVEN: Final = 1000
_MOST_PASSWORD_BYTES: Final = 72  # bcrypt's own
_NOBODY: Final = User("", b"$2b$12$abcdefghijklmnopqrstuuH9hYpT2Kq0fH6Zr0mU1o5eQ3lqQzJ3W", Role.READ_ONLY)


class Access:
    """Who may ask: knows callers by certificate, bearer token or password, or lets everybody in on loopback.

    Args:
        settings: Checked by `of`, which is how to make one.
        clock: Bounds wrong tries and says when to look at the files again.

    Attributes:
        settings: The settings it was made of.
        is_open: Whether nobody has to say who they are.
        rate: What each client's address may ask.
    """

    def __init__(self, settings: AccessSettings, clock: Clock) -> None:
        self.settings = settings
        self.rate = Rate(settings.rest_max_requests_per_sec, clock)
        self._wrong = Rate(_WRONG_PER_SEC, clock, burst=_WRONG_BURST)
        self._users: Reread[dict[str, User]] | None = None
        self._tokens: Reread[list[Token]] | None = None
        if settings.rest_auth_basic_file is not None:
            self._users = Reread(settings.rest_auth_basic_file, "rest.auth.basic.file", parse_users, clock)
        if settings.rest_auth_token_file is not None:
            self._tokens = Reread(settings.rest_auth_token_file, "rest.auth.token.file", parse_tokens, clock)
        self._names = {name: ROLES[role] for name, role in settings.roles().items()} if settings.rest_tls_client_ca else {}
        self.is_open = self._users is None and self._tokens is None and settings.rest_tls_client_ca is None
        self._seal = secrets.token_bytes(32)
        self._proven: dict[bytes, tuple[int, Caller]] = {}
        self._hashing = asyncio.Semaphore(1)

    @classmethod
    def of(cls, settings: AccessSettings, clock: Clock | None = None) -> Access:
        """Make it from settings that are safe to serve the API with.

        Raises:
            ConfigError: They are not, or a file they name cannot be read; lists every reason.
        """
        problems = _unsafe(settings)
        if not problems:
            try:
                return cls(settings, clock or SystemClock())
            except PermanentError as error:
                problems = [Problem("worker.rest.auth", str(error))]
        raise ConfigError("REST API", problems)

    async def caller(self, headers: Mapping[str, str], peer: str | None, address: str) -> Caller:
        """Tell who sends a request.

        Args:
            headers: Its headers, names in lower case.
            peer: The common name of its client certificate, which TLS has verified; None without one.
            address: The host it comes from.

        Raises:
            ApiError: 401 when they do not say who they are or say it wrong, 403 for a certificate without a role,
                429 after too many wrong tries.
        """
        if self.is_open:
            return Caller("anonymous", Role.ADMIN, address)
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if not scheme:
            return self._by_certificate(peer, address)
        if scheme.lower() == "bearer":
            found = self._by_token(given.strip(), address)
        elif scheme.lower() == "basic":
            found = await self._by_password(given.strip(), address)
        else:
            found = None
        if found is None:
            raise ApiError(401, REFUSED)
        return found

    def challenges(self) -> list[str]:
        """Give the `WWW-Authenticate` headers of a 401."""
        return [*(['Basic realm="wellhead"'] if self._users else []), *(["Bearer"] if self._tokens else [])]

    def _by_certificate(self, peer: str | None, address: str) -> Caller:
        if peer is None:
            raise ApiError(401, REFUSED)
        role = self._names.get(peer, self._names.get("*"))
        if role is None:
            raise ApiError(403, f"the certificate of {peer} has no role; rest.auth.roles gives it one")
        return Caller(peer, role, address)

    def _by_token(self, given: str, address: str) -> Caller | None:
        if self._tokens is None:
            return None
        self._tokens.refresh()
        digest = hashlib.sha256(given.encode()).digest()
        # Every line is compared, so that the time does not say how far down the list a token stands.
        found = [token for token in self._tokens.content if hmac.compare_digest(token.digest, digest)]
        if not found:
            self._count_try(address)
            return None
        return Caller(found[0].name, found[0].role, address)

    async def _by_password(self, given: str, address: str) -> Caller | None:
        if self._users is None:
            return None
        self._users.refresh()
        seal = hmac.digest(self._seal, given.encode(), "sha256")
        version, caller = self._proven.get(seal, (0, None))
        if caller is not None and version == self._users.version:
            return Caller(caller.name, caller.role, address)
        self._count_try(address)
        name, password = _name_and_password(given)
        user = self._users.content.get(name)
        version = self._users.version
        async with self._hashing:  # one at a time: the tasks need the processor more than a guesser does
            matches = await asyncio.to_thread(_matches, password, (user or self._stand_in()).hash)
        if user is None or not matches:
            return None
        if len(self._proven) >= _MOST_PROVEN:
            self._proven.clear()
        self._proven[seal] = (version, Caller(user.name, user.role, address))
        return Caller(user.name, user.role, address)

    def _count_try(self, address: str) -> None:
        if not self._wrong.take(address):
            raise ApiError(429, "too many tries with a wrong password or token from this address; try again in a few seconds")

    def _stand_in(self) -> User:
        """Give a user whose hash takes as long as the others', for names that are not there."""
        users = self._users.content.values() if self._users is not None else ()
        return next(iter(users), _NOBODY)


def _name_and_password(given: str) -> tuple[str, bytes]:
    try:
        name, _, password = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", b""
    return name, password.encode()


def _matches(password: bytes, hashed: bytes) -> bool:
    is_whole = 0 < len(password) <= _MOST_PASSWORD_BYTES and b"\x00" not in password
    try:
        return bcrypt.checkpw(password if is_whole else b"x", hashed) and is_whole
    except ValueError:
        return False


def _unsafe(settings: AccessSettings) -> list[Problem]:
    listeners = [urlsplit(listener) for listener in filter(None, settings.listeners.split(","))]
    knows = settings.rest_auth_basic_file or settings.rest_auth_token_file or settings.rest_tls_client_ca
    problems = []
    for listener in listeners:
        if is_loopback(listener.hostname or "0.0.0.0"):  # noqa: S104 - it is refused
            continue
        if listener.scheme != "https":
            problems.append(
                Problem(
                    "worker.listeners",
                    f"{listener.geturl()} is open to other machines without TLS: write https:// and set rest.tls.certificate "
                    "and rest.tls.key, or listen on 127.0.0.1; for probes and scrapers alone there is probe.listeners",
                )
            )
        if not knows:
            problems.append(
                Problem(
                    "worker.listeners",
                    f"{listener.geturl()} is open to other machines and to everybody: set rest.auth.basic.file, "
                    "rest.auth.token.file or rest.tls.client.ca",
                )
            )
    if settings.rest_tls_client_ca and not settings.roles():
        problems.append(Problem("worker.rest.auth.roles", "required with rest.tls.client.ca: what each common name may do"))
    return problems


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, by its name alone."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
