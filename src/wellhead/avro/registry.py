"""Takes schemas, gives the ids a Confluent-compatible registry has for them, and errors that name its reason; caches what never changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urlsplit

from wellhead.avro.compatibility import reads
from wellhead.avro.schema import Schema
from wellhead.errors import PermanentError, TemporaryError

if TYPE_CHECKING:
    from confluent_kafka.schema_registry import SchemaRegistryClient
    from confluent_kafka.schema_registry.error import SchemaRegistryError

PREFIX = "schema.registry."
DEFAULTS: Mapping[str, str] = {"timeout": "10", "max.retries": "0"}
"""The runtime waits and tries again, where it is seen; the client answers at once."""

NUMBERS = frozenset(
    {"timeout", "cache.capacity", "cache.latest.ttl.sec", "max.retries", "retries.wait.ms", "retries.max.wait.ms"}
)
NOT_FOUND = 404
CONFLICT = 409
UNPROCESSABLE = 422
SERVER_ERROR = 500
UNKNOWN = -1
REFUSED = {401: "it does not know the credentials", 403: "the credentials may not do this"}
BUSY = {408, 425, 429}

T = TypeVar("T")


class Registry:
    """One schema registry. Blocking; safe to call from several threads; a context manager that closes its connections.

    Args:
        settings: Settings of Confluent's client, with or without their prefix `schema.registry.`; `url` is required.

    Raises:
        PermanentError: A setting is missing, unknown or malformed.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        named = {key.removeprefix(PREFIX): value for key, value in settings.items()}
        self._host = _hosts_in(named.get("url", ""))
        self._client = _client({**DEFAULTS, **named})
        self._texts: dict[int, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections; nothing may be asked afterwards."""
        self._client.close()

    def register(self, subject: str, schema: Schema) -> int:
        """Give the id of `schema` under `subject`, registering it where it is not yet.

        Raises:
            PermanentError: The registry refuses it: incompatible, not allowed, not valid.
            TemporaryError: The registry cannot be reached, or is failing.
        """
        known = self.find(subject, schema)
        if known is not None:
            return known
        candidate = _wire(schema)
        try:
            return int(self._ask(f"register {schema} as {subject}", lambda: self._client.register_schema(subject, candidate)))
        except PermanentError:
            # Of two that register the same at once, a registry may refuse the later one; then it is there by now.
            known = self.find(subject, schema)
            if known is None:
                raise
            return known

    def find(self, subject: str, schema: Schema) -> int | None:
        """Give the id of `schema` under `subject`, None if it is not registered there.

        Raises:
            PermanentError: The registry refuses the question.
            TemporaryError: The registry cannot be reached, or is failing.
        """
        from confluent_kafka.schema_registry.error import SchemaRegistryError  # noqa: PLC0415 - heavy, needed once connected

        candidate = _wire(schema)

        def look_up() -> int | None:
            try:
                return self._client.lookup_schema(subject, candidate).schema_id
            except SchemaRegistryError as error:
                if error.http_status_code == NOT_FOUND:
                    return None
                raise

        return self._ask(f"look up {schema} as {subject}", look_up)

    def check(self, subject: str, schema: Schema) -> None:
        """Make sure that the registry would take `schema` as the next version of `subject`; change nothing.

        Raises:
            PermanentError: It is incompatible with a registered version; holds the registry's reasons.
            TemporaryError: The registry cannot be reached, or is failing.
        """
        if self.find(subject, schema) is not None or not self.versions(subject):
            return
        reasons = self._ask(f"check {schema} against {subject}", lambda: self._reasons(subject, schema))
        reasons = reasons or self._unread(subject, schema)
        if reasons:
            raise PermanentError(
                f"registry {self._host}: {schema} is incompatible with what {subject} holds: {'; '.join(reasons)}. "
                "Messages already written could not be read. Change it so that it reads the older versions, or use another topic."
            )

    def versions(self, subject: str) -> list[int]:
        """Give the versions registered under `subject`, oldest first.

        Raises:
            PermanentError: The registry refuses the question.
            TemporaryError: The registry cannot be reached, or is failing.
        """
        from confluent_kafka.schema_registry.error import SchemaRegistryError  # noqa: PLC0415 - heavy, needed once connected

        def list_them() -> list[int]:
            try:
                return [int(number) for number in self._client.get_versions(subject)]
            except SchemaRegistryError as error:
                if error.http_status_code == NOT_FOUND:
                    return []
                raise

        return self._ask(f"list the versions of {subject}", list_them)

    def schema_text(self, schema_id: int) -> str:
        """Give the schema registered under an id, as it was written.

        Raises:
            PermanentError: There is none.
            TemporaryError: The registry cannot be reached, or is failing.
        """
        if schema_id not in self._texts:
            found = self._ask(f"fetch the schema with id {schema_id}", lambda: self._client.get_schema(schema_id))
            self._texts[schema_id] = str(found.schema_str)
        return self._texts[schema_id]

    def _unread(self, subject: str, schema: Schema) -> list[str]:
        # A registry whose compatibility level is NONE takes anything; our consumers read old messages all the same.
        newest = self._ask(f"fetch the newest version of {subject}", lambda: self._client.get_latest_version(subject))
        return reads(schema, Schema(f"{subject} registered version {newest.version}", 0, str(newest.schema.schema_str)))

    def _reasons(self, subject: str, schema: Schema) -> list[str]:
        # The client's own call drops the registry's reasons; its transport, with its credentials and TLS, gives them.
        from urllib.parse import quote  # noqa: PLC0415

        path = f"compatibility/subjects/{quote(subject, safe='')}/versions?verbose=true"
        answer: dict[str, Any] = self._client._rest_client.post(path, body=_wire(schema).to_dict())  # noqa: SLF001
        if answer["is_compatible"]:
            return []
        return [str(message) for message in answer.get("messages") or ["the registry gave no reason"]]

    def _ask(self, doing: str, call: Callable[[], T]) -> T:
        from confluent_kafka.schema_registry.common._httpx_compat import httpx  # noqa: PLC0415
        from confluent_kafka.schema_registry.error import OAuthTokenError, SchemaRegistryError  # noqa: PLC0415

        try:
            return call()
        except SchemaRegistryError as error:
            raise self._answered(doing, error) from None
        except OAuthTokenError as error:
            raise TemporaryError(f"registry {self._host}: no token to {doing} with. Waiting for the token endpoint.") from error
        except ValueError:
            raise PermanentError(
                f"registry {self._host}: the answer to {doing} is no registry's. Check that schema.registry.url is its API's root."
            ) from None
        except httpx.HTTPError as error:
            raise TemporaryError(
                f"registry {self._host}: cannot be reached to {doing}: {type(error).__name__}. "
                "Waiting for it; check that it runs and that schema.registry.url is right."
            ) from error

    def _answered(self, doing: str, error: SchemaRegistryError) -> Exception:
        status = error.http_status_code
        # Without a code of its own the text is the body, of a proxy perhaps: not for a message.
        reason = str(error.error_message) if error.error_code not in {None, UNKNOWN} else "no registry's answer"
        if status in REFUSED:
            return PermanentError(
                f"registry {self._host}: {status} on trying to {doing}: {REFUSED[status]}. "
                "Set schema.registry.basic.auth.user.info (or the bearer settings) to ones that may read and write this subject."
            )
        if status >= SERVER_ERROR or status in BUSY:
            return TemporaryError(f"registry {self._host}: {status} on trying to {doing}. Waiting for it to recover.")
        if status == CONFLICT:
            return PermanentError(
                f"registry {self._host}: could not {doing}: incompatible: {reason}. Make it read the older versions."
            )
        if status == UNPROCESSABLE:
            return PermanentError(
                f"registry {self._host}: could not {doing}: refused as invalid: {reason}. Correct the schema."
            )
        return PermanentError(
            f"registry {self._host}: {status} on trying to {doing}: {reason}. Check schema.registry.url and the subject; "
            "Apicurio's Confluent API, for one, is at http://HOST:PORT/apis/ccompat/v7."
        )


def _client(settings: Mapping[str, str]) -> SchemaRegistryClient:
    from confluent_kafka.schema_registry import SchemaRegistryClient  # noqa: PLC0415 - heavy, and a worker may never need it

    if not settings.get("url", "").startswith(("http://", "https://")):
        raise PermanentError(
            "schema.registry.url is not set, or no URL. Set it in the worker file, such as http://127.0.0.1:8081."
        )
    try:
        return SchemaRegistryClient({key: _typed(key, value) for key, value in settings.items()})
    except (ValueError, TypeError, OSError) as error:
        raise PermanentError(f"schema.registry settings: {error}. Names are those of Confluent's Python client.") from error


def _typed(key: str, value: str) -> str | float | int:
    if key not in NUMBERS:
        return value
    try:
        number = float(value)
    except ValueError:
        raise ValueError(f"{key} is not a number") from None
    return int(number) if number.is_integer() else number


def _wire(schema: Schema) -> Any:
    from confluent_kafka.schema_registry import Schema as WireSchema  # noqa: PLC0415 - as above

    return WireSchema(schema.text, "AVRO")


def _hosts_in(url: str) -> str:
    """Name the hosts of a URL list without what may stand in it: user, password, path."""
    parts = (urlsplit(one.strip()) for one in url.split(","))
    return ", ".join(f"{part.hostname}:{part.port}" if part.port else str(part.hostname) for part in parts)
