"""Takes one entry of the `attacks` section, gives how its hits are grouped, kept and served, frozen; never reads a rule."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from wellhead.config.access import checked_listeners
from wellhead.config.lists import Texts, listed
from wellhead.config.model import Settings
from wellhead.config.owntopics import TOPIC, EntryName, beside, each_its_own
from wellhead.config.store import StoreSettings

_RedisKind = Literal["alone", "sentinel", "cluster"]
_REDIS_KINDS: dict[str, _RedisKind] = {"redis": "alone", "redis+sentinel": "sentinel", "redis+cluster": "cluster"}
_REDIS_PORTS: dict[_RedisKind, int] = {"alone": 6379, "sentinel": 26379, "cluster": 6379}


@dataclass(frozen=True, slots=True)
class RedisPlace:
    """What a Redis URL says.

    Attributes:
        kind: One server (or what stands before it), a set that Sentinels watch, or a Cluster.
        hosts: Host and port of the server, of the Sentinels, or of some nodes of the Cluster.
        database: Number of the database; 0 in a Cluster.
        master: The name Sentinels know the set by; empty else.
        tls: Whether connections are encrypted.
    """

    kind: _RedisKind
    hosts: tuple[tuple[str, int], ...]
    database: int = 0
    master: str = ""
    tls: bool = False


class RedisSettings(Settings):
    """Where the open attacks are kept."""

    url: str = Field(
        description="Where Redis (6.2 or newer, or Valkey) is: redis://host:port/database, "
        "redis+sentinel://host:port,host:port/master-name/database, or redis+cluster://host:port,host:port; rediss instead of redis with TLS."
    )
    username: str | None = Field(None, min_length=1, description="User of its access list; unset = the default user.")
    password: SecretStr | None = Field(None, description="Password of that user.")
    sentinel_password: SecretStr | None = Field(None, description="Password of the Sentinels, where they have one.")
    ca_file: Path | None = Field(
        None, description="PEM file of the certificate authorities to trust instead of the built-in ones."
    )
    cert_file: Path | None = Field(None, description="PEM file of the client certificate, where Redis asks for one.")
    key_file: Path | None = Field(None, description="PEM file of that certificate's key.")
    timeout_secs: float = Field(5, gt=0, description="Longest wait in seconds for a connection or an answer.")

    @field_validator("url")
    @classmethod
    def _is_a_place(cls, value: str) -> str:
        redis_place(value)
        return value

    @model_validator(mode="after")
    def _has_whole_logins(self) -> RedisSettings:
        for given, missing in (("username", "password"), ("cert.file", "key.file"), ("key.file", "cert.file")):
            if getattr(self, given.replace(".", "_")) is not None and getattr(self, missing.replace(".", "_")) is None:
                raise PydanticCustomError("word", f"is needed with {given}", {"word": missing})
        return self

    def place(self) -> RedisPlace:
        """Give what the URL says."""
        return redis_place(self.url)


class ServeSettings(Settings):
    """Which stores the read API asks, and how much it gives at once."""

    reads_from: str | None = Field(
        default=None, description="Store that answers.", json_schema_extra={"default_text": "the first of stores"}
    )
    mirror_to: str | None = Field(default=None, description="Store that is asked too, and may take over.")
    mirror_percent: float = Field(
        default=0, ge=0, le=100, description="Share of the reads that mirror.to is asked too; differing answers are counted."
    )
    shift_percent: float = Field(
        default=0,
        ge=0,
        le=100,
        description="Share of the clients that mirror.to answers; a client stays where it is while the share grows.",
    )
    mirror_recheck_secs: float = Field(
        default=2,
        ge=0,
        le=600,
        description="Seconds after which differing answers are asked for again, before they count: what was only written later is no difference.",
    )
    fallback: bool = Field(
        default=False,
        description="Whether the other store answers when the one that should cannot; leave it off while the other is not known to be whole.",
    )
    page_max: int = Field(default=1000, ge=1, le=5000, description="Most attacks or hits (count) in one answer.")
    timeout_secs: float = Field(
        default=10, gt=0, le=60, description="Longest wait in seconds for a store's answer; after it 503, or the other store."
    )
    listeners: str = Field(
        default="http://127.0.0.1:8086",
        min_length=1,
        description="Addresses of 'wellhead attacks serve', with commas between them; beyond this machine it needs https:// and the worker's "
        "rest.auth.* or rest.tls.client.ca. Everything else here but this and timeout.secs is read again when a file changes.",
    )

    @field_validator("listeners")
    @classmethod
    def _are_addresses(cls, value: str) -> str:
        return checked_listeners(value)


class AttacksSettings(Settings):
    """How the hits of one topic are grouped into attacks, stored and served."""

    name: EntryName = Field(description="Name of the grouping: its key in the file; stands in logs, metrics and Redis keys.")
    topic: str = Field(pattern=TOPIC, description="Record topic of the hits: `<topic.prefix><subject>`.")
    rules: Texts = Field(
        description="Grouping rules in order, each `<connector>/<name>` for one a connector ships, or the path of a YAML file of your own "
        "(from the working folder)."
    )
    late_secs: int = Field(
        3600,
        ge=0,
        description="Seconds an attack is remembered after its rule's gap has passed, by the time at which hits reached Kafka, "
        "for hits that come late.",
    )
    redis: RedisSettings = Field(description="Where the open attacks are kept.")
    document_topic: str = Field(
        default_factory=beside("topic", "attack_document"),
        pattern=TOPIC,
        description="Topic of the documents that every store writes; `<base>` is the input topic up to its last dot.",
        json_schema_extra={"default_text": "`<base>.attack_document`"},
    )
    event_topic: str = Field(
        default_factory=beside("topic", "attack_event"),
        pattern=TOPIC,
        description="Topic that tells when an attack is opened, updated, closed or merged.",
        json_schema_extra={"default_text": "`<base>.attack_event`"},
    )
    state_topic: str = Field(
        default_factory=beside("topic", "attack_state"),
        pattern=TOPIC,
        description="Compacted topic from which a lost Redis is filled again.",
        json_schema_extra={"default_text": "`<base>.attack_state`"},
    )
    dead_letter_topic: str = Field(
        default_factory=lambda data: f"{data.get('topic', '')}.attacks.dlq",
        validation_alias="errors.deadletterqueue.topic.name",
        serialization_alias="errors.deadletterqueue.topic.name",
        pattern=TOPIC,
        description="Topic of the hits that cannot be grouped; documents a store refuses go to `<document.topic>.dlq`.",
        json_schema_extra={"default_text": "`<topic>.attacks.dlq`"},
    )
    start: Literal["earliest", "latest"] = Field(
        "earliest", description="Where a new consumer group begins in the input topic."
    )
    batch_max_records: int = Field(2000, ge=1, le=50_000, description="Most hits (count) in one step and one transaction.")
    batch_linger_ms: int = Field(20, ge=0, le=10_000, description="Milliseconds to wait for a fuller step.")
    roles: tuple[Literal["group", "store"], ...] = Field(
        ("group", "store"), description="What this process does: group hits, write to the stores, or both."
    )
    alert_lag_secs: float = Field(
        60, gt=0, description="Seconds a hit or document may wait before the entry counts as unhealthy."
    )
    stores: dict[str, StoreSettings] = Field(
        default_factory=dict, description="The stores by name; each is written by itself and none waits for another."
    )
    serve: ServeSettings = Field(default_factory=ServeSettings, description="The read API.")

    @field_validator("roles", mode="before")
    @classmethod
    def _are_listed(cls, value: Any) -> Any:
        found = listed(value)
        if found == ():
            raise PydanticCustomError("empty", "must name at least one")
        return tuple(dict.fromkeys(found)) if isinstance(found, tuple) else found

    @field_validator("rules")
    @classmethod
    def _are_unique(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise PydanticCustomError("rules", "must name each rule once")
        return value

    @model_validator(mode="after")
    def _has_topics_of_its_own(self) -> AttacksSettings:
        each_its_own(self.topics().items())
        return self

    @model_validator(mode="after")
    def _names_its_stores(self) -> AttacksSettings:
        known = ", ".join(self.stores)
        for word, name in (("serve.reads.from", self.serve.reads_from), ("serve.mirror.to", self.serve.mirror_to)):
            if name is not None and name not in self.stores:
                raise PydanticCustomError("word", f"is none of the stores: {known or 'there is none'}", {"word": word})
        if "store" in self.roles and not self.stores:
            raise PydanticCustomError(
                "word", "required: a store, such as stores.primary.url; or leave store out of roles", {"word": "stores"}
            )
        if self.serve.mirror_to is not None and self.serve.mirror_to == self.read_store:
            raise PydanticCustomError("word", "is the store that answers; name another", {"word": "serve.mirror.to"})
        for word, percent in (("mirror", self.serve.mirror_percent), ("shift", self.serve.shift_percent)):
            if percent and self.serve.mirror_to is None:
                raise PydanticCustomError("word", "needs serve.mirror.to", {"word": f"serve.{word}.percent"})
        return self

    @property
    def read_store(self) -> str | None:
        """The store that answers reads; None where there is no store."""
        return self.serve.reads_from or next(iter(self.stores), None)

    def topics(self) -> dict[str, str]:
        """Give every topic it reads or writes, by the word that names it."""
        return {
            "topic": self.topic,
            "document.topic": self.document_topic,
            "event.topic": self.event_topic,
            "state.topic": self.state_topic,
            "errors.deadletterqueue.topic.name": self.dead_letter_topic,
        }


def redis_place(url: str) -> RedisPlace:
    """Read a Redis URL.

    Raises:
        PydanticCustomError: It is none, or holds a login; the text is not repeated.
    """
    parts = urlsplit(url)
    tls = parts.scheme.startswith("rediss")
    kind = _REDIS_KINDS.get(parts.scheme.replace("rediss", "redis", 1))
    if kind is None or not parts.netloc or parts.query or parts.fragment:
        raise PydanticCustomError(
            "redis_url",
            "must look like redis://host:6379/0, redis+sentinel://host:26379,host:26379/master/0 or redis+cluster://host:6379",
        )
    if "@" in parts.netloc:
        raise PydanticCustomError("redis_url", "must not hold a login; write redis.username and redis.password")
    hosts = tuple(_host(text, _REDIS_PORTS[kind]) for text in parts.netloc.split(","))
    if kind == "alone" and len(hosts) > 1:
        raise PydanticCustomError("redis_url", "names several hosts; that is for redis+sentinel:// and redis+cluster://")
    path = [part for part in parts.path.split("/") if part]
    master = path.pop(0) if kind == "sentinel" and path else ""
    if kind == "sentinel" and not master:
        raise PydanticCustomError("redis_url", "must name the master: redis+sentinel://host:26379/master-name")
    return RedisPlace(kind, hosts, _database(path, kind), master, tls)


def _database(path: list[str], kind: str) -> int:
    if not path:
        return 0
    if len(path) > 1 or not re.fullmatch(r"\d{1,4}", path[0]) or (kind == "cluster" and path[0] != "0"):
        raise PydanticCustomError("redis_url", "must end in the number of a database, such as /0; a Cluster has none but 0")
    return int(path[0])


def _host(text: str, default_port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text.strip()}")
        host, port = parts.hostname, parts.port or default_port
    except ValueError:
        host, port = None, 0
    if not host:
        raise PydanticCustomError("redis_url", "must name hosts as host:port, with commas between them")
    return host, port
