"""Takes one entry of the `floods` section, gives what is watched, what is too much, and where it is told, frozen; never detects anything."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from wellhead.config.lists import Aliases, Texts
from wellhead.config.model import Settings
from wellhead.config.owntopics import TOPIC, EntryName, beside, each_its_own

_FAMILY = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|[0-9a-f:.]+(/\d{1,3})?")
_SUFFIXES: dict[str, Literal["connections", "requests"]] = {"connection": "connections", "access_log": "requests"}


class LimitSettings(Settings):
    """From what on something is too much for a gateway, and how long it must have been."""

    total_max: int | None = Field(
        default=20_000,
        ge=1,
        description="Established connections of a gateway (count), of its clients and to destinations together.",
    )
    established_max: int = Field(default=1000, ge=1, description="Established connections to one family (count).")
    share_max: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Share of a gateway's connections to destinations that one family may hold (0 to 1).",
    )
    share_min_connections: int = Field(
        default=100, ge=1, description="Connections to a family (count) below which its share is not looked at."
    )
    idle_secs: float = Field(
        default=300, gt=0, description="Seconds in which nothing came or went, after which a connection is idle."
    )
    idle_max: int = Field(default=500, ge=1, description="Idle connections to one family (count).")
    orphan_secs: float = Field(
        default=15, gt=0, description="Seconds for which more connections to destinations must be open than clients could use."
    )
    orphan_max: int = Field(default=100, ge=1, description="Connections to one family that no client can be using (count).")
    streams_per_client: int = Field(
        default=1,
        ge=1,
        description="Exchanges that one client's connection may carry at a time (count); raise it, such as to 100, where clients speak HTTP/2 to "
        "the gateway: else their many connections to destinations look like orphans.",
    )
    growth_per_min: float = Field(
        default=600, gt=0, description="Connections to one family a minute, net of those that ended (count)."
    )
    growth_window_secs: float = Field(default=60, gt=0, description="Seconds over which growth is measured.")
    open_after_secs: float = Field(
        default=10, ge=0, description="Seconds something must have been above its limit before a finding opens."
    )
    close_after_secs: float = Field(
        default=30, ge=0, description="Seconds it must have been below close.ratio of its limit before the finding closes."
    )
    close_ratio: float = Field(
        default=0.8, gt=0, le=1, description="Part of the limit (0 to 1) below which a finding may close."
    )
    update_secs: float = Field(
        default=30, gt=0, description="Seconds between two updates of an open finding whose numbers change."
    )
    silent_after_secs: float = Field(
        default=180,
        gt=0,
        description="Seconds without a record after which nothing is known of a gateway, and its findings close.",
    )
    late_secs: float = Field(
        default=5, ge=0, description="Seconds after its time within which the records of a snapshot are expected."
    )
    window_secs: float = Field(
        default=60, gt=0, description="Seconds over which the connections an access log tells of are averaged."
    )
    families_max: int = Field(
        default=2000,
        ge=10,
        description="Families counted exactly (count); of more, the largest, and findings say `approximate`.",
    )
    names_max: int = Field(default=20_000, ge=0, description="Addresses whose names are remembered (count).")


class DestinationLimitSettings(Settings):
    """Limits of single destinations; what is unset is the gateway's."""

    established_max: int | None = Field(default=None, ge=1, description="As in `limits`.")
    share_max: float | None = Field(default=None, gt=0, le=1, description="As in `limits`.")
    share_min_connections: int | None = Field(default=None, ge=1, description="As in `limits`.")
    idle_max: int | None = Field(default=None, ge=1, description="As in `limits`.")
    orphan_max: int | None = Field(default=None, ge=1, description="As in `limits`.")
    growth_per_min: float | None = Field(default=None, gt=0, description="As in `limits`.")


class DestinationSettings(Settings):
    """Other limits for the destinations a pattern matches."""

    match: str = Field(
        min_length=1,
        description="A family or name with * and ?, such as *.ticker.example, or a network, such as 198.51.100.0/24; the first that matches "
        "counts.",
    )
    limits: DestinationLimitSettings = Field(
        default_factory=DestinationLimitSettings, description="The limits that differ; the others stay."
    )


class GatewaySettings(Settings):
    """Other limits for the gateways a pattern matches."""

    match: str = Field(
        min_length=1, description="A gateway's name with * and ?, such as proxy-*; the first that matches counts."
    )
    limits: LimitSettings = Field(
        default_factory=LimitSettings, description="Those of `limits` that differ, under the same words; the others stay."
    )


