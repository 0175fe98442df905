"""Takes settings, gives the lookup-file part of a Falcon tenant as its clients know it, never shares code with the target.

What is modelled: tokens that expire, the region header, both generations of the file API with their own scopes and places,
the plain-text file id of the older one, its 405 for HEAD, the pace of uploads, the limits on names, size and content, and the
upsert of rows by key columns.
"""

from __future__ import annotations

import csv
import io
import re
import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from wellhead import PermanentError, TemporaryError
from wellhead.testing.simulator import Clock, Rehearsal, SimulatorSettings, WellheadError
from wellhead.testing.uploads import Form, TargetSimulator, csv_problem, form_of

__all__ = ["NgsiemSimulator", "Settings", "create"]

FILES = "/humio/api/v1/repositories/{repository}/files"
ENTITIES = "/ngsiem-content/entities/lookupfiles/v1"
ENTRIES = "/ngsiem-content/entities/lookupfiles-entries/v1"
QUERIES = "/ngsiem-content/queries/lookupfiles/v1"
NAME = re.compile(r"[A-Za-z0-9._-]+")
VENDOR_FAULTS = {
    "taken_but_500": "An upload is taken, but answered 500 with a text that is no JSON.",
    "lost_with_500": "An upload is answered 500 with a text that is no JSON, and not taken.",
    "half_taken": "Half of an upload is kept, and it is answered as good.",
    "expire_token": "Every token given so far is forgotten.",
    "forbidden": "The API client lacks the scope of what it asks for.",
    "too_large": "An upload is refused for its size.",
    "slow_down": "An upload is refused because there were too many.",
}

CONFORMANCE = Rehearsal()
DEMO = Rehearsal()


class Settings(SimulatorSettings):
    """The tenant."""

    client_id: str = Field(default="wellhead-client", description="Id of the API client.")
    client_secret: str = Field(default="simulated-client-secret", description="Secret of the API client.")
    scopes: tuple[str, ...] = Field(default=("NGSIEM Lookup Files", "NGSIEM"), description="Scopes of the API client.")
    repositories: tuple[str, ...] = Field(
        default=("search-all", "investigate_view", "third-party", "falcon_for_it_view", "forensics_view", "3pi_parsers"),
        description="Repositories of the older API.",
    )
    search_domains: tuple[str, ...] = Field(
        default=("all", "falcon", "third-party", "parsers-repository"), description="Search domains of the newer API."
    )
    region: str = Field(default="us-1", description="What X-Cs-Region says.")
    token_secs: int = Field(default=1_800, ge=1, description="Seconds a token lives.")
    uploads_max: int = Field(default=5, ge=1, description="Uploads taken in 30 seconds.")
    max_file_bytes: int = Field(default=209_715_200, ge=1, description="Largest file taken, in bytes.")
    show_secs: float = Field(default=0, ge=0, description="Seconds until an upload shows.")


