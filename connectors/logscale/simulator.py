"""Takes settings, gives the file API of a LogScale cluster as its clients know it, never shares code with the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

from pydantic import Field
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from wellhead import PermanentError, TemporaryError
from wellhead.testing.simulator import Clock, Rehearsal, SimulatorSettings, WellheadError
from wellhead.testing.uploads import TargetSimulator, csv_problem, form_of

__all__ = ["LogscaleSimulator", "Settings", "create"]

FILES = "/api/v1/repositories/{repository}/files"
VENDOR_FAULTS = {
    "taken_but_500": "An upload is taken, but answered 500.",
    "lost_with_500": "An upload is answered 500, and not taken.",
    "half_taken": "Half of an upload is kept, and it is answered as good.",
    "expired": "The token has expired.",
    "forbidden": "The token lacks the permission for what it asks for.",
    "too_large": "An upload is refused for its size.",
}

CONFORMANCE = Rehearsal()
DEMO = Rehearsal()


class Settings(SimulatorSettings):
    """The cluster."""

    token: str = Field(default="simulated-logscale-token", description="Token that may change files.")
    repositories: tuple[str, ...] = Field(default=("threat-intel", "sandbox"), description="Repositories there are.")
    max_file_bytes: int = Field(default=209_715_200, ge=1, description="Largest file taken, in bytes.")
    show_secs: float = Field(default=0, ge=0, description="Seconds until an upload shows.")


class RefusedError(Exception):
    """The cluster answers with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class LogscaleSimulator(TargetSimulator):
    """One cluster."""

    name: ClassVar[str] = "logscale"
    vendor_faults: ClassVar[Mapping[str, str]] = VENDOR_FAULTS
    outcomes: ClassVar[Mapping[str, type[WellheadError]]] = {
        "http_400": PermanentError,
        "http_401": PermanentError,
        "http_403": PermanentError,
        "http_429": TemporaryError,
        "http_500": TemporaryError,
        "http_502": TemporaryError,
        "http_503": TemporaryError,
        "http_504": TemporaryError,
        "lost_with_500": TemporaryError,
        "half_taken": TemporaryError,
        "expired": PermanentError,
        "forbidden": PermanentError,
        "too_large": PermanentError,
    }
    passing_faults: ClassVar[Sequence[str]] = ("taken_but_500", "slow", "cut_body")
    settings: Settings

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        super().__init__(settings, clock=clock, show_secs=settings.show_secs)

    def target_routes(self) -> Sequence[BaseRoute]:
        return [
            Route(FILES, self._answered(self._upload), methods=["POST"]),
            Route(FILES + "/{name}", self._answered(self._file), methods=["GET", "DELETE"]),
        ]

    def error_response(self, status: int) -> Response:
        waits = {"Retry-After": str(self.settings.retry_after_secs)} if status in (429, 503) else None
        return PlainTextResponse(f"injected {status}", status_code=status, headers=waits)

    def options(self, url: str) -> dict[str, Any]:
        return {"url": url, "token": self.settings.token, "repository": self.settings.repositories[0]}

    def hint(self, url: str) -> str:
        shown = self.options(url)
        if self.settings.token != Settings().token:
            # Only the invented default may be shown: one given on the command line may be a real one (I6).
            shown["token"] = "(the one given)"  # noqa: S105 - what is shown in place of one
        return "\n".join(f"logscale.{word}: {value}" for word, value in shown.items())

    def _answered(self, endpoint: Any) -> Any:
        async def answer(request: Request) -> Response:
            try:
                response: Response = await endpoint(self._repository(request), request)
            except RefusedError as refused:
                response = PlainTextResponse(str(refused), status_code=refused.status)
            return response

        return answer

    def _repository(self, request: Request) -> str:
        if request.headers.get("authorization") != f"Bearer {self.settings.token}" or self.faults.take("expired"):
            raise RefusedError(HTTPStatus.UNAUTHORIZED, "The supplied authentication is invalid")
        if self.faults.take("forbidden"):
            raise RefusedError(HTTPStatus.FORBIDDEN, "The authenticated user is not authorized")
        if request.method == "HEAD":
            raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "HTTP method not allowed, supported methods: GET, DELETE")
        repository: str = request.path_params["repository"]
        if repository not in self.settings.repositories:
            raise RefusedError(HTTPStatus.NOT_FOUND, "Could not find the repository")
        return repository

    async def _upload(self, repository: str, request: Request) -> Response:
        try:
            name, content = form_of(request.headers.get("content-type", ""), await request.body()).files["file"]
        except (ValueError, KeyError):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "a multipart form with a part called file is wanted") from None
        if len(content) > self.settings.max_file_bytes or self.faults.take("too_large"):
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the file is too large")
        problem = csv_problem(content) if name.endswith(".csv") else "the name must end in .csv or .json"
        if problem is not None:
            raise RefusedError(HTTPStatus.BAD_REQUEST, problem)
        fault = self.faults.first(("taken_but_500", "lost_with_500", "half_taken"))
        if fault != "lost_with_500":
            kept = content[: len(content) // 2] if fault == "half_taken" else content
            self.shelf.put(repository, name, kept, how="POST files")
        if fault in ("taken_but_500", "lost_with_500"):
            raise RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")
        return Response(status_code=HTTPStatus.OK)

    async def _file(self, repository: str, request: Request) -> Response:
        name = request.path_params["name"]
        if request.method == "DELETE":
            return Response(status_code=HTTPStatus.NO_CONTENT if self.shelf.remove(repository, name) else HTTPStatus.NOT_FOUND)
        content = self.shelf.get(repository, name)
        if content is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, "no such file")
        return Response(content, media_type="text/csv")


def create(settings: Settings, *, clock: Clock | None = None) -> LogscaleSimulator:
    """Give a cluster with these settings; time is the machine's unless a clock is given."""
    return LogscaleSimulator(settings, clock=clock)
