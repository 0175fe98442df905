"""Takes what the client raised, gives the error whose type is the recovery and whose text names store, host and next step; never a secret."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from opensearchpy.exceptions import (
    ConnectionError as Unreachable,
)
from opensearchpy.exceptions import (
    ConnectionTimeout,
    ImproperlyConfigured,
    OpenSearchException,
    SerializationError,
    SSLError,
    TransportError,
)

from wellhead.errors import PermanentError, TemporaryError, WellheadError

CLIENT_ERRORS: Final = (OpenSearchException, ImproperlyConfigured)
BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, TIMED_OUT, TOO_LARGE, TOO_MANY = 400, 401, 403, 404, 408, 413, 429
_FIRST_SERVER_ERROR: Final = 500
# The only thing a store says of a document for which it refuses the whole request; whatever else it says is about how it is asked.
_OF_A_DOCUMENT: Final = "action_request_validation_exception"
_LONGEST_REASON: Final = 500
# A server that starts or stops cuts connections in the middle of a handshake.
_CUT: Final = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


def failure(error: Exception, where: str, doing: str) -> WellheadError:
    """Give `error`, met while `doing` something at the store that `where` names, as what to do next."""
    what = f"{where}: {doing}"
    if isinstance(error, SSLError):
        return _tls(error, what)
    if isinstance(error, ConnectionTimeout):
        return TemporaryError(f"{what}: no answer in time. Look at the store's load, or raise timeout.secs")
    if isinstance(error, Unreachable):
        return TemporaryError(f"{what}: cannot be reached ({_reason(error)}). Look whether the store runs, and at url")
    if isinstance(error, SerializationError):
        return TemporaryError(f"{what}: answered with something else than JSON. Look whether url leads to the store itself")
    if isinstance(error, TransportError) and isinstance(error.status_code, int):
        return _status(error.status_code, reason_of(error.info) or str(error.error)[:_LONGEST_REASON], what)
    return PermanentError(f"{what}: {type(error).__name__}. Look at the store's options")


def blame_of(error: Exception) -> Literal["documents", "room", "store"]:
    """Tell what a bulk that was refused as a whole owes it to: one of its documents, a lack of room for now, or the store itself."""
    status = error.status_code if isinstance(error, TransportError) else None
    if status == TOO_MANY:
        return "room"
    # Only what the store itself says of a document: a door in front of it has reasons of its own for 400.
    told = reason_of(error.info).partition(":")[0] if isinstance(error, TransportError) and status == BAD_REQUEST else ""
    return "documents" if status == TOO_LARGE or told == _OF_A_DOCUMENT else "store"


def refusal_of(error: Exception) -> str:
    """Give why a single document was refused."""
    return reason_of(getattr(error, "info", None)) or "larger than http.max_content_length of the store"


def reason_of(info: Any) -> str:
    """Give type and reason of an error as the store tells it, its causes behind; empty where it tells none."""
    found = info.get("error", info) if isinstance(info, Mapping) else info
    if isinstance(found, str):
        return found[:_LONGEST_REASON]
    return ": ".join(dict.fromkeys(text.rstrip("; ") for text in _told(found)))[:_LONGEST_REASON]


def is_block(reason: str) -> bool:
    """Tell whether an index is only closed to writing for a while: its disk is full, or a person set it read-only."""
    return "cluster_block_exception" in reason


def is_full(reason: str) -> bool:
    """Tell whether the store will open no further index."""
    return "maximum" in reason and "shards open" in reason


def _told(error: Any) -> Iterator[str]:
    while isinstance(error, Mapping):
        yield from (str(error[name]) for name in ("type", "reason") if error.get(name))
        roots = error.get("root_cause")
        error = error.get("caused_by") or (roots[0] if isinstance(roots, list) and roots else None)


def _status(status: int, reason: str, what: str) -> WellheadError:
    if status == UNAUTHORIZED:
        return PermanentError(
            f"{what}: 401, the login was refused. Set username and password, or api.key, to one that is valid"
        )
    if status == FORBIDDEN and is_block(reason):
        return TemporaryError(f"{what}: 403, {reason}. Free disk space or lift the block of the index; it will be tried again")
    if status == FORBIDDEN:
        return PermanentError(f"{what}: 403, {reason}. Grant the user the rights on these indices and templates")
    if status in (TIMED_OUT, TOO_MANY):
        return TemporaryError(f"{what}: {status}, the store is busy ({reason}). It will be tried again")
    if status >= _FIRST_SERVER_ERROR:
        return TemporaryError(f"{what}: {status}, {reason}. It will be tried again; look at the store's log and health")
    return PermanentError(f"{what}: {status}, {reason}")


def _tls(error: SSLError, what: str) -> WellheadError:
    causes = list(_causes(error))
    verification = next((cause for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)), None)
    if verification is not None:
        return PermanentError(
            f"{what}: its certificate is not trusted ({verification.verify_message}). Set ca.file to the authority that signed it, or "
            "verify.hostname to false where only the name differs"
        )
    if any(isinstance(cause, _CUT) for cause in causes):
        return TemporaryError(f"{what}: the TLS handshake was cut off. Look whether the store runs")
    reason = next((cause.reason for cause in causes if isinstance(cause, ssl.SSLError) and cause.reason), "no reason given")
    return PermanentError(f"{what}: the TLS handshake failed ({reason}). Look at the scheme in url, cert.file and key.file")


def _reason(error: Unreachable) -> str:
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    return type(error.info).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield what lies behind an error, wherever the libraries in between put it."""
    waiting: list[Any] = [error]
    seen: set[int] = set()
    while waiting:
        found = waiting.pop(0)
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting += [found.__cause__, found.__context__, getattr(found, "reason", None), *found.args]
