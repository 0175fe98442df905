"""Takes a query and a sort, gives its hits page by page over one frozen view where the store has such; never skips what has equal sort values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from wellhead.errors import PermanentError, WellheadError
from wellhead.search.actions import Page
from wellhead.search.dialect import Dialect

_KEEP = "5m"
MISSING_IS_EMPTY = {"ignore_unavailable": "true", "allow_no_indices": "true"}

Ask = Callable[[str, str, Mapping[str, Any] | None, Any], Any]
"""Method, path, parameters and body of a request; gives its answer."""


def read_pages(
    ask: Ask, dialect: Dialect, index: str, body: Mapping[str, Any], *, size: int, after: Sequence[Any] | None
) -> Iterator[Page]:
    """Yield pages until one is empty; `body` holds query and sort, which must tell any two documents apart."""
    try:
        view = _open(ask, dialect, index)
    except PermanentError:
        if ask("GET", f"/{index}/_settings/index.creation_date", MISSING_IS_EMPTY, None):
            raise
        return  # OpenSearch opens no view of nothing
    try:
        while True:
            asked = {**body, "size": size}
            if after is not None:
                asked["search_after"] = list(after)
            if view is None:
                answer = ask("POST", f"/{index}/_search", {**MISSING_IS_EMPTY, **WHOLE}, asked)
            else:
                asked["pit"] = {"id": view, "keep_alive": _KEEP}
                answer = ask("POST", "/_search", WHOLE, asked)
                view = answer.get("pit_id", view)
            hits = answer["hits"]["hits"]
            if not hits:
                return
            after = hits[-1]["sort"]
            yield Page(hits, list(after))
            if len(hits) < size:
                return
    finally:
        if view is not None:
            with suppress(WellheadError):  # the store lets go of it by itself
                _close(ask, dialect, view)


WHOLE = {"allow_partial_search_results": "false"}
"""Half an answer is none: a shard that failed makes the search fail."""


def _open(ask: Ask, dialect: Dialect, index: str) -> str | None:
    parameters = {"keep_alive": _KEEP, **MISSING_IS_EMPTY}
    if dialect.point_in_time == "opensearch":
        return str(ask("POST", f"/{index}/_search/point_in_time", parameters, None)["pit_id"])
    if dialect.point_in_time == "elasticsearch":
        parameters.pop("allow_no_indices")
        return str(ask("POST", f"/{index}/_pit", parameters, None)["id"])
    return None


def _close(ask: Ask, dialect: Dialect, view: str) -> None:
    if dialect.point_in_time == "opensearch":
        ask("DELETE", "/_search/point_in_time", None, {"pit_id": [view]})
    else:
        ask("DELETE", "/_pit", None, {"id": view})
