"""Gives the five words of the data path that stand in spans, metric labels, dead-letter headers and errors; never a sixth."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """Where in the sentence *poll, transform, encode, produce, commit* something happened."""

    POLL = "poll"
    TRANSFORM = "transform"
    ENCODE = "encode"
    PRODUCE = "produce"
    COMMIT = "commit"