class RefusedError(Exception):
    """The vendor answers with an error."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


class TextError(Exception):
    """The vendor answers 500 with a text that is no JSON."""


class NgsiemSimulator(TargetSimulator):
    """One tenant."""

    name: ClassVar[str] = "ngsiem"
    vendor_faults: ClassVar[Mapping[str, str]] = VENDOR_FAULTS
    outcomes: ClassVar[Mapping[str, type[WellheadError]]] = {
        "http_400": PermanentError,
        "http_403": PermanentError,
        "http_429": TemporaryError,
        "http_500": TemporaryError,
        "http_502": TemporaryError,
        "http_503": TemporaryError,
        "http_504": TemporaryError,
        "lost_with_500": TemporaryError,
        "half_taken": TemporaryError,
        "expire_token": PermanentError,
        "forbidden": PermanentError,
        "too_large": PermanentError,
        "slow_down": TemporaryError,
    }
    passing_faults: ClassVar[Sequence[str]] = ("taken_but_500", "slow")
    settings: Settings

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        super().__init__(settings, clock=clock, show_secs=settings.show_secs)
        self._tokens: dict[str, float] = {}
        self._given: list[str] = []
        self._began: list[float] = []

    def secrets(self) -> list[str]:
        return list(self._given)

    def target_routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/oauth2/token", self._answered(self._token), methods=["POST"]),
            Route(FILES, self._answered(self._upload_humio), methods=["POST"]),
            Route(FILES + "/{name}", self._answered(self._fetch_humio), methods=["GET"]),
            Route(ENTITIES, self._answered(self._content), methods=["GET", "POST", "PATCH", "DELETE"]),
            Route(ENTRIES, self._answered(self._upsert), methods=["PATCH"]),
            Route(QUERIES, self._answered(self._query), methods=["GET"]),
        ]

    def error_response(self, status: int) -> Response:
        waits = {"Retry-After": str(self.settings.retry_after_secs)} if status in (429, 503) else {}
        return self._error(status, f"injected {status}", waits)

    def options(self, url: str) -> dict[str, Any]:
        return {"client_id": self.settings.client_id, "client_secret": self.settings.client_secret, "base_url": url}

    def hint(self, url: str) -> str:
        shown = self.options(url)
        if self.settings.client_secret != Settings().client_secret:
            # Only the invented default may be shown: one given on the command line may be a real one (I6).
            shown["client_secret"] = "(the one given)"  # noqa: S105 - what is shown in place of one
        return "\n".join(f"ngsiem.{word}: {value}" for word, value in shown.items())

    # What every answer goes through

    def _answered(self, endpoint: Any) -> Any:
        async def answer(request: Request) -> Response:
            try:
                response: Response = await endpoint(request)
            except RefusedError as refused:
                response = self._error(refused.status, str(refused), refused.headers)
            except TextError:
                response = PlainTextResponse("unexpected token in JSON", status_code=HTTPStatus.INTERNAL_SERVER_ERROR)
            # The SDK looks for the region under exactly this spelling, so the framework must not lower it.
            response.raw_headers.append((b"X-Cs-Region", self.settings.region.encode()))
            response.raw_headers.append((b"X-Cs-Traceid", b"00000000-0000-4000-8000-000000000000"))
            response.raw_headers += [(b"X-Ratelimit-Limit", b"6000"), (b"X-Ratelimit-Remaining", b"5999")]
            return response

        return answer

    def _error(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
        body = {"meta": {"trace_id": "0"}, "errors": [{"code": status, "message": message}], "resources": []}
        return JSONResponse(body, status_code=status, headers=dict(headers or {}))

    def _require(self, request: Request, scope: str) -> None:
        if self.faults.take("expire_token"):
            self._tokens.clear()
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._tokens.get(token, 0) <= self.clock.monotonic_secs():
            raise RefusedError(HTTPStatus.UNAUTHORIZED, "access denied, invalid bearer token")
        if scope not in self.settings.scopes or self.faults.take("forbidden"):
            raise RefusedError(HTTPStatus.FORBIDDEN, "access denied, authorization failed")
        if request.method == "HEAD":
            raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "method not allowed")

    async def _token(self, request: Request) -> Response:
        given = dict(parse_qsl((await request.body()).decode()))
        if (given.get("client_id"), given.get("client_secret")) != (self.settings.client_id, self.settings.client_secret):
            raise RefusedError(HTTPStatus.FORBIDDEN, "access denied, invalid client")
        token = secrets.token_urlsafe(32)
        self._given.append(token)
        self._tokens[token] = self.clock.monotonic_secs() + self.settings.token_secs
        body = {"access_token": token, "expires_in": self.settings.token_secs - 1, "token_type": "bearer"}
        return JSONResponse(body, status_code=HTTPStatus.CREATED)

    # The older generation

    def _repository(self, request: Request) -> str:
        self._require(request, "NGSIEM")
        repository: str = request.path_params["repository"]
        if repository not in self.settings.repositories:
            raise RefusedError(HTTPStatus.NOT_FOUND, "no such repository")
        return repository

    async def _upload_humio(self, request: Request) -> Response:
        repository = self._repository(request)
        form = await self._form(request)
        self._keep(repository, form.files["file"][0], form.files["file"][1], "POST files")
        return PlainTextResponse(secrets.token_hex(12))

    async def _fetch_humio(self, request: Request) -> Response:
        return self._download(self._repository(request), request.path_params["name"])

    # The newer generation

    async def _content(self, request: Request) -> Response:
        self._require(request, "NGSIEM Lookup Files")
        if request.method in ("GET", "DELETE"):
            place, name = self._domain(request.query_params), request.query_params.get("filename", "")
            return self._download(place, name) if request.method == "GET" else self._delete(place, name)
        form = await self._form(request)
        filename, content = form.files["file"]
        place, name = self._domain(form.fields), form.fields.get("filename", filename)
        if request.method == "PATCH" and self.shelf.get(place, name) is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, "no such file")
        self._keep(place, name, content, f"{request.method} lookupfiles")
        status = HTTPStatus.CREATED if request.method == "POST" else HTTPStatus.OK
        return JSONResponse({"errors": [], "resources": [name]}, status_code=status)

    async def _upsert(self, request: Request) -> Response:
        self._require(request, "NGSIEM Lookup Files")
        form = await self._form(request)
        place, name = self._domain(form.fields), form.fields.get("filename", "")
        mode, keys = form.fields.get("update_mode"), form.fields.get("key_columns", "").split(",")
        if mode not in ("append", "update") or (mode == "update" and "ignore_case" not in form.fields):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "update_mode, key_columns and ignore_case are wanted in the form")
        former = self.shelf.get(place, name)
        if former is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, "no such file")
        content = _merged(former, form.files["file"][1], keys if mode == "update" else [])
        self._keep(place, name, content, f"PATCH entries {mode}")
        return JSONResponse({"errors": [], "resources": [name]})

    async def _query(self, request: Request) -> Response:
        self._require(request, "NGSIEM Lookup Files")
        place = self._domain(request.query_params)
        found = [file["name"] for file in self.shelf.listing() if file["place"] == place]
        wanted = re.fullmatch(r"name:~'(.*)'", request.query_params.get("filter", ""))
        return JSONResponse({"errors": [], "resources": [name for name in found if not wanted or wanted[1] in name]})

    def _domain(self, given: Mapping[str, str]) -> str:
        domain = given.get("search_domain", "")
        if domain not in self.settings.search_domains:
            raise RefusedError(HTTPStatus.NOT_FOUND, "no such search domain")
        return domain

    # What both share

    async def _form(self, request: Request) -> Form:
        self._pace()
        try:
            form = form_of(request.headers.get("content-type", ""), await request.body())
        except ValueError as error:
            raise RefusedError(HTTPStatus.BAD_REQUEST, str(error)) from error
        if "file" not in form.files:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "no part is called file")
        return form

    def _pace(self) -> None:
        now_secs = self.clock.monotonic_secs()
        self._began = [began for began in self._began if began > now_secs - 30]
        if len(self._began) >= self.settings.uploads_max or self.faults.take("slow_down"):
            free_at = (self._began[0] if self._began else now_secs) - now_secs + 30 + self.clock.now_ms() / 1_000
            raise RefusedError(HTTPStatus.TOO_MANY_REQUESTS, "slow down", {"X-Ratelimit-Retryafter": f"{free_at:.0f}"})
        self._began.append(now_secs)

    def _keep(self, place: str, name: str, content: bytes, how: str) -> None:
        if len(content) > self.settings.max_file_bytes or self.faults.take("too_large"):
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "file too large")
        problem = csv_problem(content) if NAME.fullmatch(name) else "name"
        if problem is not None:
            raise RefusedError(HTTPStatus.BAD_REQUEST, problem)
        fault = self.faults.first(("taken_but_500", "lost_with_500", "half_taken"))
        if fault != "lost_with_500":
            self.shelf.put(place, name, content[: len(content) // 2] if fault == "half_taken" else content, how=how)
        if fault in ("taken_but_500", "lost_with_500"):
            raise TextError

    def _download(self, place: str, name: str) -> Response:
        content = self.shelf.get(place, name)
        if content is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, "no such file")
        return Response(content, media_type="text/csv")

    def _delete(self, place: str, name: str) -> Response:
        if not self.shelf.remove(place, name):
            raise RefusedError(HTTPStatus.NOT_FOUND, "no such file")
        return JSONResponse({"errors": [], "resources": [name]})


def _merged(former: bytes, changes: bytes, keys: Sequence[str]) -> bytes:
    """Give the file with the changes appended, or, where keys are named, in place of the rows of the same key."""
    old, new = (list(csv.DictReader(io.StringIO(content.decode(), newline=""))) for content in (former, changes))
    columns = list(old[0] if old else new[0])
    if any(set(row) != set(columns) for row in new) or not set(keys) <= set(columns):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the columns are not the file's")
    rows: dict[Any, dict[str, str]] = {}
    for at, row in enumerate([*old, *new]):
        rows[tuple(row[key] for key in keys) if keys else at] = row
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows.values())
    return out.getvalue().encode()


def create(settings: Settings, *, clock: Clock | None = None) -> NgsiemSimulator:
    """Give a tenant with these settings; time is the machine's unless a clock is given."""
    return NgsiemSimulator(settings, clock=clock)
