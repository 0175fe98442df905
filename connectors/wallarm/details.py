"""Takes hits whose method or parameter is not known, asks the vendor for their requests, fills both in; never fails a reading nor asks beyond its budget."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

import pyarrow as pa

from connectors.wallarm.answer import check, page_in
from connectors.wallarm.asking import Asking
from wellhead import in_thread
from wellhead.http import Response

When = Literal["never", "needed", "always"]
_PATH, _ONE_PATH = "/v1/objects/hit/details", "/v2/hit/details"
_BATCH = 50
_CACHED = 10_000
_REFUSED = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.UNPROCESSABLE_ENTITY}
)


@dataclass(frozen=True, slots=True)
class Request:
    """What the vendor tells of the request of a hit; None for what it does not tell."""

    method: str | None = None
    parameter: str | None = None


class Details:
    """Fills in what a pulled hit does not tell.

    Requests are kept, since several hits share one; a request never changes, so it does not matter which poll asked for it.

    Args:
        asking: The vendor.
        when: Of which hits it is asked: of none, of those without a parameter, or of all.
        calls: Calls a poll may make.

    Attributes:
        missed: Hits of this poll that were left as they are, because the budget was spent or the vendor refused.
    """

    def __init__(self, asking: Asking, when: When, calls: int) -> None:
        self._asking = asking
        self._when = when
        self._calls = calls
        self._left = calls
        self._one_by_one = False
        self._cache: OrderedDict[str, Request] = OrderedDict()
        self.missed = 0

    def begin(self) -> None:
        """Begin a poll, with its whole budget."""
        self._left, self.missed = self._calls, 0

    async def fill(self, table: pa.RecordBatch) -> pa.RecordBatch:
        """Give the hits with `method` and `parameter` as far as the vendor tells them.

        Raises:
            TemporaryError: The vendor is busy or failing; the page is read again.
            PermanentError: The credentials are refused.
        """
        rows = self._wanting(table)
        if not rows:
            return table
        ids: list[Any] = table.column("id").to_pylist()
        requests: list[Any] = table.column("request_id").to_pylist()
        names: dict[int, str] = {row: requests[row] or ids[row] for row in rows}
        asked = {name: ids[row] for row, name in names.items() if name not in self._cache}
        await self._ask(asked)
        self.missed += sum(name not in self._cache for name in names.values())
        found = {row: self._cache[name] for row, name in names.items() if name in self._cache}
        return _filled(table, found)

    def _wanting(self, table: pa.RecordBatch) -> list[int]:
        if self._when == "never" or not table.num_rows:
            return []
        parameters, methods = table.column("parameter"), table.column("method")
        return [
            row
            for row in range(table.num_rows)
            if not parameters[row].is_valid or (self._when == "always" and not methods[row].is_valid)
        ]

    async def _ask(self, asked: dict[str, str]) -> None:
        """Ask for the requests of hits, by the name they are kept under, as far as the budget goes."""
        waiting = list(asked.items())
        while waiting and self._left > 0:
            count = 1 if self._one_by_one else _BATCH
            part, waiting = waiting[:count], waiting[count:]
            self._left -= 1
            if self._one_by_one:
                answer = await self._asking.get(_ONE_PATH, {"id": part[0][1]})
            else:
                pairs = [identifier.split(":", 1) for _, identifier in part]
                answer = await self._asking.post(_PATH, {"filter": {"id": pairs}, "returns": "raw"})
            if answer.status in _REFUSED:
                # A generation that does not take several ids is asked for each; a single hit it does not know of stays as it is.
                waiting = waiting if self._one_by_one else part + waiting
                self._one_by_one = True
                continue
            check(answer, what="details of hits")
            self._keep(part, await in_thread(_requests, answer, one=self._one_by_one))

    def _keep(self, part: Sequence[tuple[str, str]], found: dict[str, Request]) -> None:
        for name, identifier in part:
            # What the vendor has no details of is not asked for again.
            self._cache[name] = found.get(identifier) or found.get("") or Request()
        while len(self._cache) > _CACHED:
            self._cache.popitem(last=False)


def _requests(answer: Response, *, one: bool) -> dict[str, Request]:
    """Give the requests by hit id; under the empty id where the vendor was asked for one."""
    if one:
        body = answer.json()
        return {"": _request(body.get("body") if isinstance(body, dict) else None)}
    found: dict[str, Request] = {}
    for thing in page_in(answer, "body").objects:
        if (
            isinstance(thing, dict)
            and isinstance(pair := thing.get("id"), list)
            and all(isinstance(part, str) for part in pair)
        ):
            raw = thing.get("raw")
            told = {**thing, **raw} if isinstance(raw, dict) else thing
            found[":".join(pair)] = _request(told)
    return found


def _request(told: Any) -> Request:
    if not isinstance(told, dict):
        return Request()
    method, parameter = told.get("method"), told.get("parameter")
    return Request(
        method if isinstance(method, str) and method else None, parameter if isinstance(parameter, str) and parameter else None
    )


def _filled(table: pa.RecordBatch, found: dict[int, Request]) -> pa.RecordBatch:
    methods, parameters = table.column("method").to_pylist(), table.column("parameter").to_pylist()
    for row, request in found.items():
        methods[row] = methods[row] or request.method
        parameters[row] = parameters[row] or request.parameter
    for name, values in (("method", methods), ("parameter", parameters)):
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(values, pa.string()))
    return table
