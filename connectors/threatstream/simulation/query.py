"""Takes the query of a call, gives what is asked for or what is wrong with it, never an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connectors.threatstream.simulation.pace import UpdateIds
from connectors.threatstream.simulation.pattern import STATUSES
from connectors.threatstream.simulation.settings import GROUPS, Settings

DEFAULT_LIMIT, MAX_LIMIT = 20, 1_000
LAST_UID = (1 << 62) - 1
_FAR_YEAR_MS = 1 << 50
_GROUPS_BY_TYPE = {**{group: group for group in GROUPS}, "md5": "hash"}
_SPANS = ("gt", "gte", "lt", "lte")
_TOKENS = ("search_after", "from_update_id")
_NUMBERED = ("limit", "offset")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNUSED = ("username", "api_key", "remote_api", "format")


class RefusedError(ValueError):
    """The call cannot be answered; the text says why."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A call that reads as one.

    Attributes:
        groups: The types asked for.
        statuses: Places in STATUSES.
        low: Lowest update id asked for; `high` is the one after the highest.
        created: First and last epoch milliseconds of created_ts, None when it was not asked for.
        by_uid: Whether the order is that of update_id.
        cursor: The update id that the call goes on after, 0 at the beginning.
        params: The query as it came, without credentials.
    """

    groups: tuple[str, ...]
    statuses: frozenset[int]
    low: int
    high: int
    created: tuple[int, int] | None
    limit: int
    offset: int
    by_uid: bool
    cursor: int
    params: Mapping[str, str]


def read_ask(params: Mapping[str, str], settings: Settings, ids: UpdateIds) -> Ask:
    """Read a query.

    Raises:
        RefusedError: It does not read as one.
    """
    fields = [f"{field}__{span}" for field in ("update_id", "modified_ts", "created_ts") for span in _SPANS]
    known = {*fields, *_TOKENS, *_NUMBERED, *_UNUSED, "order_by", "type", "status"}
    if settings.unknown_params == "refuse" and (unknown := sorted(set(params) - known)):
        raise RefusedError(f"unknown parameter: {unknown[0]}")
    order = params.get("order_by", "modified_ts")
    if order not in ("update_id", "modified_ts"):
        raise RefusedError(f"order_by is not supported: {order}")
    after = _token(params, by_uid=order == "update_id", ids=ids)
    low, high = _uid_bounds(params, ids)
    created = _span(params, "created_ts", _moment) if any(name.startswith("created_ts") for name in params) else None
    return Ask(
        groups=_groups(params.get("type")),
        statuses=_statuses(params.get("status"), settings),
        low=max(low, after + 1),
        high=high,
        created=created,
        limit=min(_number(params, "limit", DEFAULT_LIMIT) or MAX_LIMIT, MAX_LIMIT),
        offset=_number(params, "offset", 0),
        by_uid=order == "update_id",
        cursor=max(low - 1, after, 0),
        params={name: value for name, value in params.items() if name not in ("username", "api_key")},
    )


def _groups(kind: str | None) -> tuple[str, ...]:
    if kind is None:
        return GROUPS
    if kind not in _GROUPS_BY_TYPE:
        raise RefusedError(f"type must be one of {', '.join(_GROUPS_BY_TYPE)}, one value a call: {kind}")
    return (_GROUPS_BY_TYPE[kind],)


def _statuses(status: str | None, settings: Settings) -> frozenset[int]:
    if status is None:
        return frozenset((0,) if settings.default_status == "active" else range(len(STATUSES)))
    if status not in STATUSES:
        raise RefusedError(f"status must be one of {', '.join(STATUSES)}: {status}")
    return frozenset((STATUSES.index(status),))


def _number(params: Mapping[str, str], name: str, default: int) -> int:
    text = params.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise RefusedError(f"{name} must be a number: {text}")
    return int(text)


def _token(params: Mapping[str, str], *, by_uid: bool, ids: UpdateIds) -> int:
    """Give the update id that the call goes on after; ordered by time, a token is a moment and an id."""
    text = params.get("search_after") or params.get("from_update_id")
    if not text:
        return 0
    first, _, rest = text.partition(",")
    if not first.isdigit() or (by_uid and rest) or not (by_uid or rest.isdigit()):
        raise RefusedError(f"search_after does not fit the order: {text}")
    return int(first) if by_uid else ids.at(int(first) + 1) - 1


def _uid_bounds(params: Mapping[str, str], ids: UpdateIds) -> tuple[int, int]:
    """Give the update ids asked for; as they rise with modified_ts, that bounds them, too."""
    first, last = _span(params, "update_id", _whole)
    earliest, latest = _span(params, "modified_ts", _moment)
    low = max(first, ids.at(earliest)) if earliest > 0 else first
    high = min(last, ids.at(latest + 1) - 1) if latest < _FAR_YEAR_MS else last
    return max(0, low), min(high, LAST_UID) + 1


def _span(params: Mapping[str, str], field: str, read: Callable[[str, str], int]) -> tuple[int, int]:
    """Give the first and last value that a field's comparisons let through."""
    first, last = 0, LAST_UID
    for span in _SPANS:
        text = params.get(f"{field}__{span}")
        if text is None:
            continue
        value = read(field, text)
        if span in ("gt", "gte"):
            first = max(first, value + (span == "gt"))
        else:
            last = min(last, value - (span == "lt"))
    return first, last


def _whole(field: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise RefusedError(f"{field} must be compared with a number: {text}") from None


def _moment(field: str, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RefusedError(f"{field} must be compared with a time such as 2018-01-10T00:00:00: {text}") from None
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH) // timedelta(milliseconds=1)
