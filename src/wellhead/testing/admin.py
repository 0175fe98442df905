"""Takes requests under `/_sim`, gives a simulator's state and lets another process arm faults and move time, never logs them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from wellhead.errors import ConfigError
from wellhead.testing.faults import FaultSpec

if TYPE_CHECKING:
    from wellhead.testing.simulator import Simulator


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Clock(_Body):
    advance_secs: float = Field(ge=0)


class _Fault(_Body):
    name: str
    count: int | None = Field(default=1, ge=1)
    after: int = Field(default=0, ge=0)
    probability: float = Field(default=1.0, ge=0, le=1)


def admin_routes(simulator: Simulator) -> Sequence[BaseRoute]:
    """Give the routes that drive `simulator` from another process."""
    admin = _Admin(simulator)
    return [
        Route("/state", admin.state),
        Route("/truth", admin.truth),
        Route("/requests", admin.requests, methods=["GET", "DELETE"]),
        Route("/faults", admin.faults, methods=["GET", "POST", "DELETE"]),
        Route("/clock", admin.clock, methods=["GET", "POST"]),
    ]


class _Admin:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def state(self, _request: Request) -> Response:
        simulator = self._simulator
        return JSONResponse(
            {
                "simulator": simulator.name,
                "now_ms": simulator.clock.now_ms(),
                "requests": len(simulator.requests),
                # The connection that asks is not one of the clients'.
                "open_connections": max(0, simulator.open_connections - 1),
                "faults": self._faults(),
                "state": simulator.state(),
            }
        )

    async def truth(self, request: Request) -> Response:
        values = request.query_params.get("values", "false") == "true"

        def lines() -> Iterator[str]:
            for record in self._simulator.truth(values=values):
                yield json.dumps(record.as_json(), ensure_ascii=False) + "\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    async def requests(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._simulator.requests.clear()
        return JSONResponse([asdict(record) for record in self._simulator.requests])

    async def faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._simulator.faults.disarm(request.query_params.get("name"))
        if request.method == "POST":
            try:
                fault = _Fault.model_validate_json(await request.body())
                self._simulator.arm(FaultSpec(fault.name, fault.count, fault.after, fault.probability))
            except ValidationError as error:
                return _refusal(400, [f"{problem['loc']}: {problem['msg']}" for problem in error.errors()])
            except ConfigError as error:
                return _refusal(400, [str(problem) for problem in error.problems])
            except ValueError as error:
                return _refusal(409, [str(error)])
        return JSONResponse(self._faults())

    async def clock(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                self._simulator.clock.advance(_Clock.model_validate_json(await request.body()).advance_secs)
            except ValidationError as error:
                return _refusal(400, [f"{problem['loc']}: {problem['msg']}" for problem in error.errors()])
        return JSONResponse({"now_ms": self._simulator.clock.now_ms()})

    def _faults(self) -> dict[str, Any]:
        faults = self._simulator.faults
        return {"armed": [str(spec) for spec in faults.armed()], "struck": dict(faults.struck)}


def _refusal(status: int, problems: Sequence[str]) -> Response:
    return JSONResponse({"problems": list(problems)}, status_code=status)
