"""Takes the files of a certificate, its key and clients' CAs, gives a TLS context that follows their changes; never shows a key."""

from __future__ import annotations

import ssl
from pathlib import Path

from wellhead.config.access import AccessSettings
from wellhead.errors import ConfigError, Problem
from wellhead.telemetry.logs import get_logger

_Stamps = tuple[tuple[int, int] | None, ...]


def server_context(settings: AccessSettings | None) -> ssl.SSLContext:
    """Give the context of https listeners; every new connection gets the files as they are then.

    A change that cannot be used leaves what was, and is logged once. A client's certificate is asked for where
    `rest.tls.client.ca` is set, and refused when that CA did not sign it; without one a connection stands, as probes need.

    Raises:
        ConfigError: A file is missing or cannot be used.
    """
    certificate = settings.rest_tls_certificate if settings is not None else None
    key = settings.rest_tls_key if settings is not None else None
    problems = [
        Problem(f"worker.{word}", "required for listeners of https://")
        for word, path in (("rest.tls.certificate", certificate), ("rest.tls.key", key))
        if path is None
    ]
    if settings is None or certificate is None or key is None:
        raise ConfigError("REST over TLS", problems)
    return _Files(certificate, key, settings.rest_tls_client_ca).first()


class _Files:
    def __init__(self, certificate: Path, key: Path, client_ca: Path | None) -> None:
        self._certificate = certificate
        self._key = key
        self._client_ca = client_ca
        self._stamps = self._look()
        self._newest = self._context()

    def first(self) -> ssl.SSLContext:
        self._newest.sni_callback = self._choose
        return self._newest

    def _choose(self, connection: ssl.SSLObject, _name: str, _context: ssl.SSLContext) -> None:
        """Give a new connection the newest context; OpenSSL calls it at the start of each handshake."""
        stamps = self._look()
        if stamps != self._stamps:
            self._stamps = stamps
            try:
                self._newest = self._context()
            except ConfigError as error:
                get_logger("rest").error("the files of TLS changed and cannot be used; what was still holds", reason=str(error))
        connection.context = self._newest

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        word = "rest.tls.certificate"
        try:
            # Without an answer for the passphrase OpenSSL would ask the terminal.
            context.load_cert_chain(self._certificate, self._key, password=_no_passphrase)
            if self._client_ca is not None:
                word = "rest.tls.client.ca"
                context.load_verify_locations(self._client_ca)
                context.verify_mode = ssl.CERT_OPTIONAL
        except (OSError, ValueError) as error:
            raise ConfigError("REST over TLS", [Problem(f"worker.{word}", self._told(error, word))]) from None
        return context

    def _told(self, error: Exception, word: str) -> str:
        paths = f"{self._client_ca}" if word == "rest.tls.client.ca" else f"{self._certificate} with {self._key}"
        if isinstance(error, ssl.SSLError):
            return f"{paths} cannot be used: {(error.reason or 'not PEM').replace('_', ' ').lower()}"
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return f"{paths} cannot be read: {(reason or 'unknown error').lower()}"

    def _look(self) -> _Stamps:
        return tuple(map(_stamp, filter(None, (self._certificate, self._key, self._client_ca))))


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase; give it without one")


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
