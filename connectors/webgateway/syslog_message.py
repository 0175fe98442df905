"""Takes one syslog message, gives its text and what its header says, RFC 5424 or RFC 3164; never changes a byte of the text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_MOST_PRIORITY = 191
_PRIORITY = re.compile(rb"<(0|[1-9][0-9]{0,2})>")
_NEW = re.compile(
    rb"1 (?P<time>[!-~]{1,64}) (?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48}) (?P<process>[!-~]{1,128}) (?P<id>[!-~]{1,32}) "
)
_OLD = re.compile(
    rb"(?P<time>(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-6][0-9]) "
    rb"(?P<host>[!-~]{1,255}) (?:(?P<app>[!-9;-Z\\\]-~]{1,64})(?:\[(?P<process>[!-Z\\^-~]{0,128})\])?: )?"
)
_NAME = rb"[!#-<>-\\^-~]{1,64}"
_PARAMETER = re.compile(rb" (" + _NAME + rb')="((?:[^"\\\]]|\\.)*)"', re.DOTALL)
_ELEMENT = re.compile(rb"\[(" + _NAME + rb")((?: " + _NAME + rb'="(?:[^"\\\]]|\\.)*")*)\]', re.DOTALL)
_ESCAPED = re.compile(rb'\\(["\\\]])')
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Message:
    """What a syslog message says.

    Attributes:
        body: Its text.
        told: What its header says, by name, such as `syslog.host`; structured data as `ID.NAME`.
    """

    body: bytes
    told: Mapping[str, str] = field(default_factory=dict)


def parse(raw: bytes) -> Message:
    """Give what a message says; one without a priority is nothing but text.

    Raises:
        ValueError: Its header is none; the message says what is wrong.
    """
    priority = _PRIORITY.match(raw)
    if priority is None:
        return Message(raw)
    if int(priority[1]) > _MOST_PRIORITY:
        raise ValueError(f"its priority is {int(priority[1])}; 191 is the greatest")
    told = {"syslog.priority": priority[1].decode()}
    at = priority.end()
    if raw.startswith(b"1 ", at):
        return _new(raw, at, told)
    header = _OLD.match(raw, at)
    if header is None:
        return Message(raw[at:], told)
    return Message(raw[header.end() :], told | _named(header))


def _new(raw: bytes, at: int, told: dict[str, str]) -> Message:
    header = _NEW.match(raw, at)
    if header is None:
        raise ValueError("its header says RFC 5424 (version 1), but has not the five fields of it")
    told |= _named(header)
    at = header.end()
    if raw.startswith(b"-", at):
        at += 1
    else:
        begin = at
        while element := _ELEMENT.match(raw, at):
            at = element.end()
            name = element[1].decode()
            for parameter in _PARAMETER.finditer(element[2]):
                told[f"{name}.{parameter[1].decode()}"] = _ESCAPED.sub(rb"\1", parameter[2]).decode("utf-8", "replace")
        if at == begin:
            raise ValueError("its structured data is neither - nor an element in brackets")
    if raw[at : at + 1] not in (b"", b" "):
        raise ValueError("its structured data is not closed")
    return Message(raw[at + 1 :].removeprefix(_MARK), told)


def _named(header: re.Match[bytes]) -> dict[str, str]:
    return {f"syslog.{name}": value.decode() for name, value in header.groupdict().items() if value not in (None, b"", b"-")}
