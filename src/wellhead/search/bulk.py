"""Takes actions, gives the body of a bulk request and what each item of its answer means; never sends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from wellhead.errors import PermanentError, TemporaryError
from wellhead.search.actions import Action, BulkAnswer, Refused
from wellhead.search.dialect import Dialect
from wellhead.search.failure import BAD_REQUEST, FORBIDDEN, NOT_FOUND, TOO_MANY, UNAUTHORIZED, is_block, is_full, reason_of

# Of a healthy bulk only the statuses come back.
FILTER = "items.*.status,items.*.error.type,items.*.error.reason,items.*.error.caused_by"
_LONGEST_ID_BYTES = 512
_HIGHEST_VERSION = 2**63 - 1
_CONFLICT, _FIRST_ERROR, _FIRST_SERVER_ERROR = 409, 300, 500


def fit(actions: Sequence[Action]) -> tuple[list[Action], list[Refused]]:
    """Sort out what would make the store refuse the whole bulk, or read something else than what is meant."""
    whole, refused = list[Action](), list[Refused]()
    for action in actions:
        problem = _problem(action)
        if problem:
            refused.append(Refused(action, BAD_REQUEST, problem))
        elif action.op == "delete" or b"\n" not in action.source:
            whole.append(action)
        else:  # a document is one line of a bulk
            line = orjson.dumps(orjson.loads(action.source))
            whole.append(Action(action.index, action.id, line, action.version, action.op))
    return whole, refused


def _problem(action: Action) -> str:
    if not action.index:
        return "has no index"
    if not 0 < len(action.id.encode(errors="replace")) <= _LONGEST_ID_BYTES:
        return f"its id has not 1 to {_LONGEST_ID_BYTES} bytes"
    if action.version is not None and not 0 <= action.version <= _HIGHEST_VERSION:
        return "its version is no whole number from 0 to 2^63 - 1"
    if action.op == "delete":
        return ""
    if not action.source:
        return "is empty"
    if b"\n" in action.source:
        try:
            orjson.loads(action.source)
        except orjson.JSONDecodeError as error:
            return f"is no JSON: {error}"
    return ""


def body_of(actions: Sequence[Action], dialect: Dialect) -> bytes:
    """Give the request's body: a line for each action and one for its document."""
    return b"".join(_lines(actions, dialect))


def _lines(actions: Sequence[Action], dialect: Dialect) -> Iterator[bytes]:
    for action in actions:
        meta: dict[str, Any] = {"_index": action.index, "_id": action.id}
        if dialect.typed:
            meta["_type"] = "_doc"
        if action.version is not None and action.op != "create":
            meta |= {"version": action.version, "version_type": "external"}
        yield orjson.dumps({action.op: meta})
        yield b"\n"
        if action.op != "delete":
            yield action.source
            yield b"\n"


def read_answer(actions: Sequence[Action], answer: Mapping[str, Any], where: str) -> BulkAnswer:
    """Give what became of `actions`.

    Raises:
        TemporaryError: The store takes no writes now, or its answer is not whole.
        PermanentError: It will take none until a person changes something: rights, or an index that may not be made.
    """
    items = answer.get("items")
    if not isinstance(items, list) or len(items) != len(actions):
        raise TemporaryError(f"{where}: a bulk of {len(actions)} was answered with {len(items or ())} items; it is sent again")
    done = 0
    known, refused, busy = list[Action](), list[Refused](), list[Action]()
    for action, item in zip(actions, items, strict=True):
        (result,) = item.values()
        status = int(result["status"])
        if status < _FIRST_ERROR:
            done += 1
        elif status == _CONFLICT or (status == NOT_FOUND and action.op == "delete"):
            known.append(action)
        else:
            reason = reason_of(result.get("error")) or f"status {status}"
            _blame_the_store(status, reason, action, where)
            if status == TOO_MANY or status >= _FIRST_SERVER_ERROR:
                busy.append(action)
            else:
                refused.append(Refused(action, status, reason))
    return BulkAnswer(done, len(known), refused, busy, known=known)


def _blame_the_store(status: int, reason: str, action: Action, where: str) -> None:
    """Raise where the document is not at fault, so that no good one is ever taken for a bad one."""
    what = f"{where}, index {action.index!r}: {status}, {reason}"
    if status in (UNAUTHORIZED, FORBIDDEN) and not is_block(reason):
        raise PermanentError(f"{what}. Grant the user the rights to write, and to create the index")
    if is_block(reason):
        raise TemporaryError(f"{what}. Free disk space or lift the block of the index; it will be tried again")
    if is_full(reason):
        raise PermanentError(f"{what}. Delete old indices, or raise cluster.max_shards_per_node")
    if status == NOT_FOUND:
        raise PermanentError(f"{what}. Make the index, or allow it in action.auto_create_index")
