"""`wellhead doctor --ask-vendor` asks one question a kind of task, and tells what came of it."""

from types import SimpleNamespace

import pytest

from wellhead import Config, Cursor, PermanentError, SourceConnector, SourceTask, Stream, TemporaryError
from wellhead.config.http import HttpSettings
from wellhead.testing.clock import FakeClock
from wellhead.tools.doctor_vendor import check_vendors, not_asked


def deployment(answers):
    """Give a deployment of one connector with two streams of one task, whose question ends as `answers` has it."""
    asked = []

    class Task(SourceTask):
        async def poll(self, cursor):
            raise AssertionError("nobody may poll")
            yield

        async def probe(self):
            asked.append(self.stream)
            if isinstance(answers, Exception):
                raise answers
            return answers

    streams = tuple(Stream(name, Task, Cursor, "x.y", "A stream.") for name in ("one", "two"))
    source = SourceConnector("x", "X", Config, streams)
    settings = SimpleNamespace(http=HttpSettings())
    connector = SimpleNamespace(name="feed", settings=settings, source=source, config=Config(), streams=streams, secrets=list)
    return SimpleNamespace(connectors=[connector]), asked


@pytest.mark.parametrize(
    ("answers", "status", "told"),
    [
        ("one page", "ok", "the vendor answers: one page"),
        ("", "skip", "every reference gives something; the source has no question that would take nothing from who reads"),
        (PermanentError("401: the key is refused"), "fail", "401: the key is refused"),
        (TemporaryError("503"), "warn", "503"),
    ],
)
def test_each_end_of_the_question_is_told(answers, status, told):
    """An answer is ok, a refusal fails, what may pass warns, and no question is no claim; streams of one task are asked about once."""
    made, asked = deployment(answers)
    (finding,) = check_vendors(made, FakeClock())
    assert (finding.status, finding.check, finding.where, finding.message) == (status, "credentials", "feed", told)
    assert (finding.advice == "") == (status == "ok")
    assert asked == ["one"]


def test_nobody_is_asked_unless_it_is_wished():
    """Without the option each connector is skipped, with the option's name."""
    made, asked = deployment("one page")
    (finding,) = not_asked(made)
    assert (finding.status, finding.where, asked) == ("skip", "feed", [])
    assert "--ask-vendor" in finding.advice
