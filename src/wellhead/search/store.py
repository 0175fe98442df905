"""Takes a store's settings, gives bulk writes, reads and templates as its product and version understands them; never retries longer than one call."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from opensearchpy import Urllib3HttpConnection
from opensearchpy.exceptions import NotFoundError

from wellhead.clock import Clock
from wellhead.config.store import StoreSettings
from wellhead.errors import PermanentError, TemporaryError
from wellhead.search.actions import About, Action, BulkAnswer, Page, Refused
from wellhead.search.bulk import FILTER, body_of, fit, read_answer
from wellhead.search.connection import open_transport
from wellhead.search.dialect import dialect_of, identify
from wellhead.search.failure import CLIENT_ERRORS, TOO_LARGE, blame_of, failure, refusal_of
from wellhead.search.paging import MISSING_IS_EMPTY, WHOLE, read_pages

_NDJSON = {"content-type": "application/x-ndjson"}
_PRIORITY = 200


class SearchStore:
    """One OpenSearch or Elasticsearch; blocking, and shared by any number of threads.

    Nothing is asked before the first call. An index that is not there is an empty one to every read.

    Args:
        settings: Where it is.
        name: What it is called in messages.
        clock: Measures bulks.
        connection: How a node is talked to, unless the usual way.

    Raises:
        PermanentError: A certificate file cannot be used.
    """

    def __init__(
        self,
        settings: StoreSettings,
        *,
        name: str = "store",
        clock: Clock,
        connection: type[Urllib3HttpConnection] | None = None,
    ) -> None:
        self.settings = settings
        self.name = name
        self.where = f"store {name!r} at {', '.join(urlsplit(url).netloc for url in settings.url)}"
        self._clock = clock
        self._transport = open_transport(settings, connection)
        self._asking = threading.Lock()
        self._known: About | None = None

    def close(self) -> None:
        """Let go of connections that are idle; calls that wait come to their own end."""
        self._transport.close()

    def about(self) -> About:
        """Tell which store it is; asked once, and again after it was away, as it may have been upgraded.

        Raises:
            TemporaryError: It cannot be reached.
            PermanentError: It refuses the login, is not trusted, or is none that Wellhead knows.
        """
        with self._asking:
            known = self._known
            if known is None:
                banner = self.call("GET", "/", doing="cannot ask its version")
                known = self._known = self._read_banner(banner)
            return known

    def bulk(self, actions: Sequence[Action]) -> BulkAnswer:
        """Write `actions` in order (of those for one shard) and tell what became of each.

        Whatever was written before an error stays written: with external versions all of them may be sent again.

        Raises:
            TemporaryError: The store is away, or takes no writes for now.
            PermanentError: It refuses the login, the rights, or to make the index.
        """
        if not actions:
            return BulkAnswer()
        whole, refused = fit(actions)
        answer = self._bulk(whole) if whole else BulkAnswer()
        return answer.plus(BulkAnswer(refused=refused)) if refused else answer

    def _bulk(self, actions: Sequence[Action]) -> BulkAnswer:
        began_secs = self._clock.monotonic_secs()
        body = body_of(actions, self.about().dialect)
        try:
            raw = self._transport.perform_request("POST", "/_bulk", {"filter_path": FILTER}, body, headers=dict(_NDJSON))
        except CLIENT_ERRORS as error:
            blame = blame_of(error)
            if blame == "documents":
                return self._in_halves(actions, error)
            if blame == "store":
                raise self._failed(error, f"cannot write {len(actions)} documents") from error
            answer = BulkAnswer(busy=list(actions))
        else:
            answer = read_answer(actions, raw if isinstance(raw, dict) else {}, self.where)
        return answer.plus(BulkAnswer(secs=self._clock.monotonic_secs() - began_secs))

    def _in_halves(self, actions: Sequence[Action], error: Exception) -> BulkAnswer:
        """Find the documents for which the store refuses a whole request."""
        status = getattr(error, "status_code", None)
        if len(actions) == 1:
            return BulkAnswer(refused=[Refused(actions[0], int(status or 0), refusal_of(error))])
        middle = len(actions) // 2
        both = self._bulk(actions[:middle]).plus(self._bulk(actions[middle:]))
        return both.plus(BulkAnswer(too_large=status == TOO_LARGE))

    def search(self, index: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Give what `_search` answers, whole or not at all; `actions.total_of` reads its total. `index` may be a pattern or a comma list."""
        answer: dict[str, Any] = self._ask("POST", f"/{_path(index)}/_search", {**MISSING_IS_EMPTY, **WHOLE}, dict(body))
        return answer

    def count(self, index: str, query: Mapping[str, Any] | None = None) -> int:
        """Give how many documents match; None counts all."""
        body = {"query": dict(query)} if query is not None else None
        answer = self._ask("POST", f"/{_path(index)}/_count", MISSING_IS_EMPTY, body)
        if answer.get("_shards", {}).get("failed"):
            raise TemporaryError(f"{self.where}: only some shards of {index!r} could be counted. Look at the store's health")
        return int(answer["count"])

    def get(self, index: str, id: str) -> dict[str, Any] | None:  # noqa: A002 - the store's own word
        """Give one document as it is now, searchable or not, with `_source` and `_version`; None where there is none."""
        try:
            found = self._transport.perform_request("GET", f"/{_path(index)}/_doc/{quote(id, safe='')}")
        except NotFoundError:
            return None
        except CLIENT_ERRORS as error:
            raise self._failed(error, f"cannot get a document of {index!r}") from error
        return found if isinstance(found, dict) and found.get("found") else None

    def pages(
        self,
        index: str,
        query: Mapping[str, Any],
        *,
        sort: Sequence[Any],
        size: int,
        after: Sequence[Any] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> Iterator[Page]:
        """Yield all that matches, page by page, as it stood when the first was asked for.

        Elasticsearch before 7.10 and OpenSearch before 2.4 have no such frozen view: there, what is written meanwhile may or may not come.

        Args:
            index: Name, pattern or comma list.
            query: The query.
            sort: The order, the last of it a field that tells any two documents apart.
            size: Hits of a page, at most 10,000.
            after: `Page.after` of where an earlier read stopped.
            more: Anything else for the body, such as `_source`.
        """
        body = {"query": dict(query), "sort": list(sort), "version": True, "track_total_hits": False, **(more or {})}
        dialect = self.about().dialect
        if dialect.total_is_a_number:
            body.pop("track_total_hits")
        return read_pages(self._ask, dialect, _path(index), body, size=size, after=after)

    def put_template(
        self, name: str, patterns: Sequence[str], settings: Mapping[str, Any], mappings: Mapping[str, Any]
    ) -> None:
        """Say how indices whose names match `patterns` are made from now on; those that are there stay as they are."""
        dialect = self.about().dialect
        content = {"settings": dict(settings), "mappings": {"_doc": dict(mappings)} if dialect.typed else dict(mappings)}
        if dialect.composable_templates:
            path, body = "_index_template", {"index_patterns": list(patterns), "priority": _PRIORITY, "template": content}
        else:
            path, body = "_template", {"index_patterns": list(patterns), "order": _PRIORITY, **content}
        self._ask("PUT", f"/{path}/{quote(name, safe='')}", None, body)

    def indices(self, pattern: str) -> list[str]:
        """Give the names of the open indices that match, in order."""
        answer = self._ask("GET", f"/{_path(pattern)}/_settings/index.creation_date", MISSING_IS_EMPTY, None)
        return sorted(answer)

    def refresh(self, index: str) -> None:
        """Make all that is written searchable now."""
        self._ask("POST", f"/{_path(index)}/_refresh", MISSING_IS_EMPTY, None)

    def delete_index(self, index: str) -> None:
        """Delete an index and all that is in it; nothing happens where there is none."""
        self._ask("DELETE", f"/{_path(index)}", {"ignore_unavailable": "true"}, None)

    def call(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, body: Any = None, doing: str | None = None
    ) -> Any:
        """Ask anything else, and give its answer.

        Raises:
            TemporaryError: The store is away or busy.
            PermanentError: It refuses, and says why.
        """
        try:
            return self._transport.perform_request(method, path, dict(params) if params else None, body)
        except CLIENT_ERRORS as error:
            raise self._failed(error, doing or f"{method} {path}") from error

    def _ask(self, method: str, path: str, params: Mapping[str, Any] | None, body: Any) -> Any:
        return self.call(method, path, params=params, body=body)

    def _failed(self, error: Exception, doing: str) -> Exception:
        made = failure(error, self.where, doing)
        if isinstance(made, TemporaryError):
            self._known = None
        return made

    def _read_banner(self, banner: Any) -> About:
        try:
            product, version = identify(banner if isinstance(banner, dict) else {})
            return About(product, version, dialect_of(banner), str(banner.get("cluster_name", "")))
        except ValueError as error:
            raise PermanentError(f"{self.where} {error}. Set url to an OpenSearch or Elasticsearch") from error


def _path(index: str) -> str:
    return quote(index, safe=",*-._")


__all__ = ["About", "Action", "BulkAnswer", "Page", "Refused", "SearchStore"]
