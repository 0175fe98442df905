"""Gives the error of a step that was not taken because taking it could do harm; never for what merely failed."""

from __future__ import annotations

from wellhead.errors import PermanentError


class Refused(PermanentError):  # noqa: N818 - the name says the event
    """Nothing was written: what the step was planned on has changed, or somebody must say that it is meant."""
