"""Takes the vendor's answer, gives its page when it is whole, and otherwise raises by the recovery; never gives half a page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson

from wellhead import PermanentError, TemporaryError
from wellhead.http import Response


@dataclass(frozen=True, slots=True)
class Page:
    """One page as the vendor sent it.

    Attributes:
        objects: Its objects, parsed, whatever they are.
        link: The vendor's `meta.next`; None on the last page.
        text: The body, in which each object can be found byte for byte.
    """

    objects: list[Any]
    link: str | None
    text: str = field(repr=False)


def check(answer: Response) -> None:
    """Return for an answer that may hold a page.

    Raises:
        TemporaryError: The vendor is busy or failing; `after_secs` as it asked. A 207 may carry a 429 in its body.
        PermanentError: The credentials, the address or the request are refused.
    """
    match answer.status:
        case HTTPStatus.OK:
            return
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            raise PermanentError(
                f"{answer.call}: {answer.status}: the API key is refused. Set the options `user` and `api_key` to a pair from the "
                "vendor's profile page, of a user with the right to read intelligence by API."
            )
        case HTTPStatus.NOT_FOUND:
            raise PermanentError(f"{answer.call}: 404: there is no intelligence API at this address. Check the option `url`.")
        case HTTPStatus.BAD_REQUEST:
            raise PermanentError(
                f"{answer.call}: 400: the request is refused. Check the options `types` and `page_limit`, and that `url` is "
                "the intelligence API of this vendor."
            )
        case HTTPStatus.MULTI_STATUS:
            raise _passed_on(answer)
        case HTTPStatus.TOO_MANY_REQUESTS:
            raise TemporaryError(f"{answer.call}: 429: the vendor asks to wait", after_secs=answer.retry_after_secs)
        case _:
            answer.raise_for_status()
            raise PermanentError(f"{answer.call}: {answer.status} where 200 was expected. Check the option `url`.")


def _passed_on(answer: Response) -> TemporaryError:
    """An API gateway between here and the vendor answers 207 and tells of the vendor's own status inside."""
    try:
        body = orjson.loads(answer.content)
    except ValueError:
        body = None
    facts = list(_facts(body))
    refused = any(value == HTTPStatus.TOO_MANY_REQUESTS for name, value in facts if "code" in name or "status" in name)
    asked = [int(value) for name, value in facts if name in {"retry_after", "retry_after_secs"} and str(value).isdecimal()]
    after_secs = answer.retry_after_secs if answer.retry_after_secs is not None else next(map(float, asked), None)
    what = (
        "429: the vendor asks to wait" if refused else "the vendor answered with parts that are no page; it will be asked again"
    )
    return TemporaryError(
        f"{answer.call}: 207 with {what}" if refused else f"{answer.call}: 207: {what}", after_secs=after_secs
    )


def _facts(body: Any) -> Iterator[tuple[str, Any]]:
    """Give every named scalar in a body, however deep, names in lower case with underscores."""
    if isinstance(body, dict):
        for name, value in body.items():
            if isinstance(value, dict | list):
                yield from _facts(value)
            else:
                yield name.lower().replace("-", "_"), value
    elif isinstance(body, list):
        for item in body:
            yield from _facts(item)


def page_in(content: bytes) -> Page:
    """Read a page.

    Raises:
        ValueError: It is cut, or no page at all.
    """
    body, text = _parse(content)
    objects = body.get("objects") if isinstance(body, dict) else None
    if not isinstance(objects, list):
        raise ValueError("the body is JSON, but has no list of objects")  # noqa: TRY004 - the sender's mistake, not the caller's
    meta = body.get("meta")
    link = meta.get("next") if isinstance(meta, dict) else None
    return Page(objects, link if isinstance(link, str) and link not in {"", "0"} else None, text)


def _parse(content: bytes) -> tuple[Any, str]:
    """Parse JSON; text that is not UTF-8 through and through costs its broken characters, not the page."""
    try:
        return orjson.loads(content), content.decode()
    except ValueError:
        text = content.decode("utf-8", "replace")
        try:
            loose = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError(f"the body of {len(content):,} bytes is cut, or no JSON") from None
        return orjson.loads(json.dumps(loose, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")), text
