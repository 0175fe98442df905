"""Takes a store and the layout of its documents, gives its clients, cells and documents in the names both sides share; never writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from wellhead.errors import WellheadError
from wellhead.migration.copy.clients import Client, Clients, number_of
from wellhead.migration.copy.mapping import Layout
from wellhead.migration.copy.mapping import Mapping as DocumentMapping
from wellhead.migration.copy.translate import Found, Translator, Untranslatable
from wellhead.migration.verify import cells, digest
from wellhead.migration.verify.asking import Asking
from wellhead.migration.verify.cells import Cell, Key
from wellhead.migration.verify.document import Document
from wellhead.migration.verify.rules import Rules
from wellhead.migration.verify.spans import Span
from wellhead.migration.verify.view import MS_PER_SEC, SideName, View, view_of
from wellhead.search.store import Page

_CLIENTS_PER_PAGE = 1_000
_IDS_PER_SEARCH = 500
_COPIES_MAX = 8


class Side:
    """One of the two stores.

    Args:
        name: Which of the two.
        asking: How it is asked.
        mapping: How the source's documents become the target's.
        target_prefix: The target's index.prefix.
        rules: How documents are compared.
    """

    def __init__(self, name: SideName, asking: Asking, mapping: DocumentMapping, target_prefix: str, rules: Rules) -> None:
        self.name = name
        self.asking = asking
        prefix = asking.store.settings.index_prefix
        self._layouts: dict[str, Layout] = dict(mapping.layouts())
        self.views = {kind: view_of(kind, layout, name, prefix) for kind, layout in self._layouts.items()}
        self._translators = {kind: Translator(layout, target_prefix) for kind, layout in self._layouts.items()}
        self._rules = rules

    def _adding(self, kind: str, clients: Sequence[Client | None], spans: Sequence[Span]) -> dict[str, Any]:
        """Give the aggregation that adds up this side's documents."""
        view = self.views[kind]
        firsts = [view.in_unit(span.first_ms) for span in spans]
        client = view.client if cells.tells_clients(view, clients) else None
        place = digest.Place(client, view.time, firsts, self.asking.store.about().dialect.typed)
        return digest.aggregation(self._rules, self._layouts[kind] if self.name == "from" else None, place)

    def clients(self, kind: str, chosen: Clients, span: Span) -> dict[Client | None, int]:
        """Count the documents of each client in a span; None stands for those that name none, and is counted only for all clients."""
        view = self.views[kind]
        if view.client is None:
            return self._clients_of_indices(view, chosen, span)
        query = view.query(span)
        query["bool"]["filter"] += chosen.query(view.client)
        found: dict[Client | None, int] = {}
        after: Mapping[str, Any] | None = None
        while True:
            asked: dict[str, Any] = {"size": _CLIENTS_PER_PAGE, "sources": [{"client": {"terms": {"field": view.client}}}]}
            body = {"size": 0, "query": query, "aggs": {"clients": {"composite": asked | ({"after": after} if after else {})}}}
            answer = self.asking.added_up(view.pattern, body, 0).get("clients", {"buckets": []})
            found |= {number_of(each["key"]["client"]): each["doc_count"] for each in answer["buckets"]}  # type: ignore[misc]
            if len(answer["buckets"]) < _CLIENTS_PER_PAGE:
                break
            after = answer.get("after_key") or answer["buckets"][-1]["key"]
        nobody = self.asking.count(view.pattern, view.query(span, [None])) if chosen.is_all else 0
        return found | ({None: nobody} if nobody else {})

    def extent(self, kind: str) -> Span | None:
        """Give the span that holds every document with a time; None where there is none."""
        view = self.views[kind]
        asked = {word: {word: {"field": view.time}} for word in ("min", "max")}
        found = self.asking.added_up(view.pattern, {"size": 0, "query": {"match_all": {}}, "aggs": asked}, 0)
        first, last = (found.get(word, {}).get("value") for word in ("min", "max"))
        unit_ms = MS_PER_SEC if view.time_unit == "s" else 1
        return None if first is None or last is None else Span(int(first) * unit_ms, (int(last) + 1) * unit_ms)

    def _clients_of_indices(self, view: View, chosen: Clients, span: Span) -> dict[Client | None, int]:
        found: dict[Client | None, int] = defaultdict(int)
        for client, indices in self._owned(view).items():
            if client in chosen:
                found[client] += self.asking.count(",".join(indices), view.query(span))
        return {client: docs for client, docs in found.items() if docs}

    def _owned(self, view: View) -> dict[Client, list[str]]:
        owned: dict[Client, list[str]] = defaultdict(list)
        for index in self.asking.store.indices(view.pattern):
            owner = number_of(view.client_of(index))
            if isinstance(owner, int | str):
                owned[owner].append(index)
        return owned

    def cells(
        self, kind: str, clients: Sequence[Client | None], spans: Sequence[Span], docs: int, *, adding: bool
    ) -> dict[Key, Cell]:
        """Fill the cells of some clients and spans: `adding` up contents, for which the store goes through `docs` documents, or with counts."""
        view = self.views[kind]
        found: dict[Key, Cell] = {}
        for group in self._askable(view, clients):
            place = self._place(view, group)
            if adding:
                body = cells.adding_question(view, group, spans, self._adding(kind, group, spans))
                found |= cells.read_added_up(view, group, spans, self.asking.added_up(place, body, docs))
            else:
                body = cells.question(view, group, spans)
                found |= cells.read(view, group, spans, self.asking.added_up(place, body, 0))
        return found

    def _askable(self, view: View, clients: Sequence[Client | None]) -> list[Sequence[Client | None]]:
        """Group clients by what one question can tell apart."""
        if view.client is None:
            return [[client] for client in clients]
        named = [client for client in clients if client is not None]
        groups: list[Sequence[Client | None]] = [named] if named else []
        return [*groups, [None]] if len(named) < len(clients) else groups

    def _place(self, view: View, clients: Sequence[Client | None]) -> str:
        if view.client is not None:
            return view.pattern
        indices = self._owned(view).get(clients[0], []) if clients[0] is not None else []
        return ",".join(indices) or f"no-index-of-{clients[0]}"

    def read(self, kind: str, client: Client | None, span: Span, page_docs: int) -> Iterator[Document]:
        """Yield the documents of one client and span, whole or not at all.

        Raises:
            TemporaryError: They could not all be read.
        """
        view = self.views[kind]
        place, query = self._place(view, [client]), view.query(span, [client])
        order = [view.time, view.tie]
        found = self._paged(kind, place, query, order, page_docs)
        # What shares time and tie with another may fall between two pages: then only the id itself tells them apart.
        if len(found) >= page_docs and len(found) < self.asking.count(place, query):
            found = self._paged(kind, place, query, [*order, "_id"], page_docs)
        yield from found.values()

    def _paged(self, kind: str, place: str, query: Mapping[str, Any], order: Sequence[str], size: int) -> dict[str, Document]:
        found: dict[str, Document] = {}
        sort = [{name: "asc"} for name in dict.fromkeys(order)]
        pages: Iterator[Page] | None = None
        after: list[Any] | None = None

        def fetch() -> Page | None:
            nonlocal pages
            if pages is None:
                pages = self.asking.store.pages(place, query, sort=sort, size=size, after=after)
            try:
                return next(pages, None)
            except WellheadError:
                pages = None  # a generator that raised is at its end, which must not look like the end of the documents
                raise

        while (page := self.asking.ask(size, fetch)) is not None:
            after = page.after
            for hit in page.hits:
                found[f"{hit['_index']}/{hit['_id']}"] = self._document(kind, hit)
        return found

    def documents(self, kind: str, ids: Iterable[str]) -> dict[str, list[Document]]:
        """Give documents by their shared id, wherever they are; one that stands in several indices comes several times."""
        view = self.views[kind]
        wanted = list(ids)
        found: dict[str, list[Document]] = defaultdict(list)
        for at in range(0, len(wanted), _IDS_PER_SEARCH):
            some = wanted[at : at + _IDS_PER_SEARCH]
            query = {"ids": {"values": some}} if view.id == "_id" else {"terms": {view.id: some}}
            body = {"size": len(some) * _COPIES_MAX, "version": True, "query": query}
            for hit in self.asking.search(view.pattern, body, len(some))["hits"]["hits"]:
                document = self._document(kind, hit)
                found[document.id].append(document)
        return found

    def matching(self, kind: str, query: Mapping[str, Any], size: int, sort: Sequence[Any] = ()) -> list[Document]:
        """Give some documents that match."""
        body = {"size": size, "version": True, "query": dict(query)} | ({"sort": list(sort)} if sort else {})
        hits = self.asking.search(self.views[kind].pattern, body, size)["hits"]["hits"]
        return [self._document(kind, hit) for hit in hits]

    def _document(self, kind: str, hit: Mapping[str, Any]) -> Document:
        """Give a hit in the shared names; one that its mapping cannot take stays as it is, and so differs."""
        if self.name == "to":
            return Document(hit["_id"], hit["_index"], hit.get("_version"), hit["_source"], hit["_id"])
        layout = self._layouts[kind]
        found = Found(kind, hit["_index"], hit["_id"], hit.get("_version"), hit["_source"])
        try:
            action = self._translators[kind].action(found)
        except Untranslatable:
            return Document(hit["_id"], hit["_index"], None, hit["_source"], hit["_id"])
        version = action.version if layout.version == "_version" else None
        return Document(action.id, action.index, version, orjson.loads(action.source), hit["_id"])
