import pytest

from wellhead.errors import ConfigError
from wellhead.recovery.errors import Refused
from wellhead.recovery.plan import Change, Plan, name_of, parse_plan, read_plan


def made(**more):
    change = Change(partition={"stream": "ip", "tenant": "acme"}, before={"n": 1}, after=None, why="reset", **more)
    return Plan(id="plan-1", connector="feed", created_ms=1, created_at="then", changes=(change,))


def test_a_file_that_is_no_plan_says_what_is_wrong(tmp_path):
    """Each field that is missing or unknown is named; a file that is not there is told likewise; values are not."""
    with pytest.raises(ConfigError) as caught:
        parse_plan('{"id": "x", "secret": "s3cret"}')
    assert {"connector", "changes", "secret"} <= {problem.path for problem in caught.value.problems}
    assert "s3cret" not in str(caught.value)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_plan(tmp_path / "none.json")
    path = tmp_path / "plan.json"
    path.write_text(made().model_dump_json(by_alias=True))
    assert read_plan(path) == made()


def test_only_what_still_stands_is_moved():
    """A cursor is moved from where the plan found it, passed over where it stands already, and never overwritten elsewhere."""
    plan = made()
    assert plan.left([{"n": 1}]) == list(plan.changes)
    assert plan.left([None]) == []
    with pytest.raises(Refused, match=r"ip/acme moved since plan-1"):
        plan.left([{"n": 2}])


def test_streams_are_named_for_people():
    """Ours by stream and tenant, those of Connect by all their fields."""
    assert name_of({"tenant": "acme", "stream": "ip"}) == "ip/acme"
    assert name_of({"filename": "/a", "b": 1}) == "b=1,filename=/a"
    assert name_of({}) == "(no partition)"
