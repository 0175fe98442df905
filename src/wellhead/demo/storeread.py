"""Takes a store's address, gives what it holds by plain HTTP; shares nothing with what wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self

import httpx

_PAGE = 5_000
_PATIENCE_SECS = 60.0


class StoreReader:
    """An independent client: no code of Wellhead's, so that a mistake cannot hide itself; a `with` block closes it."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=_PATIENCE_SECS, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def count(self, indices: str) -> int:
        """Give how many documents can be searched now."""
        answer = self._client.post(f"/{indices}/_count", params={"ignore_unavailable": "true"})
        return int(answer.raise_for_status().json()["count"])

    def documents(self, indices: str, columns: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
        """Give every document, whole or only some columns, of all that was written until now."""
        self._client.post(f"/{indices}/_refresh").raise_for_status()
        body: dict[str, Any] = {"size": _PAGE, "sort": ["_doc"], "_source": list(columns) or True}
        answer = self._ask(f"/{indices}/_search?scroll=1m", body)
        while answer["hits"]["hits"]:
            yield from (hit["_source"] for hit in answer["hits"]["hits"])
            answer = self._ask("/_search/scroll", {"scroll": "1m", "scroll_id": answer["_scroll_id"]})

    def found(self, indices: str, column: str, values: Sequence[str]) -> list[str]:
        """Give which of the values some document, that a search finds now, has in a column."""
        body = {"size": len(values), "_source": [column], "query": {"terms": {column: list(values)}}}
        return [hit["_source"][column] for hit in self._ask(f"/{indices}/_search", body)["hits"]["hits"]]

    def _ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._client.post(path, json=body).raise_for_status().json()
        return answer
