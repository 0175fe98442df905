"""Takes the runtime's health and the metrics page, gives GET /health, /ready, /live and /metrics; never writes anything, never shows a secret.

These four hold no secrets and change nothing, so they may listen on any address: a probe or a scraper is another host.
Anything that writes belongs behind another application with other rules.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from wellhead.telemetry.logs import get_logger

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

Health = Callable[[], Mapping[str, Any]]
Metrics = Callable[[], tuple[bytes, str]]

STATUS_CODES: Final = {"healthy": 200, "starting": 503, "unhealthy": 500}  # Kafka Connect's


def create_app(health: Health, metrics: Metrics) -> Starlette:
    """Make the application.

    Args:
        health: Gives `status` (healthy, starting or unhealthy), `message`, in a group `member`, and any detail, such as per connector and task.
            Called on the event loop, so it must be quick; its texts must be redacted already.
        metrics: Gives the metrics page and its content type. Called in a thread.

    `/health` answers as Kafka Connect does: 200 healthy, 503 starting, 500 unhealthy. `/ready` answers 200 once the worker
    has started, with failed tasks or without, 503 before, and while `member` in the state is false. `/live` answers 200 as long as the event loop runs. A failed task
    is no reason to restart the process, so let liveness probes ask `/live`, and alerts watch `/health`.
    """
    from starlette.applications import Starlette  # noqa: PLC0415
    from starlette.responses import Response  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    async def show_health(_request: Request) -> Response:
        return answer_health(health)

    async def show_ready(_request: Request) -> Response:
        return answer_ready(health)

    async def show_live(_request: Request) -> Response:
        return answer_live()

    def show_metrics(_request: Request) -> Response:  # not async: a page of thousands of series would hold up the loop
        page, content_type = metrics()
        return Response(page, media_type=content_type)

    return Starlette(
        routes=[
            Route("/health", show_health),
            Route("/ready", show_ready),
            Route("/live", show_live),
            Route("/metrics", show_metrics),
        ]
    )


def answer_health(health: Health) -> Response:
    """Answer 200 when healthy, 503 while starting, 500 when unhealthy."""
    state = _checked(health)
    return _json(STATUS_CODES[state["status"]], state)


def answer_ready(health: Health) -> Response:
    """Answer 200 once the worker has started, 503 before; one of a group is not ready while it is no member of it."""
    state = _checked(health)
    ready = state["status"] != "starting" and state.get("member") is not False
    return _json(200 if ready else 503, {"status": "ready" if ready else "starting", "message": state["message"]})


def answer_live() -> Response:
    """Answer 200."""
    return _json(200, {"status": "alive", "message": "the event loop answers"})


def _checked(health: Health) -> dict[str, Any]:
    try:
        state = dict(health())
    except Exception as error:  # noqa: BLE001 - a probe must get an answer whatever went wrong
        get_logger("rest").exception("health could not be told")
        return {"status": "unhealthy", "message": f"health could not be told ({type(error).__name__}); see the log"}
    if state.get("status") not in STATUS_CODES:
        state["status"] = "unhealthy"
    return {"message": "", **state}


def _json(status_code: int, body: Mapping[str, Any]) -> Response:
    from starlette.responses import Response  # noqa: PLC0415

    content = json.dumps(body, default=str, separators=(",", ":")).encode()
    return Response(content, status_code, {"cache-control": "no-store"}, "application/json")
