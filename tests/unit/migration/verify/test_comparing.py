"""Stores are asked for few large sums, and for small ones only where those differ."""

from wellhead.migration.copy.clients import parse_clients
from wellhead.migration.copy.mappings import load_mapping
from wellhead.migration.verify.cells import Cell
from wellhead.migration.verify.comparing import Comparing, Sizes
from wellhead.migration.verify.digest import NOTHING
from wellhead.migration.verify.findings import Findings
from wellhead.migration.verify.pair import Pair
from wellhead.migration.verify.rules import rules_of
from wellhead.migration.verify.spans import DAY_MS, HOUR_MS, Span
from wellhead.migration.verify.view import view_of

LAYOUT = load_mapping("identity").layout("hits")
SPAN = Span(0, 28 * DAY_MS)
CLIENTS = range(1, 41)
EACH = 24
"""Documents of a client's day, one in each hour."""


class Side:
    """A store with the same for each client and hour, but one document changed."""

    def __init__(self, changed_ms: int | None = None, clients=CLIENTS) -> None:
        self.views = {"hits": view_of("hits", LAYOUT, "to", "w")}
        self.counted: list[int] = []
        self.added_up: list[int] = []
        self.read_spans: list[Span] = []
        self._changed_ms = changed_ms
        self._clients = clients

    def clients(self, _kind, _chosen, _span):
        return dict.fromkeys(self._clients, 28 * EACH)

    def cells(self, _kind, clients, spans, docs, *, adding):
        found = {(client, span): self._cell(client, span, adding) for client in clients for span in spans}
        (self.added_up if adding else self.counted).append(docs if adding else len(found))
        return found

    def _cell(self, client, span, adding):
        docs = span.length_ms // HOUR_MS
        changed = client == 7 and self._changed_ms is not None and span.first_ms <= self._changed_ms < span.end_ms
        digest = NOTHING.plus(docs, int(changed), 0) if adding else None
        return Cell(docs, {"sqli": docs}, digest=digest)

    def read(self, _kind, client, span, _page_docs):
        self.read_spans.append(span)
        return []


def compared(left: Side, right: Side, sizes: Sizes) -> Findings:
    findings = Findings(100, lambda *_told: None)
    with Pair(left, right, 2) as pair:
        Comparing(pair, rules_of(), sizes, "auto", findings).run(parse_clients("all"), SPAN, lambda _docs: None)
    return findings


def test_equal_stores_add_up_everything_in_few_questions():
    """Forty clients' four weeks are counted in two questions and added up in one; where too many documents are in it, in halves."""
    left, right = Side(), Side()
    findings = compared(left, right, Sizes(2))
    docs = len(CLIENTS) * 28 * EACH
    assert (len(left.counted), left.added_up, right.added_up) == (2, [docs], [docs])
    assert sum(left.counted) == len(CLIENTS) * 28
    assert (findings.totals["hits"].by_digest, findings.narrowed) == (docs, [])
    compared(left := Side(), Side(), Sizes(2, digest_docs=docs // 2))
    assert left.added_up == [docs // 2] * 2


def test_a_difference_is_narrowed_down_inside_of_its_day():
    """One changed document has only its client's day added up again, hour by hour, and its hour read."""
    at_ms = 9 * DAY_MS + 5 * HOUR_MS + 3
    left, right = Side(), Side(changed_ms=at_ms)
    findings = compared(left, right, Sizes(2, read_docs=1))
    assert left.added_up == [len(CLIENTS) * 28 * EACH, EACH]
    hour = at_ms // HOUR_MS * HOUR_MS
    assert left.read_spans == right.read_spans == [Span(hour, hour + HOUR_MS)]
    assert [(each.client, each.span.first_ms) for each in findings.narrowed] == [(7, 9 * DAY_MS)]


def test_a_day_of_too_many_documents_is_counted_down_first():
    """No question adds up more documents than allowed, however many one client's day has."""
    left, right = Side(clients=(7,)), Side(clients=(7,))
    findings = compared(left, right, Sizes(2, digest_docs=EACH - 1, read_docs=1))
    assert left.added_up == right.added_up == []
    assert left.read_spans == [Span(at * HOUR_MS, (at + 1) * HOUR_MS) for at in range(28 * EACH)]
    assert findings.narrowed == []
