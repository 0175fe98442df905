"""Takes a column of times as logs write them, gives milliseconds and which could be read; never guesses a zone or a century."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np

from connectors.webgateway.formats.cuts import Bytes, Cuts, Flags, Ints, windows

_ZERO, _NINE = b"09"
_CLF_BYTES, _STAMP_BYTES, _EPOCH_BYTES = 28, 19, 14
_SECS_OF_DAY, _MS = 86_400, 1_000
_FIRST_YEAR = 1970
_HOURS, _MINUTES = 24, 60
_MONTHS = {name: number for number, name in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}
_EPOCH = re.compile(r"([0-9]{1,11})(?:\.([0-9]{1,9}))?", re.ASCII)
_STAMP = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?", re.ASCII)
_CLF = re.compile(r"\[?([0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2}) ([+-][0-9]{4})\]?", re.ASCII)


def of_clf(texts: Any) -> tuple[Ints, Flags]:
    """Read times like `[03/Feb/2026:10:00:07 +0100]`, with or without brackets, and ISO 8601 with a zone."""
    return _once(texts, _of_clf)


def _of_clf(texts: Any) -> tuple[Ints, Flags]:
    fits, rows = windows(Cuts.of(texts), _CLF_BYTES)
    month = np.zeros(len(rows), np.int64)
    for name, number in _MONTHS.items():
        month[(rows[:, 4] == name[0]) & (rows[:, 5] == name[1]) & (rows[:, 6] == name[2])] = number
    digits = (1, 2, 8, 9, 10, 11, 13, 14, 16, 17, 19, 20, 23, 24, 25, 26)
    good = _stand(rows, {0: b"[", 3: b"/", 7: b"/", 12: b":", 15: b":", 18: b":", 21: b" ", 22: b"+-", 27: b"]"}, digits)
    secs, valid = _secs(_number(rows, 8, 12), month, _number(rows, 1, 3), _clock(rows, 13, 16, 19))
    hours, minutes = _number(rows, 23, 25), _number(rows, 25, 27)
    zone = (hours * _MINUTES + minutes) * _MINUTES * np.where(rows[:, 22] == ord("-"), -1, 1)
    good &= valid & (hours < _HOURS) & (minutes < _MINUTES)
    return _with_odd(texts, fits, (secs - zone) * _MS, good, _one_clf)


def of_stamp(texts: Any) -> tuple[Ints, Flags]:
    """Read dates and times of day like `2026-02-03 09:00:07`, which are UTC."""
    return _once(texts, _of_stamp)


def _of_stamp(texts: Any) -> tuple[Ints, Flags]:
    fits, rows = windows(Cuts.of(texts), _STAMP_BYTES)
    digits = (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18)
    good = _stand(rows, {4: b"-", 7: b"-", 10: b" ", 13: b":", 16: b":"}, digits)
    secs, valid = _secs(_number(rows, 0, 4), _number(rows, 5, 7), _number(rows, 8, 10), _clock(rows, 11, 14, 17))
    return _with_odd(texts, fits, secs * _MS, good & valid, _one_stamp)


def of_epoch(texts: Any) -> tuple[Ints, Flags]:
    """Read seconds since 1970 like `1770109207.123`; what is finer than milliseconds is cut."""
    fits, rows = windows(Cuts.of(texts), _EPOCH_BYTES)
    good = _stand(rows, {10: b"."}, (*range(10), 11, 12, 13))
    return _with_odd(texts, fits, _number(rows, 0, 10) * _MS + _number(rows, 11, 14), good, _one_epoch)


def _once(texts: Any, read: Callable[[Any], tuple[Ints, Flags]]) -> tuple[Ints, Flags]:
    """Read each different time once: many lines are written in one second."""
    encoded = texts.dictionary_encode()
    times, valid = read(encoded.dictionary)
    row = np.asarray(encoded.indices.fill_null(len(times)))
    return np.append(times, 0)[row], np.append(valid, False)[row]


def _with_odd(texts: Any, fits: Flags, read: Ints, good: Flags, one: Any) -> tuple[Ints, Flags]:
    """Lay what was read in one go among what is written otherwise, which is read one by one."""
    times, valid = np.zeros(len(fits), np.int64), np.zeros(len(fits), np.bool_)
    times[fits], valid[fits] = np.where(good, read, 0), good
    for row in np.flatnonzero(~valid).tolist():
        time_ms = one(texts[row].as_py() or "")
        if time_ms is not None:
            times[row], valid[row] = time_ms, True
    return times, valid


def _stand(rows: Bytes, marks: dict[int, bytes], digits: tuple[int, ...]) -> Flags:
    good = np.ones(len(rows), np.bool_)
    for at, allowed in marks.items():
        good &= np.isin(rows[:, at], list(allowed)) if len(allowed) > 1 else rows[:, at] == allowed[0]
    for at in digits:
        good &= (rows[:, at] >= _ZERO) & (rows[:, at] <= _NINE)
    return good


def _number(rows: Bytes, begin: int, end: int) -> Ints:
    number = np.zeros(len(rows), np.int64)
    for at in range(begin, end):
        number = number * 10 + rows[:, at] - _ZERO
    return number


def _clock(rows: Bytes, *places: int) -> tuple[Ints, Ints, Ints]:
    hours, minutes, secs = (_number(rows, at, at + 2) for at in places)
    return hours, minutes, secs


def _secs(years: Ints, months: Ints, days: Ints, clock: tuple[Ints, Ints, Ints]) -> tuple[Ints, Flags]:
    """Give seconds since 1970, and which of the dates and times there are."""
    hours, minutes, secs = clock
    good = (years >= _FIRST_YEAR) & (months >= 1) & (months <= len(_MONTHS))
    month = np.where(good, (years - _FIRST_YEAR) * len(_MONTHS) + months - 1, 0).astype("datetime64[M]")
    first, following = (each.astype("datetime64[D]").astype(np.int64) for each in (month, month + 1))
    day = first + days - 1
    good &= (days >= 1) & (day < following) & (hours < _HOURS) & (minutes < _MINUTES) & (secs < _MINUTES)
    return day * _SECS_OF_DAY + (hours * _MINUTES + minutes) * _MINUTES + secs, good


def _one_clf(text: str) -> int | None:
    match = _CLF.fullmatch(text)
    try:
        if match is None:
            return _ms(datetime.fromisoformat(text.removeprefix("[").removesuffix("]")))
        day, month, rest = match[1].split("/")
        return _ms(datetime.strptime(f"{day} {_MONTHS[month.encode()]} {rest} {match[2]}", "%d %m %Y:%H:%M:%S %z"))
    except (ValueError, KeyError):
        return None


def _one_stamp(text: str) -> int | None:
    match = _STAMP.fullmatch(text)
    try:
        whole = match and _ms(datetime.fromisoformat(f"{match[1]} {match[2]}").replace(tzinfo=UTC))
    except ValueError:
        return None
    return whole + _thousandths(match[3]) if match and whole is not None else None


def _one_epoch(text: str) -> int | None:
    match = _EPOCH.fullmatch(text)
    return int(match[1]) * _MS + _thousandths(match[2]) if match else None


def _thousandths(digits: str | None) -> int:
    return int((digits or "0").ljust(3, "0")[:3])


def _ms(moment: datetime) -> int | None:
    if moment.tzinfo is None or moment.year < _FIRST_YEAR:
        return None
    whole = moment.replace(microsecond=0)
    return int(whole.timestamp()) * _MS + moment.microsecond // _MS
