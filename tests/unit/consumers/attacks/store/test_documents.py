"""Proves what a message of the documents topic asks for, and when it asks for nothing."""

import pytest
from document_messages import FakeMessage, headers

from wellhead.consumers.attacks.store.documents import read_document
from wellhead.search.actions import Action


def read(key=b"a:1", value=b"{}", told=None):
    return read_document(FakeMessage(key, value, headers() if told is None else told, 2, 7), "acme")


def test_a_message_is_a_write():
    """Its headers say index and version, its key the id, its value the document, byte by byte."""
    found = read(told=headers("attack", "2026.02", 41))
    assert found.action == Action("acme-attacks-2026.02", "a:1", b"{}", 41)
    assert (found.partition, found.offset, found.kind, found.problem) == (2, 7, "attack", "")


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"told": []}, "'kind'"),
        ({"told": headers("note")}, "'kind'"),
        ({"told": headers(month="2026.13")}, "'month'"),
        ({"told": headers(month="2026.02-x")}, "'month'"),
        ({"told": headers(version=0)}, "'version'"),
        ({"told": headers(version="1e3")}, "'version'"),
        ({"told": [("kind", b"hit"), ("month", b"2026.02"), ("version", None)]}, "'version'"),
        ({"key": None}, "no key"),
        ({"key": b""}, "no key"),
        ({"key": b"\xff"}, "UTF-8"),
        ({"value": None}, "no value"),
        ({"value": b""}, "no value"),
    ],
)
def test_a_message_that_says_too_little_asks_for_nothing(changed, problem):
    """What is missing or odd is said, and no write is made of it."""
    found = read(**changed)
    assert found.action is None
    assert problem in found.problem
