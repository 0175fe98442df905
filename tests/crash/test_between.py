"""The process dies when a commit has just closed one part of what the vendor sends and the next part has not begun."""

import signal
import uuid
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import readback
from deployed import Deployed, deployed

CRASH = "wellhead.testing.crash"

Cursor = dict[str, Any]


@pytest.fixture(scope="module")
def commits(stack, tmp_path_factory) -> list[Cursor]:
    """Give the cursor after each commit of an undisturbed run: every transaction brings one run record."""
    prefix = f"t{uuid.uuid4().hex[:12]}."
    with deployed(stack, prefix, tmp_path_factory.mktemp("undisturbed")) as worker:
        worker.connector["transaction.boundary"] = "poll"
        assert worker.run() == 0
        records = readback.values(worker.bootstrap, f"{prefix}runs")
    return [record["cursor_to"] or {} for record in records]


def ends_a_member(cursor: Cursor, following: Cursor) -> bool:
    return bool(cursor.get("member")) and following["member_index"] == cursor["member_index"] + 1


def ends_an_archive(cursor: Cursor, following: Cursor) -> bool:
    return cursor.get("token", "none") != "none" and not cursor["member"] and bool(following["member"])


def place(cursor: Cursor) -> tuple[Any, ...]:
    return cursor["token"] != "none", cursor["member"], cursor["member_index"], cursor["offset"]


@pytest.mark.parametrize(("point", "later"), [("after_commit", 0), ("before_commit", 1)])
@pytest.mark.parametrize("ends", [ends_a_member, ends_an_archive])
def test_killed_between(
    worker: Deployed, commits: list[Cursor], ends: Callable[[Cursor, Cursor], bool], point: str, later: int
):
    """Killed between member and member, or archive and archive, the worker goes on with the next part, once."""
    number = next(number for number, pair in enumerate(pairwise(commits), start=1) if ends(*pair))
    worker.connector["transaction.boundary"] = "poll"
    assert worker.run(CRASH, "--at", f"{point}:{number + later}") == -signal.SIGKILL
    assert place(worker.cursors()[-1]) == place(commits[number - 1])
    assert worker.run() == 0
    worker.assert_exactly_once()
