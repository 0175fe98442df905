"""Takes the words of one search store, gives where it is and how it is written to as one frozen value; never connects to it."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from wellhead.config.lists import Texts
from wellhead.config.model import Settings

_MIB = 1024 * 1024
# What OpenSearch and Elasticsearch allow at the beginning of an index's name.
_PREFIX = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


class StoreSettings(Settings):
    """Where one OpenSearch or Elasticsearch is, who we are there, and how much it is given at once."""

    url: Texts = Field(
        description="Addresses of the store's nodes, http:// or https://, one or more; any of them is asked.",
    )
    username: str | None = Field(None, min_length=1, description="User of basic authentication.")
    password: SecretStr | None = Field(None, description="Password of that user.")
    api_key: SecretStr | None = Field(None, description="API key (base64, as the store gave it), instead of user and password.")
    ca_file: Path | None = Field(
        None, description="PEM file of the certificate authorities to trust instead of the built-in ones."
    )
    cert_file: Path | None = Field(None, description="PEM file of the client certificate, where the store asks for one.")
    key_file: Path | None = Field(None, description="PEM file of that certificate's key.")
    verify_hostname: bool = Field(True, description="Whether the server's certificate must be for the host in url.")
    timeout_secs: float = Field(30, gt=0, description="Longest wait in seconds for one answer.")
    index_prefix: str = Field(
        "wellhead", description="What the names of its indices begin with, such as `wellhead-hits-2026.02`."
    )
    replicas: int = Field(1, ge=0, description="Replicas of each index that is created.")
    shards: int = Field(1, ge=1, description="Shards of each index that is created.")
    refresh_interval_ms: int = Field(
        250,
        ge=50,
        description="Milliseconds after which what was written can be searched; less shows hits sooner and costs the store more.",
    )
    update_interval_ms: int = Field(
        500,
        ge=0,
        description="Milliseconds between two writes of the same attack; a new attack is written at once. Less shows counts sooner and "
        "costs the store more.",
    )
    bulk_max_bytes: int = Field(5 * _MIB, ge=1024, description="Most bytes in one bulk request.")
    bulk_max_docs: int = Field(2000, ge=1, description="Most documents (count) in one bulk request.")

    @field_validator("url")
    @classmethod
    def _are_http_without_login(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for url in value:
            parts = urlsplit(url)
            if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
                raise PydanticCustomError("store_url", "must be http:// or https:// addresses, such as https://store:9200")
            if "@" in parts.netloc:
                raise PydanticCustomError(
                    "store_url", "must not hold a login; write username and password as options of their own"
                )
        return value

    @field_validator("index_prefix")
    @classmethod
    def _begins_an_index_name(cls, value: str) -> str:
        if not _PREFIX.fullmatch(value):
            raise PydanticCustomError(
                "prefix", "must be 1 to 100 lower-case letters, digits, '.', '_' and '-', beginning with a letter or digit"
            )
        return value

    @model_validator(mode="after")
    def _has_one_login(self) -> StoreSettings:
        for given, missing in (
            ("username", "password"),
            ("password", "username"),
            ("cert.file", "key.file"),
            ("key.file", "cert.file"),
        ):
            if self._has(given) and not self._has(missing):
                raise PydanticCustomError("word", f"is needed with {given}", {"word": missing})
        if self.api_key is not None and self.username is not None:
            raise PydanticCustomError("word", "cannot stand together with username and password", {"word": "api.key"})
        return self

    def _has(self, word: str) -> bool:
        return getattr(self, word.replace(".", "_")) is not None
