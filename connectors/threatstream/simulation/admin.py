"""Takes requests under `/_sim` of another process, gives it the desk: single indicators changed, life paused; never logged as a call."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from connectors.threatstream.simulation.desk import Status
from connectors.threatstream.simulation.settings import GROUPS

if TYPE_CHECKING:
    from connectors.threatstream.simulator import ThreatStreamSimulator


class _Wish(BaseModel):
    model_config = ConfigDict(extra="forbid")

    action: Literal["add", "update", "deactivate", "reactivate", "expire", "remove"]
    type: Literal["ip", "domain", "hash", "url", "email"] = "ip"
    id: int = 0
    value: str | None = None
    status: Status = "inactive"
    expires_secs: float | None = None
    at_ms: int | None = None
    late_secs: float = Field(default=0, ge=0)
    fields: dict[str, Any] = {}


class _Life(BaseModel):
    model_config = ConfigDict(extra="forbid")

    paused: bool


def admin_routes(simulator: ThreatStreamSimulator) -> Sequence[BaseRoute]:
    """Give the vendor's own admin routes."""
    admin = _Admin(simulator)
    return [
        Route("/_sim/indicators", admin.indicators, methods=["GET", "POST"]),
        Route("/_sim/life", admin.life, methods=["POST"]),
    ]


class _Admin:
    def __init__(self, simulator: ThreatStreamSimulator) -> None:
        self._simulator = simulator

    async def indicators(self, request: Request) -> Response:
        """Give a type's active indicators, a JSON object a line, or change one."""
        if request.method == "GET":
            return self._active(request.query_params.get("type", "ip"))
        try:
            return JSONResponse(self._do(_Wish.model_validate_json(await request.body())))
        except ValidationError as error:
            return JSONResponse({"problems": [f"{problem['loc']}: {problem['msg']}" for problem in error.errors()]}, 400)
        except LookupError as error:
            return JSONResponse({"problems": [str(error)]}, 404)

    async def life(self, request: Request) -> Response:
        """Pause life or let it go on."""
        try:
            paused = _Life.model_validate_json(await request.body()).paused
        except ValidationError as error:
            return JSONResponse({"problems": [problem["msg"] for problem in error.errors()]}, 400)
        if paused:
            self._simulator.pause_life()
        else:
            self._simulator.resume_life()
        return JSONResponse({"paused": paused})

    def _active(self, group: str) -> Response:
        if group not in GROUPS:
            return JSONResponse({"problems": [f"type must be one of {', '.join(GROUPS)}"]}, 400)

        def lines() -> Iterator[str]:
            for record in self._simulator.truth_of(group):
                yield json.dumps(record.as_json(), ensure_ascii=False) + "\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    def _do(self, wish: _Wish) -> dict[str, int]:
        desk = self._simulator.desk
        match wish.action:
            case "add":
                return {
                    "id": desk.add(
                        wish.type, wish.value, expires_secs=wish.expires_secs, late_secs=wish.late_secs, **wish.fields
                    )
                }
            case "update":
                return {"update_id": desk.update(wish.id, late_secs=wish.late_secs, **wish.fields)}
            case "deactivate":
                return {"update_id": desk.deactivate(wish.id, wish.status, late_secs=wish.late_secs)}
            case "reactivate":
                return {"update_id": desk.reactivate(wish.id, late_secs=wish.late_secs)}
            case "expire":
                return {"update_id": desk.expire(wish.id, at_ms=wish.at_ms)}
            case "remove":
                desk.remove(wish.id)
                return {}