class BypassSettings(Settings):
    """The file of destinations that a gateway is to let past."""

    file: Path | None = Field(
        default=None,
        description="File that is kept with one family a line while a finding that suggests a bypass is open; unset = none. Its folder must "
        "exist; the file is replaced as a whole.",
    )
    allow: Aliases = Field(
        default=(),
        description="Families that are never written to it, such as *.bank.example, with commas between them or as a list; what is below one "
        "is neither.",
    )
    grace_secs: float = Field(
        default=900,
        ge=0,
        description="Seconds an entry stays after its finding has closed, so that what comes and goes does not make the gateway reload all the "
        "time.",
    )

    @field_validator("allow")
    @classmethod
    def _are_families(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        found = tuple(each.strip().rstrip(".").lower() for each in value)
        if wrong := [each for each in found if not _FAMILY.fullmatch(each)]:
            raise PydanticCustomError("family", f"must hold names like *.ticker.example or addresses; {wrong[0]!r} is neither")
        return found


class FloodsSettings(Settings):
    """What is watched for floods of connections, from what on it is one, and where that is told."""

    name: EntryName = Field(
        description="Name of the watch: its key in the file; stands in logs, metrics and the consumer groups."
    )
    topics: Texts = Field(
        description="Record topics to watch, `<topic.prefix><subject>`: snapshots of connections (…connection), a gateway's access log "
        "(…access_log), or both."
    )
    finding_topic: str = Field(
        default_factory=beside("topics", "flood_finding"),
        pattern=TOPIC,
        description="Topic of the findings: opened, updated, closed; `<base>` is the first topic up to its last dot.",
        json_schema_extra={"default_text": "`<base>.flood_finding`"},
    )
    state_topic: str = Field(
        default_factory=beside("topics", "flood_state"),
        pattern=TOPIC,
        description="Compacted topic of what is known of each gateway, for restarts, `wellhead floods status`, `explain` and the bypass file.",
        json_schema_extra={"default_text": "`<base>.flood_state`"},
    )
    dead_letter_topic: str = Field(
        default_factory=lambda data: f"{next(iter(data.get('topics', ())), '')}.floods.dlq",
        validation_alias="errors.deadletterqueue.topic.name",
        serialization_alias="errors.deadletterqueue.topic.name",
        pattern=TOPIC,
        description="Topic of the records that cannot be read.",
        json_schema_extra={"default_text": "`<first topic>.floods.dlq`"},
    )
    start: Literal["earliest", "latest"] = Field(
        "earliest",
        description="Where a new consumer group begins in the topics; what happened is judged by its own time either way.",
    )
    limits: LimitSettings = Field(default_factory=LimitSettings, description="From what on something is a flood.")
    destinations: tuple[DestinationSettings, ...] = Field(
        (),
        description="Other limits by destination: a list of `{match: pattern, limits: {...}}`; they count over those by gateway.",
    )
    gateways: tuple[GatewaySettings, ...] = Field((), description="Other limits by gateway, likewise.")
    bypass: BypassSettings = Field(
        default_factory=BypassSettings, description="The file of destinations that a gateway is to let past."
    )
    batch_max_records: int = Field(5000, ge=1, le=100_000, description="Most records (count) taken in at once.")
    batch_linger_ms: int = Field(100, ge=0, le=10_000, description="Milliseconds to wait for more records.")
    state_interval_secs: float = Field(
        10,
        gt=0,
        le=600,
        description="Seconds after which what is known is written, with the offsets, where no finding changed; so much is read again after a "
        "crash.",
    )
    alert_lag_secs: float = Field(
        120,
        gt=0,
        description="Seconds a record may wait before the entry counts as unhealthy; more than twice state.interval.secs.",
    )

    @field_validator("topics")
    @classmethod
    def _are_known_kinds(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for topic in value:
            if not re.fullmatch(TOPIC, topic):
                raise PydanticCustomError("topics", "must hold topic names: letters, digits, . _ and -")
            if topic.rpartition(".")[2] not in _SUFFIXES:
                raise PydanticCustomError(
                    "topics", f"cannot watch {topic}: a name ends in connection (snapshots of connections) or access_log"
                )
        if len(set(value)) < len(value):
            raise PydanticCustomError("topics", "must name each topic once")
        return value

    @model_validator(mode="after")
    def _has_topics_of_its_own(self) -> FloodsSettings:
        each_its_own([*(("topics", topic) for topic in self.topics), *self.written_topics().items()])
        return self

    @model_validator(mode="after")
    def _alerts_after_what_is_usual(self) -> FloodsSettings:
        if self.alert_lag_secs <= 2 * self.state_interval_secs:
            raise PydanticCustomError(
                "word",
                "must be more than twice state.interval.secs, which is how long offsets wait",
                {"word": "alert.lag.secs"},
            )
        return self

    def written_topics(self) -> dict[str, str]:
        """Give every topic it writes, by the word that names it."""
        return {
            "finding.topic": self.finding_topic,
            "state.topic": self.state_topic,
            "errors.deadletterqueue.topic.name": self.dead_letter_topic,
        }

    @staticmethod
    def kind_of(topic: str) -> Literal["connections", "requests"]:
        """Give what the records of a watched topic are: open connections, or requests that were made."""
        return _SUFFIXES[topic.rpartition(".")[2]]
