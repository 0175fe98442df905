"""Takes the vendor's answer, gives its page when it is whole, and otherwise raises by the recovery; never gives half a page."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson

from wellhead import PermanentError, TemporaryError
from wellhead.http import Response

_TOLD_CHARS = 200


@dataclass(frozen=True, slots=True)
class Page:
    """One page as the vendor sent it.

    Attributes:
        objects: Its objects, parsed, whatever they are.
        name: The member of the body they stand in.
        follow: The vendor's cursor of the next page; None on the last one, which holds objects all the same.
        content: The body, in which each object can be found byte for byte.
        call: What was called, for messages.
    """

    objects: list[Any]
    name: str
    follow: str | None
    content: bytes = field(repr=False)
    call: str = ""

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", "replace")


def check(answer: Response, *, what: str = "") -> None:
    """Return for an answer that may hold a page.

    Args:
        answer: What came.
        what: What was asked for, in words for a message.

    Raises:
        TemporaryError: The vendor is busy or failing; `after_secs` as it asked.
        PermanentError: The credentials, the address or the request are refused.
    """
    match answer.status:
        case HTTPStatus.OK:
            return
        case HTTPStatus.UNAUTHORIZED:
            raise PermanentError(
                f"{answer.call}: 401: the credentials are refused. Set the option `token` to an API token that has not expired (console: "
                "Settings, API tokens), or `uuid` and `secret` to the older pair, and check that `url` is the cloud they belong to."
            )
        case HTTPStatus.FORBIDDEN:
            raise PermanentError(
                f"{answer.call}: 403: these credentials may not read{' ' + what if what else ''}. Check the option `clients`, and give the "
                "token a role that may read attacks and hits of these clients."
            )
        case HTTPStatus.NOT_FOUND:
            raise PermanentError(
                f"{answer.call}: 404: there is no such API at this address. Check the options `url` and `api`."
            )
        case HTTPStatus.BAD_REQUEST:
            raise PermanentError(
                f"{answer.call}: 400: the vendor refuses the request{_told(answer.content)}. Check the options."
            )
        case HTTPStatus.TOO_MANY_REQUESTS:
            raise TemporaryError(f"{answer.call}: 429: the vendor asks to wait", after_secs=answer.retry_after_secs)
        case _:
            answer.raise_for_status()
            raise PermanentError(f"{answer.call}: {answer.status} where 200 was expected. Check the option `url`.")


def _told(content: bytes) -> str:
    """Give the vendor's own words on what is wrong, shortened; nothing where there are none."""
    try:
        body = orjson.loads(content)
    except ValueError:
        return ""
    said = (body.get("body") or body.get("error") or body.get("message")) if isinstance(body, dict) else None
    if said is None:
        return ""
    text = said if isinstance(said, str) else orjson.dumps(said).decode()
    plain = "".join(character if character.isprintable() else " " for character in text)
    return f': "{plain[:_TOLD_CHARS]}"'


def page_in(answer: Response, name: str) -> Page:
    """Read a page whose objects stand under `name`.

    Raises:
        TemporaryError: It is cut, or no page at all.
    """
    try:
        body = _parse(answer.content)
    except ValueError:
        size = len(answer.content)
        raise TemporaryError(f"{answer.call}: the body of {size:,} bytes is cut, or no JSON; it is asked for again") from None
    objects = body.get(name) if isinstance(body, dict) else None
    if not isinstance(objects, list):
        said = _told(answer.content) if isinstance(body, dict) and body.get("status") not in (None, HTTPStatus.OK) else ""
        raise TemporaryError(f"{answer.call}: the body is JSON, but has no list `{name}`{said}; it is asked for again")
    return Page(objects, name, _follow(body), answer.content, answer.call)


def _follow(body: dict[str, Any]) -> str | None:
    if body.get("has_more") is False:
        return None
    for name in ("next_cursor", "cursor"):
        if isinstance(token := body.get(name), str) and token:
            return token
    return None


def _parse(content: bytes) -> Any:
    """Parse JSON; a payload that is no sound text, as attackers send it, costs its broken characters, not the page."""
    try:
        return orjson.loads(content)
    except ValueError:
        try:
            loose = json.loads(content.decode("utf-8", "replace"))
        except RecursionError:
            raise ValueError("nested too deeply") from None
        return orjson.loads(json.dumps(loose, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace"))
