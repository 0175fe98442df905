"""Gives the words that say who may ask a worker what over REST; never reads the files they name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from wellhead.config.model import Settings

_ROLE = re.compile(r"\s*([^=,]{1,200})=(read-only|operator|admin)\s*")


class AccessSettings(Settings):
    """Where a worker listens, and how it knows who asks."""

    listeners: str = Field(
        "http://127.0.0.1:8083",
        description="Addresses of the REST API (with 'wellhead run', 'lookup run' and 'attacks run': of /health, /ready, /live and /metrics), "
        "with commas between them; beyond this machine the API needs https:// and a way to know who asks. Empty = off.",
    )
    probe_listeners: str = Field(
        "",
        description="Further addresses of /health, /ready, /live and /metrics alone, which hold no secret and change nothing: "
        "probes and scrapers need neither certificate nor password there, such as http://:8084.",
    )
    rest_tls_certificate: Path | None = Field(
        None, description="PEM file of the certificate, and of those between it and its CA, for listeners of https://."
    )
    rest_tls_key: Path | None = Field(None, description="PEM file of the certificate's private key, without a passphrase.")
    rest_tls_client_ca: Path | None = Field(
        None, description="PEM file of the CAs whose client certificates are believed; rest.auth.roles says what each may do."
    )
    rest_auth_basic_file: Path | None = Field(
        None, description="File of users for basic authentication, a line each: `user:bcrypt-hash:role`."
    )
    rest_auth_token_file: Path | None = Field(
        None, description="File of bearer tokens, a line each: `name:sha256-of-the-token-in-hex:role`."
    )
    rest_auth_roles: str = Field(
        "",
        description="What each client certificate may do, by its common name: `alice=admin,probe=read-only`; `*` is any other. "
        "Roles: `read-only`, `operator` (also pause, resume, stop, restart, validate, try out), `admin`.",
    )
    rest_max_body_bytes: int = Field(1024 * 1024, ge=1024, description="Longest body of a request in bytes; beyond it 413.")
    rest_max_requests_per_sec: float = Field(
        500, gt=0, description="Most requests a second of one client's address, over more than a moment; beyond it 429."
    )
    access_control_allow_origin: str = Field(
        "", description="Origins whose pages may use the API from a browser, with commas between them; `*` = any, empty = none."
    )
    access_control_allow_methods: str = Field(
        "",
        description="Methods such pages may use, with commas between them.",
        json_schema_extra={"default_text": "GET, POST and HEAD"},
    )

    @field_validator("listeners", "probe_listeners")
    @classmethod
    def _are_addresses(cls, value: str) -> str:
        return checked_listeners(value)

    @field_validator("rest_auth_roles")
    @classmethod
    def _are_roles(cls, value: str) -> str:
        if value.strip() and not all(_ROLE.fullmatch(part) for part in value.split(",")):
            raise PydanticCustomError("roles", "must be common names and roles: alice=admin,bob=operator,*=read-only")
        return value.strip()

    def roles(self) -> dict[str, str]:
        """Give the role of each common name of `rest.auth.roles`."""
        found: list[Any] = [_ROLE.fullmatch(part) for part in self.rest_auth_roles.split(",")]
        return {each[1].strip(): each[2] for each in found if each}


def checked_listeners(value: str) -> str:
    """Give addresses to listen on without the spaces around them.

    Raises:
        PydanticCustomError: One is none.
    """
    parts = [part.strip() for part in value.split(",")] if value.strip() else []
    if not all(_is_listener(part) for part in parts):
        raise PydanticCustomError(
            "listener", "must be addresses such as http://127.0.0.1:8083 with commas between them, or empty"
        )
    return ",".join(parts)


def _is_listener(value: str) -> bool:
    parts = urlsplit(value)
    try:
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and port is not None and parts.path in {"", "/"} and not parts.query
