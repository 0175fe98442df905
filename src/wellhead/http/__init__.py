"""Gives every connector one HTTP client that retries, bounds, redacts and lets go; knows no vendor."""

from wellhead.config.http import HttpSettings
from wellhead.http.answer import Download, Response
from wellhead.http.channels import Channels
from wellhead.http.client import HttpClient
from wellhead.http.lines import CutLine, LineParser
from wellhead.http.live import LiveAnswer
from wellhead.http.lost import StreamLost
from wellhead.http.raws import raw_objects
from wellhead.http.record import CallRecord
from wellhead.http.spool import sweep
from wellhead.http.sse import EventParser, ServerSentEvent

__all__ = [
    "CallRecord",
    "Channels",
    "CutLine",
    "Download",
    "EventParser",
    "HttpClient",
    "HttpSettings",
    "LineParser",
    "LiveAnswer",
    "Response",
    "ServerSentEvent",
    "StreamLost",
    "raw_objects",
    "sweep",
]
