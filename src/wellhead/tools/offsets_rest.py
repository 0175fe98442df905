"""Takes the address of a Connect REST API, ours or Kafka Connect's, gives and alters offsets through it; never while a connector runs."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from wellhead.clock import Clock, SystemClock
from wellhead.errors import PermanentError, TemporaryError
from wellhead.kafka.offsets import offset_key
from wellhead.recovery.apply import Applied
from wellhead.recovery.plan import Plan
from wellhead.recovery.stored import Stored

_TIMEOUT_SECS = 95.0  # Connect itself gives up after 90
_STOP_SECS = 60.0
_REBALANCE_SECS = 30.0
_PAUSE_SECS = 0.2
_CONFLICT = 409


def open_rest(url: str) -> ConnectRest:
    """Give the REST API at `url`; WELLHEAD_TOKEN in the environment is its bearer token, where it asks for one."""
    return ConnectRest(url, token=os.environ.get("WELLHEAD_TOKEN"))


class ConnectRest:
    """A worker's REST API.

    Args:
        url: Its address; user:password@ in it say who asks.
        token: A bearer token that does.
        transport: How it is reached, for tests.
        clock: Bounds waits and tells ages.
        pause: Waits some seconds.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(
            base_url=url,
            timeout=_TIMEOUT_SECS,
            headers=headers,
            transport=transport,
            trust_env=False,
            verify=ssl.create_default_context(),
        )
        self._clock: Clock = SystemClock() if clock is None else clock
        self._now_ms, self._monotonic_secs, self._pause = self._clock.now_ms, self._clock.monotonic_secs, pause
        self._what = str(httpx.URL(url).copy_with(userinfo=b""))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._client.close()

    def names(self) -> list[str]:
        """Give the names of all connectors."""
        return sorted(self.ask("GET", "/connectors"))

    def stored(self, connector: str) -> list[Stored]:
        """Give a connector's cursors; Kafka Connect does not tell when and where in the offsets topic they were written."""
        return [_stored(connector, each, self._now_ms()) for each in self._offsets(connector)]

    def dry_run(self, connector: str, entries: Sequence[Mapping[str, Any]]) -> Plan | None:
        """Give the worker's own plan of an alteration; None where it makes none: it is a Kafka Connect, or the connector is not stopped."""
        # A Kafka Connect would pass over the parameter and alter the offsets. It tells no ages.
        if not all("age_secs" in each for each in self._offsets(connector)) or self._state(connector) != "STOPPED":
            return None
        answer = self.ask("PATCH", f"{_path(connector)}/offsets?dryRun=true", {"offsets": list(entries)})
        return Plan.model_validate(answer["plan"])

    def _offsets(self, connector: str) -> Any:
        return self.ask("GET", f"{_path(connector)}/offsets")["offsets"]

    def apply(self, plan: Plan) -> Applied:
        """Stop the connector, carry out `plan`, and let it go on as before, whatever comes of it.

        Raises:
            Refused: A cursor moved since the plan was made; nothing was altered.
            TemporaryError: The worker cannot be reached, or the connector did not stop in time.
            PermanentError: The worker refuses.
        """
        former = self._state(plan.connector)
        if former != "STOPPED":
            self.ask("PUT", f"{_path(plan.connector)}/stop")
        try:
            self._wait_for_stop(plan.connector)
            return self._alter(plan)
        finally:
            if former != "STOPPED":
                self.ask("PUT", f"{_path(plan.connector)}/{'pause' if former == 'PAUSED' else 'resume'}")

    def _alter(self, plan: Plan) -> Applied:
        now = {each.identity: each.cursor for each in self.stored(plan.connector)}
        left = plan.left([now.get(offset_key(plan.connector, change.partition)) for change in plan.moving])
        if left:
            entries = [{"partition": change.partition, "offset": change.after} for change in left]
            self.ask("PATCH", f"{_path(plan.connector)}/offsets", {"offsets": entries})
        return Applied(
            tuple(change.name for change in left), tuple(change.name for change in plan.moving if change not in left)
        )

    def _state(self, connector: str) -> str:
        return str(self.ask("GET", f"{_path(connector)}/status")["connector"]["state"])

    def _wait_for_stop(self, connector: str) -> None:
        deadline_secs = self._monotonic_secs() + _STOP_SECS
        while True:
            status = self.ask("GET", f"{_path(connector)}/status")
            if status["connector"]["state"] == "STOPPED" and not status["tasks"]:
                return
            if self._monotonic_secs() > deadline_secs:
                raise TemporaryError(
                    f"{self._what}: connector {connector} did not stop within {_STOP_SECS:g} s; nothing was changed"
                )
            self._pause(_PAUSE_SECS)

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Give the answer's JSON, trying again while the group is rebalancing."""
        deadline_secs = self._monotonic_secs() + _REBALANCE_SECS
        while True:
            try:
                answer = self._client.request(method, path, json=body)
            except httpx.HTTPError as error:
                raise TemporaryError(
                    f"{self._what}: {method} {path}: {type(error).__name__}. Check that a worker listens there"
                ) from error
            if answer.status_code != _CONFLICT or self._monotonic_secs() > deadline_secs:
                break
            self._pause(_PAUSE_SECS)
        if answer.is_success:
            return _json(answer)
        told = _json(answer)
        message = told.get("message", "") if isinstance(told, dict) else ""
        text = f"{self._what}: {method} {path}: {answer.status_code} {message or answer.reason_phrase}"
        kind = TemporaryError if answer.status_code == _CONFLICT or answer.is_server_error else PermanentError
        raise kind(text)


def _stored(connector: str, entry: Mapping[str, Any], now_ms: int) -> Stored:
    partition, place = entry["partition"], entry.get("stored_at") or {}
    at_ms = now_ms - int(entry["age_secs"] * 1000) if "age_secs" in entry else 0
    key = offset_key(connector, partition)
    return Stored(connector, partition, entry["offset"], key, at_ms, place.get("partition", -1), place.get("offset", -1))


def _path(connector: str) -> str:
    return f"/connectors/{quote(connector, safe='')}"


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json() if answer.content else None
    except ValueError:
        return None
