"""Takes where a process answers /health, gives what it says of a section, or why it says nothing; never fails because nobody answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wellhead.config.worker import WorkerSettings

_SECS = 5.0


def own_address(worker: WorkerSettings) -> str | None:
    """Give where a process of these files on this machine answers; None where it does not."""
    found = worker.listen_address()
    if found is None:
        return None
    host = "127.0.0.1" if found[0] in {"0.0.0.0", "::"} else found[0]  # noqa: S104 - where it listens, not where we do
    scheme = worker.listeners.partition(":")[0].lower()
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{found[1]}"


def health_of(address: str | None, section: str) -> tuple[dict[str, Any], str | None]:
    """Give what a process says of itself, or why none did.

    Args:
        address: Where it answers; None where `listeners` is empty.
        section: What its page must tell of, such as `attacks`: the verb it is run by.
    """
    import httpx  # noqa: PLC0415

    if address is None:
        return {}, "'listeners' is empty, so no process says how it is: only the lag is known"
    try:
        answer = httpx.get(f"{address.rstrip('/')}/health", timeout=_SECS, trust_env=False)
        body = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return {}, (
            f"{address}/health does not answer ({type(error).__name__}): only the lag is known. See that 'wellhead {section} run' is "
            "running there, or name another process with --url"
        )
    if not isinstance(body, dict) or section not in body:
        return {}, f"{address}/health is another service's: name a process of 'wellhead {section} run' with --url"
    return body, None
