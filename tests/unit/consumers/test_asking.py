"""Tests of asking a Kafka that may be away."""

import pytest

from wellhead.consumers.asking import UntilSilence, silence_of
from wellhead.consumers.lag import Place
from wellhead.errors import PermanentError, TemporaryError

CLOSED = {"bootstrap.servers": "127.0.0.1:1"}


class Probe:
    """Answers as scripted, and counts the questions."""

    def __init__(self, *answers):
        self.answers, self.asked, self.closed = list(answers), 0, False

    def places(self, group, topic, *, start="earliest"):
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self):
        self.closed = True


def test_a_closed_port_is_named_with_what_to_do():
    """Nobody listens: the error is temporary, says where, why, and what to see to next."""
    silence = silence_of(CLOSED, 0.3)
    assert isinstance(silence, TemporaryError)
    said = str(silence)
    assert said.startswith("kafka at 127.0.0.1:1 does not answer")
    assert "Connection refused" in said
    assert "kafka.bootstrap.servers" in said
    assert "wait longer than 0.3 s with --timeout" in said


@pytest.mark.parametrize("away", [TemporaryError("away"), PermanentError("refused")])
def test_a_silence_is_waited_for_once(away):
    """The first question that gets no answer is the last: each other one hears the same, unasked."""
    probe = Probe({0: Place(1, 1, 1)}, away)
    asking = UntilSilence(probe)
    assert asking.places("g", "one") == {0: Place(1, 1, 1)}
    for _ in range(3):
        with pytest.raises(type(away), match=str(away)):
            asking.places("g", "two")
    assert probe.asked == 2


def test_a_silence_known_before_is_not_asked_about():
    """Where Kafka is known to be away nobody is asked at all; closing closes the one who would have been."""
    probe = Probe()
    asking = UntilSilence(probe, TemporaryError("away"))
    with pytest.raises(TemporaryError, match="away"):
        asking.places("g", "t")
    asking.close()
    assert (probe.asked, probe.closed) == (0, True)
