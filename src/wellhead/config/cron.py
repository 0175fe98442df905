"""Takes a cron expression as written, gives it back once it is known to be one that comes; never runs anything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError


def _is_cron(value: str) -> str:
    from croniter import CroniterBadDateError, croniter  # noqa: PLC0415 - loaded only where a schedule needs it

    if not croniter.is_valid(value):
        raise PydanticCustomError("cron", "must be a cron expression of five fields, such as '*/5 * * * *'")
    try:
        croniter(value, datetime(2000, 1, 1, tzinfo=UTC)).get_next()
    except CroniterBadDateError:
        raise PydanticCustomError("cron", "names a time that never comes") from None
    return value


Cron = Annotated[str, AfterValidator(_is_cron)]
"""A cron expression of five fields, UTC."""
