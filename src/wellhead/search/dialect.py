"""Takes what a store says of itself, gives how that product and version is spoken to, from one table; never asks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Product = Literal["opensearch", "elasticsearch"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between products and versions.

    Attributes:
        name: For messages and logs.
        typed: Documents and mappings stand under the type `_doc`, which is told with each.
        composable_templates: `_index_template`; otherwise `_template`.
        point_in_time: How a frozen view is opened: `_pit`, `_search/point_in_time`, or there is none.
        total_is_a_number: `hits.total` of a search; otherwise an object, and counted to its end only on demand.
    """

    name: str
    typed: bool
    composable_templates: bool
    point_in_time: Literal["elasticsearch", "opensearch"] | None
    total_is_a_number: bool


_ELASTICSEARCH_6 = Dialect("Elasticsearch 6", True, False, None, True)
_ELASTICSEARCH_7 = Dialect("Elasticsearch 7", False, False, None, False)
_ELASTICSEARCH_7_8 = Dialect("Elasticsearch 7.8", False, True, None, False)
_ELASTICSEARCH_7_10 = Dialect("Elasticsearch 7.10", False, True, "elasticsearch", False)
_OPENSEARCH_1 = Dialect("OpenSearch 1", False, True, None, False)
_OPENSEARCH_2_4 = Dialect("OpenSearch 2.4", False, True, "opensearch", False)

# From which version on which dialect; the newest that is not newer than the store counts.
_TABLE: dict[Product, tuple[tuple[tuple[int, int], Dialect], ...]] = {
    "elasticsearch": (
        ((6, 8), _ELASTICSEARCH_6),
        ((7, 0), _ELASTICSEARCH_7),
        ((7, 8), _ELASTICSEARCH_7_8),
        ((7, 10), _ELASTICSEARCH_7_10),
    ),
    "opensearch": (((1, 0), _OPENSEARCH_1), ((2, 4), _OPENSEARCH_2_4)),
}


def identify(banner: Mapping[str, Any]) -> tuple[Product, str]:
    """Give product and version out of what `GET /` answers.

    Raises:
        ValueError: It is neither product.
    """
    version = banner.get("version")
    if not isinstance(version, Mapping) or not isinstance(version.get("number"), str):
        raise ValueError("is neither OpenSearch nor Elasticsearch")  # noqa: TRY004 - what it says is wrong, not its type
    # OpenSearch may be set to call itself 7.10.2 for the sake of old clients; its distribution it never hides.
    return ("opensearch" if version.get("distribution") == "opensearch" else "elasticsearch"), version["number"]


def dialect_of(banner: Mapping[str, Any]) -> Dialect:
    """Give how the store that said `banner` is spoken to.

    Raises:
        ValueError: Its version is too old, or it is neither product; says what is supported.
    """
    product, number = identify(banner)
    if product == "opensearch" and number == "7.10.2":
        return _OPENSEARCH_1  # its own version is hidden, so only what all of them understand
    spoken = [dialect for since, dialect in _TABLE[product] if since <= _numbers(number)]
    if not spoken:
        raise ValueError(f"is {product} {number}, which is too old: OpenSearch 1.0 and Elasticsearch 6.8 are the oldest")
    if spoken[-1].point_in_time == "elasticsearch" and banner["version"].get("build_flavor") == "oss":
        return _ELASTICSEARCH_7_8  # a point in time is no part of the Apache-licensed build
    return spoken[-1]


def _numbers(version: str) -> tuple[int, int]:
    major, _, rest = version.partition(".")
    minor = rest.partition(".")[0]
    return (int(major) if major.isdecimal() else 0, int(minor) if minor.isdecimal() else 0)
