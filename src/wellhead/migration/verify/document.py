"""Gives a document as one side holds it, in the form both sides share; never knows which side it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from wellhead.migration.verify.canonical import canonical, encoded
from wellhead.migration.verify.rules import INDEX, VERSION, Rules


@dataclass(frozen=True)
class Document:
    """One document.

    Attributes:
        id: Its id, as the target has it.
        index: The index it is in, or (what was translated) belongs into.
        version: Its external version; None where it has none to compare.
        content: Its fields, named and typed as the target has them.
        raw_id: Its id as its own store has it.
    """

    id: str
    index: str
    version: int | None
    content: Mapping[str, Any]
    raw_id: str

    @cached_property
    def plain(self) -> bytes:
        """Its fields in order of their names, otherwise as they are."""
        return orjson.dumps(self.content, option=orjson.OPT_SORT_KEYS)

    def form(self, rules: Rules) -> dict[str, Any]:
        """Give its canonical form."""
        return canonical(self.content, rules)

    def state(self, rules: Rules) -> tuple[str, int | None, bytes]:
        """Give all by which two looks at it are the same."""
        return self.index, self.version, encoded(self.form(rules))


def same(left: Document, right: Document, rules: Rules) -> bool:
    """Tell whether the right document is what the left one says it must be."""
    if INDEX not in rules.ignored and left.index != right.index:
        return False
    if VERSION not in rules.ignored and is_older(left, right):
        return False
    return left.plain == right.plain or encoded(left.form(rules)) == encoded(right.form(rules))


def is_older(left: Document, right: Document) -> bool:
    """Tell whether the right document stands at an older version; a newer one with the same content was written twice, which is no harm."""
    return left.version is not None and right.version is not None and right.version < left.version
