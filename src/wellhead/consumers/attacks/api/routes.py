"""Takes requests to read attacks and hits, gives their answers and the store they are from; never takes what it does not know."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from wellhead.consumers.attacks.api import shapes
from wellhead.consumers.attacks.api.answering import Answering
from wellhead.consumers.attacks.api.choice import key_of
from wellhead.consumers.attacks.api.mirror import Question
from wellhead.consumers.attacks.api.queries import Reader
from wellhead.rest.answers import Answer
from wellhead.rest.contract import ApiError, Role
from wellhead.rest.health import answer_health, answer_live, answer_ready
from wellhead.rest.routes.asking import caller_as, described

router = APIRouter()

STORE_HEADER: Final = "x-wellhead-store"
INSTEAD_HEADER: Final = "x-wellhead-instead-of"
HEADERS: Final = {
    STORE_HEADER: "The store that answered.",
    INSTEAD_HEADER: "The store that should have and could not; only where the other one stood in.",
}
AttackId = Annotated[str, Path(description="The attack's id.", max_length=64, examples=["202602:9f86d081884c7d659a2feaa0"])]


def _described(shape: type[BaseModel], *refusals: int) -> dict[int | str, dict[str, Any]]:
    found = described(200, shape, 400, *refusals, headers=HEADERS)
    found.pop(500)
    found[502] = {**found[503], "description": "The store refuses the question or us; the message says what to change."}
    found[503] = {**found[503], "description": "No store can answer now; try again after `Retry-After` seconds."}
    return found


@router.get("/v1/attacks", tags=["attacks"], summary="List attacks", responses=_described(shapes.AttacksPage))
async def list_attacks(request: Request, asked: Annotated[shapes.AttacksQuery, Query()]) -> Response:
    """Give attacks, newest first, a page at a time. What is merged into another stands there, unless `state=merged` asks for it."""
    limit = _limit(request, asked.limit)
    wish = asked.wish(f"attacks by {asked.sort}")
    return await _answer(
        request,
        Question(
            "attacks",
            key_of(asked.client, _caller(request), wish),
            lambda reader: reader.attacks(asked, asked.cursor, limit, sort=asked.sort),
            by_id=asked.sort == "id",
        ),
    )


@router.get("/v1/attacks/{attack_id}", tags=["attacks"], summary="Show an attack", responses=_described(shapes.OneAttack, 404))
async def show_attack(request: Request, attack_id: AttackId, asked: Annotated[shapes.AttackQuery, Query()]) -> Response:
    """Give one attack. Of one that was merged, `surviving_id` is the attack it lives on in."""
    client = () if asked.client is None else (asked.client,)
    key = key_of(client, _caller(request), f"attack {attack_id}")
    missing = f"there is no attack {attack_id!r}; an id looks like 202602:9f86d081884c7d659a2feaa0"
    return await _answer(request, Question("attack", key, lambda reader: reader.attack(attack_id, client=client)), missing)


@router.get(
    "/v1/attacks/{attack_id}/hits",
    tags=["attacks"],
    summary="List an attack's hits",
    responses=_described(shapes.AttackHitsPage, 404),
)
async def list_hits_of(request: Request, attack_id: AttackId, asked: Annotated[shapes.HitsQuery, Query()]) -> Response:
    """Give the hits of an attack, newest first, a page at a time, with those of the attacks that were merged into it."""
    limit = _limit(request, asked.limit)
    key = key_of(asked.client, _caller(request), f"attack {attack_id}")

    def ask(reader: Reader) -> dict[str, Any] | None:
        return reader.hits_of(attack_id, asked.cursor, limit, filters=asked)

    return await _answer(request, Question("hits_of", key, ask), f"there is no attack {attack_id!r}")


@router.get("/v1/hits", tags=["hits"], summary="List hits", responses=_described(shapes.HitsPage))
async def list_hits(request: Request, asked: Annotated[shapes.HitsQuery, Query()]) -> Response:
    """Give hits, newest first, a page at a time."""
    limit = _limit(request, asked.limit)
    key = key_of(asked.client, _caller(request), asked.wish("hits"))
    return await _answer(request, Question("hits", key, lambda reader: reader.hits(asked, asked.cursor, limit)))


@router.get("/v1/counts", tags=["counts"], summary="Count", responses=_described(shapes.Counts))
async def count(request: Request, asked: Annotated[shapes.CountsQuery, Query()]) -> Response:
    """Give how many attacks and hits there are, in all and by client, day, type, and so on.

    An attack counts to the span in which it began, so that spans side by side add up.
    """
    key = key_of(asked.client, _caller(request), asked.wish(f"counts by {asked.by}"))
    return await _answer(request, Question("counts", key, lambda reader: reader.counts(asked, asked.by, asked.top)))


_WELL: dict[int | str, dict[str, Any]] = {
    200: {"model": shapes.ApiHealth, "description": "It is well."},
    503: {"model": shapes.ApiHealth, "description": "It is starting."},
}
_PROBE: dict[int | str, dict[str, Any]] = {200: {"description": "Yes."}, 503: {"description": "It is starting."}}


@router.get(
    "/health",
    tags=["process"],
    summary="Show health",
    responses={**_WELL, 500: {"model": shapes.ApiHealth, "description": "A store that has to answer does not."}},
)
async def show_health(request: Request) -> Response:
    """Tell whether the stores answer, and the shares as they are now; open to everybody."""
    return answer_health(request.app.state.health)


@router.get("/ready", tags=["process"], summary="Show readiness", responses=_PROBE)
async def show_ready(request: Request) -> Response:
    """Tell whether the API has started; open to everybody."""
    return answer_ready(request.app.state.health)


@router.get("/live", tags=["process"], summary="Show life", responses={200: _PROBE[200]})
async def show_live() -> Response:
    """Tell that the event loop runs; open to everybody."""
    return answer_live()


@router.get(
    "/metrics",
    tags=["process"],
    summary="Show metrics",
    response_class=PlainTextResponse,
    responses={200: {"description": "Prometheus' text."}},
)
async def show_metrics(request: Request) -> Response:
    """Give the metrics page for Prometheus; open to everybody."""
    page, content_type = await asyncio.to_thread(request.app.state.metrics)
    return Response(page, media_type=content_type)


QUERIES: Final[dict[Callable[..., Any], type[BaseModel]]] = {
    list_attacks: shapes.AttacksQuery,
    show_attack: shapes.AttackQuery,
    list_hits_of: shapes.HitsQuery,
    list_hits: shapes.HitsQuery,
    count: shapes.CountsQuery,
}


def _caller(request: Request) -> str:
    return caller_as(request, Role.READ_ONLY).name


def _limit(request: Request, wanted: int | None) -> int:
    most = request.app.state.answering.switches.current.page_max
    if wanted is not None and wanted > most:
        raise ApiError(400, f"limit: must be at most {most} (serve.page.max)")
    return min(shapes.LIMIT, most) if wanted is None else wanted


async def _answer(request: Request, question: Question, missing: str = "") -> Response:
    answering: Answering = request.app.state.answering
    found = await answering.answer(question)
    headers = {STORE_HEADER: found.store, "x-content-type-options": "nosniff"}
    if found.instead_of is not None:
        headers[INSTEAD_HEADER] = found.instead_of
    if found.content is None:
        answer = Answer({"error_code": 404, "message": missing}, 404, headers)
    else:
        answer = Answer(found.content, headers=headers)
    answer.background = BackgroundTask(_after, answering, question, found)
    return answer


async def _after(answering: Answering, question: Question, found: Any) -> None:
    answering.after(question, found)
