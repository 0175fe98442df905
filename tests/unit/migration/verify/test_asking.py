"""Answers are whole or none, and asked for again where that helps."""

import pytest

from wellhead.errors import PermanentError, TemporaryError
from wellhead.migration.copy.job import Caps
from wellhead.migration.verify.asking import Asking, Stopped
from wellhead.testing.clock import FakeClock


class Store:
    where = "store 'x'"

    def __init__(self, *answers) -> None:
        self.answers = list(answers)

    def search(self, _index, _body):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def asking(store, stop=lambda _secs: False):
    return Asking(store, Caps(), FakeClock(), stop)


WHOLE = {"_shards": {"total": 1, "failed": 0}, "aggregations": {"a": 1}}


@pytest.mark.parametrize("part", [{"timed_out": True}, {"_shards": {"total": 2, "failed": 1}}, {"terminated_early": True}])
def test_a_partial_answer_is_none(part):
    """Half an answer is asked for again, and in the end it is an error, never an answer."""
    assert asking(Store(WHOLE | part, WHOLE)).added_up("i", {}, 0) == {"a": 1}
    with pytest.raises(TemporaryError, match="in part only"):
        asking(Store(*[WHOLE | part] * 6)).search("i", {}, 0)


def test_a_refusal_is_not_repeated():
    """What a person must change is not asked for again."""
    store = Store(PermanentError("no"), WHOLE)
    with pytest.raises(PermanentError):
        asking(store).search("i", {}, 0)
    assert store.answers == [WHOLE]


def test_no_index_is_empty_but_a_silent_answer_is_not():
    """Without an index there is nothing to add up; an answer that leaves out what was asked is an error."""
    assert asking(Store({"_shards": {"total": 0}})).added_up("i", {}, 0) == {}
    with pytest.raises(PermanentError, match="without what was asked"):
        asking(Store({"_shards": {"total": 3}})).added_up("i", {}, 0)


def test_it_stops():
    """Once somebody asks to stop, no store is asked any more."""
    store = Store(WHOLE)
    with pytest.raises(Stopped):
        asking(store, lambda _secs: True).search("i", {}, 0)
    assert store.answers == [WHOLE]
