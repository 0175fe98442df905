"""Takes counts by client and by time, gives slices of similar size; never asks a store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from wellhead.migration.copy.clients import Client

_MOST_CLIENTS = 500  # named in one query
_BUCKETS_PER_SLICE = 8
_MOST_BUCKETS = 2_000
_SMALLEST_SLICE, _LARGEST_SLICE, _SLICES = 12_000, 100_000, 512


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many documents have a time from `first_ms` on, for `width_ms`."""

    first_ms: int
    width_ms: int
    docs: int


@dataclass(frozen=True, slots=True)
class Range:
    """A range of time, or of offsets, and what it holds; None = open."""

    first: int | None
    end: int | None
    docs: int


def slice_docs_for(docs: int) -> int:
    """Give how many documents a slice has where nobody says: some hundred slices of a small job, larger ones of a large one."""
    return min(_LARGEST_SLICE, max(_SMALLEST_SLICE, docs // _SLICES))


def packed(counts: Mapping[Client, int], most: int) -> Iterator[tuple[tuple[Client, ...], int]]:
    """Yield clients, together as long as they have at most `most` documents, with how many they have; a large one stands alone."""
    held: list[Client] = []
    docs = 0
    for client, count in sorted(counts.items(), key=lambda each: (str(type(each[0])), each[0])):
        if held and (docs + count > most or len(held) >= _MOST_CLIENTS):
            yield tuple(held), docs
            held, docs = [], 0
        held.append(client)
        docs += count
    if held:
        yield tuple(held), docs


def width_ms(span_ms: int, docs: int, most: int, *, least_ms: int = 1) -> int:
    """Give how wide buckets must be for `docs` documents over `span_ms` to be cut well, in whole `least_ms`."""
    buckets = min(_MOST_BUCKETS, _BUCKETS_PER_SLICE * -(-docs // most))
    return max(1, -(-span_ms // (buckets * least_ms))) * least_ms


def cut(buckets: Sequence[Bucket], most: int, first_ms: int | None, end_ms: int | None) -> list[Range]:
    """Give ranges without gaps from `first_ms` to `end_ms`, each with about `most` documents; a bucket is never cut.

    The number of ranges is the fewest possible, and they share the documents evenly.
    """
    total = sum(bucket.docs for bucket in buckets)
    fair = -(-total // max(1, -(-total // most)))
    edges: list[tuple[int, int]] = []  # where a range begins, and what stands before it
    seen = held = 0
    for bucket in sorted(buckets, key=lambda each: each.first_ms):
        # The edge goes where the range comes closest to its fair share.
        if held and held + bucket.docs / 2 > fair:
            edges.append((bucket.first_ms, seen))
            held = 0
        held += bucket.docs
        seen += bucket.docs
    firsts = [first_ms, *(at for at, _ in edges)]
    ends = [*(at for at, _ in edges), end_ms]
    before = [0, *(count for _, count in edges), total]
    return [Range(first, end, before[at + 1] - before[at]) for at, (first, end) in enumerate(zip(firsts, ends, strict=True))]


def cut_offsets(first: int, end: int, most: int) -> list[Range]:
    """Give ranges of offsets of at most `most` and similar size."""
    parts = -(-(end - first) // most)
    edges = [first + (end - first) * part // parts for part in range(parts + 1)] if parts > 0 else []
    return [Range(low, high, high - low) for low, high in pairwise(edges)]
