"""Takes what a page held and its link to the next, gives the position to go on from; never goes past what was seen, nor on for ever.

A position is an `update_id`: everything up to it has been read. The vendor's ids are beyond 2^32 and are compared as numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

MAX_ID = 2**63 - 1
ORDER = "update_id"
TOKENS = ("search_after", "update_id__gt", "from_update_id")
"""Where a link says how to go on, the most exact first."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page is asked for.

    Attributes:
        stream: The stream's name; stands in its records.
        position: Everything up to this `update_id` has been read.
        known: Like `position`, but of the whole reading: what lies between is being read again.
        now_ms: Epoch ms; what ends by then is expired.
        oldest_ms: Epoch ms; what changed last before then is too old. None keeps everything.
        recent_ms: Epoch ms; a page with something changed since is recent.
        since_ms: Epoch ms; only what changed since is asked for. None asks for everything.
        passed: Ids of updates behind the position that the page before held already, where its link led back before its end.
    """

    stream: str
    position: int
    known: int
    now_ms: int
    oldest_ms: int | None
    recent_ms: int
    since_ms: int | None = None
    passed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Step:
    """What a page means for the reading.

    Attributes:
        position: Where the reading stands behind the page; never below what was asked for.
        more: Whether the vendor has more, and asking for it would lead on.
        stuck: Why it would not, for a person; empty in good order.
    """

    position: int
    more: bool
    stuck: str = ""


def step(asked: int, newest: int | None, objects: int, link: str | None, *, limit: int = 0, far: int | None = None) -> Step:
    """Give what follows a page.

    Args:
        asked: The position it was asked for from.
        newest: The highest `update_id` on it; None where none can be read.
        objects: How many objects it held.
        link: The vendor's `meta.next`, relative or absolute; only its token is used, never its host.
        limit: How many objects it was asked for.
        far: An `update_id` on it that is too far beyond all others to go on from; in the vendor's order nothing follows it.
    """
    token = token_of(link)
    if far is not None and (newest is None if token is None else token >= far):
        link = token = None
    if not objects:
        return Step(asked, more=False)
    if newest is None and (not link or (token is not None and token > asked)):
        return Step(token or asked, more=bool(link))
    if newest is None or newest <= asked:
        return Step(asked, more=False, stuck=f"a page of {objects} objects held nothing behind update_id {asked}")
    if token is not None and token <= asked:
        if objects < limit:
            # A last page may link to itself. Whether it is the last shows by asking from behind it: fewer may be all a vendor gives.
            return Step(newest, more=True)
        return Step(newest, more=False, stuck=f"the link to the next page leads to {token}, not behind update_id {asked}")
    # Neither beyond what the page showed nor beyond what the vendor says has been given.
    return Step(newest if token is None else min(token, newest), more=bool(link))


def token_of(link: str | None) -> int | None:
    """Give the number a link goes on from, None where it names none.

    >>> token_of("/api/v2/intelligence/?update_id__gt=999&search_after=1000")
    1000
    >>> token_of("/api/v2/intelligence/?order_by=modified_ts&search_after=1767225600000&from_update_id=7")
    7
    """
    if not link:
        return None
    try:
        query = parse_qs(urlsplit(link).query)
    except ValueError:
        return None
    # In another order `search_after` is no update_id.
    foreign = query.get("order_by", [ORDER]) != [ORDER]
    for name in TOKENS[1:] if foreign else TOKENS:
        for text in query.get(name, ()):
            if text.isascii() and text.isdecimal() and (number := int(text[:20])) <= MAX_ID:
                return number
    return None
