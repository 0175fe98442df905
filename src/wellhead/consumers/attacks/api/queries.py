"""Takes checked wishes and a store, gives the API's answers to them; never keeps anything between two, never shows a part as the whole."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from wellhead.config.store import StoreSettings
from wellhead.consumers.attacks.api import answers, cursors, requests
from wellhead.consumers.attacks.api.filters import Filters, HitFilters
from wellhead.consumers.attacks.api.requests import ATTACK_FIELDS, ATTACK_SORTS, HIT_FIELDS, HIT_SORT, By, Json, Sort
from wellhead.consumers.attacks.store.templates import index_of, pattern_of
from wellhead.errors import PermanentError
from wellhead.rest.contract import ApiError

ATTACK_ID: Final = re.compile(r"(\d{4})(\d{2}):[0-9a-f]{24}")
_MOST_STEPS: Final = 32
_MOST_MERGED: Final = 50_000
_AT_ONCE: Final = 1000


class Store(Protocol):
    """What a reader asks of a store."""

    @property
    def settings(self) -> StoreSettings:
        """Where it is, and what the names of its indices begin with."""
        ...

    def search(self, index: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Give the store's answer to a search request, as it said it."""
        ...


class Reader:
    """The questions of the API, asked of one store; blocking, and as safe for threads as the store is.

    Args:
        store: Who answers, such as a `SearchStore`.

    Every method raises `TemporaryError` where the store is away or answers only in part, `PermanentError` where it refuses us,
    and `ApiError` (400) for a cursor of another question.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._prefix = store.settings.index_prefix
        self._attacks = pattern_of(self._prefix, "attack")
        self._hits = pattern_of(self._prefix, "hit")

    def attacks(self, filters: Filters, cursor: str | None = None, limit: int = 100, *, sort: Sort = "last_time") -> Json:
        """Give a page of attacks, newest first: `attacks`, and `cursor` for the next page or None.

        Args:
            filters: Which.
            cursor: Of the last page; None for the first.
            limit: Most attacks of the page.
            sort: `last_time` puts an attack that goes on at the top again; with `id` nothing moves while pages are read.
        """
        wish = filters.wish(f"attacks by {sort}")
        kinds = ATTACK_SORTS[sort]
        after = None if cursor is None else cursors.decode(cursor, wish, [kind for _, kind in kinds])
        query = requests.attacks_query(filters, self._ids_by_address(filters))
        raw = self._store.search(self._attacks, requests.page_request(query, kinds, after, limit))
        found, last = answers.page(raw, limit)
        return {"attacks": found, "cursor": None if last is None else cursors.encode(wish, last)}

    def attack(self, attack_id: str, *, client: Sequence[int] = ()) -> Json | None:
        """Give one attack, with `surviving_id`: its own, or that of the attack it lives on in; None where there is none.

        Args:
            attack_id: Its id, such as `202602:` and 24 hexadecimal digits.
            client: Only if it is one of these clients'; none means anybody's.
        """
        found = self._named([attack_id]).get(attack_id)
        if found is None or (client and found.get("client_id") not in client):
            return None
        last, seen = found, {attack_id}
        while (target := last.get("merged_into")) is not None and target not in seen and len(seen) < _MOST_STEPS:
            seen.add(target)
            last = self._named([target]).get(target, {"id": target})
        return {**found, "surviving_id": last["id"]}

    def hits_of(
        self, attack_id: str, cursor: str | None = None, limit: int = 100, *, filters: HitFilters | None = None
    ) -> Json | None:
        """Give a page of an attack's hits, newest first, those of the attacks merged into it included; None where there is none.

        `attack_ids` of the answer are the attacks its hits may name: its own id first.
        """
        only = filters or HitFilters()
        found = self._named([attack_id]).get(attack_id)
        if found is None or (only.client and found.get("client_id") not in only.client):
            return None
        ids = self._with_merged(found)
        return {
            "attack_id": attack_id,
            "attack_ids": ids,
            **self._page_of_hits(only, f"hits of {attack_id}", cursor, limit, ids),
        }

    def hits(self, filters: HitFilters, cursor: str | None = None, limit: int = 100) -> Json:
        """Give a page of hits, newest first: `hits`, and `cursor` for the next page or None."""
        return self._page_of_hits(filters, "hits", cursor, limit, None)

    def counts(self, filters: Filters, by: By | None = None, top: int = 10) -> Json:
        """Give how many attacks and hits there are, in all and for the values of `by` with most hits (for `day`: the newest days).

        An attack counts to the span in which it began, so that spans side by side add up. What cannot be said is None:
        attacks by a field only hits have, hits by one only attacks have, hits where a state is asked for.
        """
        of_attacks = by is None or by in ATTACK_FIELDS
        of_hits = not filters.state and (by is None or by in HIT_FIELDS)
        hits = None if not of_hits else self._count(self._hits, requests.hits_query(filters), by, top)
        attacks = None
        if of_attacks:
            counted = (
                filters
                if filters.state or by != "state"
                else filters.model_copy(update={"state": ("open", "closed", "merged")})
            )
            query = requests.attacks_query(counted, self._ids_by_address(filters), begun=True)
            values = None if hits is None or by in (None, "day") else [value for value, _ in hits[1]]
            attacks = self._count(self._attacks, query, by, top, values)
        return answers.counts(by, top, attacks, hits)

    def ping(self) -> None:
        """Ask the least that shows that the store answers and lets us read."""
        body = {"query": {"match_all": {}}, "size": 0, "track_total_hits": False, "terminate_after": 1}
        answers.whole(self._store.search(self._attacks, body))

    def _count(self, index: str, query: Json, by: By | None, top: int, values: Sequence[Any] | None = None) -> answers.Tally:
        if values == []:
            return answers.tally(self._store.search(index, requests.count_request(query, None, top)), None)
        size = top if values is None else len(values)
        fields = HIT_FIELDS if index == self._hits else ATTACK_FIELDS
        body = requests.count_request(query, None if by is None else fields[by], size, values)
        return answers.tally(self._store.search(index, body), by)

    def _page_of_hits(
        self, filters: HitFilters, scope: str, cursor: str | None, limit: int, attack_ids: Sequence[str] | None
    ) -> Json:
        wish = filters.wish(scope)
        after = None if cursor is None else cursors.decode(cursor, wish, [kind for _, kind in HIT_SORT])
        query = requests.hits_query(filters, attack_ids)
        found, last = answers.page(self._store.search(self._hits, requests.page_request(query, HIT_SORT, after, limit)), limit)
        return {"hits": found, "cursor": None if last is None else cursors.encode(wish, last)}

    def _ids_by_address(self, filters: HitFilters) -> list[str] | None:
        """Give the attacks that the addresses of a wish took part in; None where it names no address."""
        if not filters.ip:
            return None
        ids = answers.keys(self._store.search(self._hits, requests.ids_request(filters)))
        if len(ids) > requests.MOST_ATTACKS_OF_AN_ADDRESS:
            most = requests.MOST_ATTACKS_OF_AN_ADDRESS
            raise ApiError(400, f"ip: took part in more than {most} attacks; name a client, or a shorter span with from and to")
        return ids

    def _named(self, ids: Sequence[str], *, with_merged: bool = False) -> dict[str, Json]:
        """Give attacks by id; an id that could be none finds none."""
        found: dict[str, Json] = {}
        for start in range(0, len(ids), _AT_ONCE):
            some = [each for each in ids[start : start + _AT_ONCE] if ATTACK_ID.fullmatch(each)]
            if not some:
                continue
            months = sorted({index_of(self._prefix, "attack", f"{each[:4]}.{each[4:6]}") for each in some})
            raw = self._store.search(",".join(months), requests.named_request(some, with_merged=with_merged))
            found |= {each["id"]: each for each in answers.documents(raw)}
        return found

    def _with_merged(self, attack: Json) -> list[str]:
        """Give an attack's id and those of all that were merged into it, and into these."""
        found: dict[str, None] = {attack["id"]: None}
        new = [each for each in attack.get("merged") or () if each not in found]
        while new:
            found |= dict.fromkeys(new)
            if len(found) > _MOST_MERGED:
                raise PermanentError(
                    f"attack {attack['id']} was merged from more than {_MOST_MERGED} others: ask /v1/hits instead"
                )
            further = self._named(new, with_merged=True).values()
            new = [each for inner in further for each in inner.get("merged") or () if each not in found]
        return list(found)
