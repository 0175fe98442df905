"""Takes two stores' answers to one question, gives where they differ in meaning; never calls late what is wrong, nor wrong what is late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from wellhead.consumers.attacks.api.requests import Json

Kind = Literal["missing", "extra", "changed", "count"]
KINDS: Final[tuple[Kind, ...]] = ("missing", "extra", "changed", "count")
_PAGES: Final = {"attacks": ("last_time", "id"), "hits": ("time", "id")}
# Lists whose order says nothing where counts are equal, or nothing at all.
_UNORDERED: Final = frozenset({"ip_top", "country_top", "status_codes", "block_statuses", "merged", "multiple", "attack_ids"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two answers say differently.

    Attributes:
        kind: The other store lacks it, only the other has it, a document's fields differ, or a number does.
        subject: The id of the document, or what is counted.
        fields: The fields that differ.
        ours: What the store that answered says: a document's version, a number.
        theirs: What the other says.
    """

    kind: Kind
    subject: str
    fields: tuple[str, ...] = ()
    ours: int | None = None
    theirs: int | None = None


def differences(ours: Json | None, theirs: Json | None, *, by_id: bool = False) -> list[Difference]:
    """Give where the answers to one question differ.

    Args:
        ours: Of the store that answered; None where it found nothing.
        theirs: Of the other.
        by_id: Whether pages are in the order of ids alone.
    """
    if ours is None or theirs is None:
        if ours is theirs:
            return []
        found = ours or theirs or {}
        return [Difference("missing" if theirs is None else "extra", str(found.get("id") or found.get("attack_id")))]
    if "id" in ours:
        return _of_documents(ours, theirs)
    found_at = [_of_pages(ours[name], theirs.get(name, []), ours, theirs, key[1:] if by_id else key) for name, key in _PAGES.items()
                if isinstance(ours.get(name), list)]  # fmt: skip
    return [*(each for found in found_at for each in found), *_of_numbers(ours, theirs)]


def lasting(first: Sequence[Difference], second: Sequence[Difference]) -> list[Difference]:
    """Give what of the first look still stands at the second, and cannot be explained by one store being behind the other.

    Whoever was behind has caught up once it says at least what the other had said at first; that the other has gone on since
    is no difference.
    """
    before = {(each.kind, each.subject): each for each in first}
    return [each for each in second if (was := before.get((each.kind, each.subject))) is not None and not _caught_up(was, each)]


def _caught_up(was: Difference, now: Difference) -> bool:
    known = (was.ours, was.theirs, now.ours, now.theirs)
    if None in known or was.ours == was.theirs:
        return False
    assert was.ours is not None and was.theirs is not None and now.ours is not None and now.theirs is not None  # noqa: PT018
    return (now.ours, now.theirs) != (was.ours, was.theirs) and now.theirs >= was.ours and now.ours >= was.theirs


def _of_pages(
    ours: Sequence[Json], theirs: Sequence[Json], our_page: Json, their_page: Json, key: Sequence[str]
) -> list[Difference]:
    """Compare as far as both pages reach: what one lacks lets the other's last entries slip off its end."""
    ends = [
        _place(entries[-1], key)
        for entries, page in ((ours, our_page), (theirs, their_page))
        if entries and page.get("cursor") is not None
    ]
    reach = max(ends, default=None)
    mine = {str(each["id"]): each for each in ours}
    other = {str(each["id"]): each for each in theirs}
    found: list[Difference] = []
    for name in dict.fromkeys([*mine, *other]):
        if name in mine and name in other:
            found += _of_documents(mine[name], other[name])
        elif reach is None or _place(mine.get(name) or other[name], key) >= reach:
            found.append(Difference("missing" if name in mine else "extra", name))
    return found


def _place(document: Json, key: Sequence[str]) -> tuple[Any, ...]:
    return tuple(document.get(name) or (0 if name.endswith("time") else "") for name in key)


def _of_documents(ours: Json, theirs: Json) -> list[Difference]:
    names = sorted(ours.keys() | theirs.keys())
    fields = tuple(name for name in names if not _same(name, ours.get(name), theirs.get(name)))
    return [Difference("changed", str(ours["id"]), fields, _version(ours), _version(theirs))] if fields else []


def _version(document: Json) -> int | None:
    found = document.get("version")
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _same(name: str, ours: Any, theirs: Any) -> bool:
    """Tell whether two values mean the same; a field that is not there is null, and a text is never a number."""
    if name in _UNORDERED and isinstance(ours or [], list) and isinstance(theirs or [], list):
        return sorted(map(_text, ours or [])) == sorted(map(_text, theirs or []))
    return _text(ours) == _text(theirs)


def _text(value: Any) -> str:
    """Give one text for equal values: objects by sorted keys without nulls, 1 and 1.0 the same, True and 1 not."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_text(value[key])}" for key in sorted(value) if value[key] is not None) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    if isinstance(value, float) and value.is_integer():
        return repr(int(value))
    return repr(value)


def _of_numbers(ours: Json, theirs: Json) -> list[Difference]:
    mine, other = _numbers(ours), _numbers(theirs)
    # A ranking that is cut off does not say what is behind its end; its totals do.
    known = [name for name in dict.fromkeys([*mine, *other]) if name in mine or not _is_cut(ours)]
    known = [name for name in known if name in other or not _is_cut(theirs)]
    return [
        Difference("count", name, (), mine.get(name, 0), other.get(name, 0))
        for name in known
        if mine.get(name, 0) != other.get(name, 0)
    ]


def _is_cut(answer: Json) -> bool:
    return any((answer.get("others") or {}).values())


def _numbers(answer: Json) -> dict[str, int]:
    """Give every number of an answer to a question for counts."""
    found: dict[str, int] = {name: answer[name] for name in ("attacks", "hits") if isinstance(answer.get(name), int)}
    for each in answer.get("counts", ()):
        found |= {f"{each['value']} {name}": each[name] for name in ("attacks", "hits") if each[name] is not None}
    return found
