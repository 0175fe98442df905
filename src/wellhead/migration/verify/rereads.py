"""Takes two stores of the product's own layout, asks both what the read API is asked, gives where the answers differ after a while too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from operator import methodcaller
from typing import Any

from wellhead.consumers.attacks.api.comparison import Difference, differences, lasting
from wellhead.consumers.attacks.api.filters import Filters
from wellhead.consumers.attacks.api.queries import Reader
from wellhead.consumers.attacks.api.requests import By, Json
from wellhead.migration.copy.clients import Client
from wellhead.migration.verify.asking import Asking
from wellhead.migration.verify.spans import Span

_LIMIT = 100
_OPENED = 5
_BY: tuple[By | None, ...] = (None, "day", "type", "domain", "ip")

Question = tuple[str, Callable[[Reader], Json | None]]


@dataclass(frozen=True, slots=True)
class ApiDifference:
    """One thing that the read API would say differently.

    Attributes:
        question: What was asked.
        difference: What the answers differ in.
    """

    question: str
    difference: Difference

    def fields(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        each = self.difference
        return {
            "question": self.question,
            "what": each.kind,
            "subject": each.subject,
            "fields": list(each.fields),
            "from": each.ours,
            "to": each.theirs,
        }


class _Asked:
    """A store as `Reader` wants it, within the caps of its side."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self.settings = asking.store.settings

    def search(self, index: str, body: Any) -> dict[str, Any]:
        return self._asking.search(index, body, int(body.get("size", 0)))


class Rereads:
    """The questions of the read API, asked of both stores.

    Args:
        left: The source.
        right: The target.
        ignored: Fields that are not compared.
    """

    def __init__(self, left: Asking, right: Asking, ignored: frozenset[str]) -> None:
        self._ignored = ignored
        self._readers = (Reader(_Asked(left)), Reader(_Asked(right)))

    def compare(self, clients: list[Client], span: Span, settle: Callable[[], None]) -> tuple[list[ApiDifference], int]:
        """Ask for each client's attacks, their hits and counts; what differs is asked again after `settle`.

        Returns:
            What still differs, and how many questions were asked.
        """
        asked = 0
        seen: list[tuple[Question, list[Difference]]] = []
        with ThreadPoolExecutor(2, "wellhead-verify-reads") as pool:
            for question in self._questions(clients, span):
                asked += 1
                if found := self._differences(pool, question):
                    seen.append((question, found))
            if not seen:
                return [], asked
            settle()
            still = [(question[0], lasting(first, self._differences(pool, question))) for question, first in seen]
        return [ApiDifference(name, each) for name, found in still for each in found], asked

    def _differences(self, pool: ThreadPoolExecutor, question: Question) -> list[Difference]:
        ours, theirs = pool.map(question[1], self._readers)
        found = differences(ours, theirs)
        return [each for each in found if not each.fields or set(each.fields) - self._ignored]

    def _questions(self, clients: list[Client], span: Span) -> Iterator[Question]:
        for client in clients:
            if not isinstance(client, int):
                continue
            filters = Filters.model_validate({"client": [client], "from": span.first_ms, "to": span.end_ms})
            yield f"attacks of client {client}", methodcaller("attacks", filters, limit=_LIMIT)
            for by in _BY:
                name = f"counts of client {client}" + (f" by {by}" if by else "")
                yield name, methodcaller("counts", filters, by)
            yield f"newest hits of client {client}", methodcaller("hits", filters, limit=_LIMIT)
            for attack in self._readers[0].attacks(filters, limit=_OPENED)["attacks"]:
                id_ = attack["id"]
                yield f"attack {id_}", methodcaller("attack", id_)
                yield f"hits of attack {id_}", methodcaller("hits_of", id_, limit=_LIMIT)
