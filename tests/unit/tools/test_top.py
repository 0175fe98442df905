import re
from io import StringIO
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from wellhead.errors import TemporaryError
from wellhead.testing.clock import FakeClock
from wellhead.tools.top import picture, shown
from wellhead.tools.top_table import Looks


def explained(name, state="RUNNING", **stream):
    streams = [{"stream": "event", "tenant": "acme", "state": state, "rejects": 0, **stream}]
    return {
        "name": name,
        "state": state,
        "tasks": [{"id": 0, "state": state, "worker_id": "w-0", "tenant": "acme", "streams": streams}],
    }


class Worker:
    """A worker that tells what it was given, or is away."""

    def __init__(self, *told):
        self.told = {each["name"]: each for each in told}
        self.away = False

    def ask(self, method, path):
        assert method == "GET"
        if self.away:
            raise TemporaryError("http://w: no answer")
        parts = path.split("/")
        return list(self.told) if len(parts) == 2 else self.told[parts[2]]


def printed(picture):
    console = Console(file=StringIO(), width=160)
    console.print(picture)
    return console.file.getvalue()


def test_the_worst_stands_first():
    """Who fails is seen without scrolling, then who is late, then all others by name."""
    states = {"a": "RUNNING", "b": "DEGRADED", "c": "FAILED", "d": "RUNNING", "e": "UNASSIGNED"}
    lines = Looks().lines([explained(name, state) for name, state in states.items()], 0.0)
    assert [line.connector for line in lines] == ["c", "e", "b", "a", "d"]


def test_rates_are_told_from_the_second_look_on():
    """What was published between two looks, by the time between them; a task that began anew has no rate yet."""
    looks = Looks()
    assert [line.per_sec for line in looks.lines([explained("a", records=100)], 10.0)] == [None]
    assert [line.per_sec for line in looks.lines([explained("a", records=400)], 12.0)] == [150.0]
    assert [line.per_sec for line in looks.lines([explained("a", records=5)], 14.0)] == [None]
    assert [line.per_sec for line in looks.lines([explained("a", records=5)], 16.0)] == [0.0]


def test_a_picture_tells_what_a_person_needs():
    """State, owner, ages, rate, dead letters, quota and the message stand in one line; what nobody knows is a dash."""
    told = explained(
        "feed", records=0, newest_event_age_secs=7_300, last_poll_age_secs=3, quota_remaining=5_998, message="late [red]"
    )
    worker, clock = Worker(told), FakeClock()
    pictures = shown(worker.ask, "http://me:secret@w:8083", clock)
    first = printed(next(pictures))
    assert "asked w:8083" in first
    assert "secret" not in first
    (line,) = [line for line in first.splitlines() if line.lstrip().startswith("feed")]
    assert line.split() == ["feed", "event", "acme", "RUNNING", "w-0", "2.0", "h", "3", "s", "-", "0", "5,998", "late", "[red]"]


def test_a_connector_without_tasks_is_shown():
    """One that nobody runs is not left out."""
    (line,) = Looks().lines([{"name": "idle", "state": "STOPPED", "tasks": []}], 0.0)
    assert (line.connector, line.state, line.message) == ("idle", "STOPPED", "has no tasks")


def test_a_worker_that_goes_away_leaves_the_last_picture():
    """While nobody answers the last lines stand, and the title says why; at the start it is an error."""
    worker = Worker(explained("feed"))
    pictures = shown(worker.ask, "http://w", FakeClock())
    next(pictures)
    worker.away = True
    later = printed(next(pictures))
    assert "as it was; http://w: no answer" in later
    assert "feed" in later
    with pytest.raises(TemporaryError):
        next(shown(worker.ask, "http://w", FakeClock()))


def test_a_picture_is_whole_in_itself():
    """The SVG is well-formed, shows what the terminal shows, and has whoever opens it ask nobody for anything."""
    look = next(
        shown(Worker(explained("wss-acme", "FAILED", message="<b>the credentials & all</b>")).ask, "http://w", FakeClock())
    )
    svg = picture(look)
    text = "".join(ET.fromstring(svg).itertext()).replace("\N{NO-BREAK SPACE}", " ")
    assert "wss-acme" in text
    assert "FAILED" in text
    assert "<b>the credentials & all</b>" in text
    assert not re.search(r"url\(.?http|@import|href=", svg)
