import asyncio

import httpx
import pytest
from connect_golden import exchanges, expected, mismatch, replay
from memory_cluster import MemoryCluster

from wellhead.config.access import AccessSettings
from wellhead.rest.access import Access
from wellhead.rest.app import create_api
from wellhead.rest.differences import DIFFERENCES

FILL = {
    "vendor": "http://127.0.0.1:1",
    "username": "acme",
    "password": "open-sesame",
    "wrong_password": "open-barley",
    "prefix": "t.",
}
# Differences that no recorded exchange shows; each has a test of its own, named here.
SHOWN_ELSEWHERE = {
    "unknown-words": "test_definitions.py::test_validation_of_what_is_wrong",
    "strict-parameters": "test_app.py::test_a_parameter_that_is_not_clear_is_refused",
    "no-rebalance": "a property of the cluster, tested with real workers",
    "internal-paths": "test_app.py::test_what_connect_keeps_for_itself_is_not_there",
    "initial-offsets": "test_app.py::test_a_connector_may_be_born_with_cursors",
    "limits": "test_gate.py",
    "access": "test_gate.py",
}


def api():
    def failing(loaded):
        is_wrong = loaded.config.password.get_secret_value() == FILL["wrong_password"]
        return "PermanentError: 403 from the vendor" if is_wrong else ""

    cluster = MemoryCluster(lambda _loaded: {"token": "t1", "start_ms": 1_789_999_200_000}, failing)
    return create_api(cluster, Access.of(AccessSettings()), lambda: (b"", "text/plain"))


def test_every_recorded_exchange_is_answered_as_connect_does_or_as_the_table_says():
    """91 exchanges of a real Connect, one after the other, get its status, headers and body, or the listed difference."""

    async def ask():
        transport = httpx.ASGITransport(api())
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8083") as client:
            return await replay(client, FILL)

    wrong = asyncio.run(ask())
    assert not wrong, "\n".join(wrong)
    assert len(exchanges()) == 91


def test_no_difference_is_listed_in_vain():
    """Each listed difference is shown by an exchange or by a test of its own, and each one an exchange names is listed."""
    named = {key for exchange in exchanges() for key in exchange.get("differs", ())}
    listed = {difference.key for difference in DIFFERENCES}
    assert named | SHOWN_ELSEWHERE.keys() == listed
    assert not named & SHOWN_ELSEWHERE.keys()


@pytest.mark.parametrize("exchange", [each for each in exchanges() if each.get("differs")], ids=lambda each: each["id"])
def test_a_difference_is_one(exchange):
    """Where an exchange names a difference, ours is another answer than Connect's; where it names none, it says nothing of ours."""
    assert expected(exchange) != exchange["recorded"] or "loggers" in exchange["differs"]


def test_an_answer_differs_only_on_purpose():
    """An exchange that names no difference expects exactly what Connect answered."""
    silent = [each for each in exchanges() if not each.get("differs")]
    assert all(expected(each) == each["recorded"] for each in silent)
    assert len(silent) > 45


@pytest.mark.parametrize(
    ("wanted", "got", "same"),
    [
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": 1, "<more>": True}, {"a": 1, "b": 2}, True),
        ({"a": "x<text>z"}, {"a": "xyz"}, True),
        ({"a": "x<text>z"}, {"a": "xy"}, False),
        ([1, 2], [1, 3], False),
        (True, 1, False),
        ({"<each>": {"a": "<any>"}, "<contains>": [{"a": 2}]}, [{"a": 1}, {"a": 2}], True),
        ({"<each>": {"a": "<any>"}, "<contains>": [{"a": 3}]}, [{"a": 1}, {"a": 2}], False),
        ({"<each>": {"a": "<any>"}}, [{"b": 1}], False),
        ({"<set>": ["a", "b"]}, ["b", "a"], True),
        ({"<values>": {"l": "<text>"}}, {"x": {"l": 1}}, False),
        (None, {}, False),
    ],
)
def test_what_counts_as_the_same(wanted, got, same):
    """The comparison itself tells apart what differs."""
    assert (mismatch(wanted, got) == "") is same
