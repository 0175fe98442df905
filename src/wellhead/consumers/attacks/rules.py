"""Takes the names of grouping rules, gives them checked as one set with a fingerprint; never groups anything."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wellhead.avro import schema as schemas
from wellhead.config.files import parse
from wellhead.config.lists import Texts
from wellhead.config.problems import problems_of
from wellhead.consumers.shipped import path_of
from wellhead.errors import ConfigError, PermanentError, Problem

ROLES = ("id", "client", "time", "ip", "country", "status", "block")
"""What a rule needs to know of a hit beside the columns it groups by; `Fields` names their columns."""


class Fields(BaseModel):
    """Which column of the record holds what; the names of this house unless a rule says otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: str = Field(default="id", description="The hit's own id.")
    client: str = Field(default="client_id", description="Whose hit it is; every grouping key begins with it.")
    time: str = Field(default="time", description="When it happened.")
    ip: str = Field(default="ip", description="Its sender.")
    country: str = Field(default="remote_country", description="The sender's country.")
    status: str = Field(default="status_code", description="What the server answered.")
    block: str = Field(default="block_status", description="Whether it was blocked.")


class Rule(BaseModel):
    """One grouping rule, as data."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True)

    rule: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}$", description="Its name; part of the key of its attacks.")
    version: int = Field(ge=1, le=9999, description="Raise it with every change: hits from then on form new attacks.")
    description: str = Field(min_length=1, description="One sentence for people.")
    record: str = Field(description="Schema of the hits.")
    event: str | None = Field(
        None, description="Schema of the events that tell what becomes of attacks; the base rule names it."
    )
    by: Texts = Field(min_length=1, description="Columns that must be equal; the client's column always is one, unsaid.")
    gap_secs: int = Field(
        3600, alias="gap.secs", ge=1, description="A hit further from an attack's first and last one is no part of it."
    )
    over: int | None = Field(
        None, ge=1, le=1000, description="Hits within `within.secs` that must be exceeded for an attack by this rule to begin."
    )
    within_secs: int = Field(900, alias="within.secs", ge=1, description="See `over`.")
    show: Texts = Field((), description="Columns that are shown of an attack beside those it is grouped by.")
    exceptions: dict[str, Texts] = Field(
        default_factory=dict, alias="except", description="Values, by column, of hits this rule leaves alone."
    )
    fields: Fields = Field(Fields(), description="Which column holds what.")

    @property
    def is_burst(self) -> bool:
        """Whether attacks begin with many hits in a short time, and take in the attacks of the other rule."""
        return self.over is not None

    @property
    def label(self) -> str:
        """Name and version."""
        return f"{self.rule}.{self.version}"


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of one deployment.

    Attributes:
        base: Every hit belongs to an attack of this rule.
        burst: The rule that merges attacks of one sender, or None.
        digest: Tells one set from another; stands in the state.
        versions: Digest of each rule's text by its label: a rule must not change without its version.
        has_numbered_clients: Whether the column of the client holds whole numbers.
    """

    base: Rule
    burst: Rule | None
    digest: str
    versions: dict[str, str]
    has_numbered_clients: bool

    @property
    def shown(self) -> tuple[str, ...]:
        """Columns whose values are shown of an attack; senders are counted instead."""
        rules = (self.base,) if self.burst is None else (self.base, self.burst)
        columns = dict.fromkeys(column for rule in rules for column in (*rule.by, *rule.show, *rule.exceptions))
        return tuple(column for column in columns if column != self.base.fields.ip)

    def client_of(self, told: str) -> str | int:
        """Give a client as its column has it, from its text."""
        return int(told) if self.has_numbered_clients else told

    def retain_ms(self, late_secs: int) -> int:
        """Give for how long after an attack's last hit, by Kafka's time, another one may still join it."""
        gaps = [self.base.gap_secs, *([self.burst.gap_secs] if self.burst is not None else [])]
        return (max(gaps) + late_secs) * 1000


def load_rules(names: Sequence[str]) -> RuleSet:
    """Load the rules of one deployment.

    Raises:
        ConfigError: There is no such rule, something is wrong with one, or they do not fit together; every problem is listed.
    """
    problems: list[Problem] = []
    rules: list[Rule] = []
    digests: dict[str, str] = {}
    for name in names:
        try:
            rule, digest = load_rule(name)
        except ConfigError as error:
            problems += error.problems
        else:
            rules.append(rule)
            digests[rule.label] = digest
    base = [rule for rule in rules if not rule.is_burst]
    burst = [rule for rule in rules if rule.is_burst]
    if not problems:
        problems += _unfit(base, burst)
    if problems:
        raise ConfigError("rules", problems)
    digest = hashlib.sha256(repr(sorted(digests.items())).encode()).hexdigest()[:16]
    client = schemas.load(base[0].record).arrow.field(base[0].fields.client)
    return RuleSet(base[0], burst[0] if burst else None, digest, digests, pa.types.is_integer(client.type))


def load_rule(name: str) -> tuple[Rule, str]:
    """Load one rule, `<connector>/<name>` or a path, and give it with a digest of what it says.

    Raises:
        ConfigError: There is no such rule, or something is wrong with it.
    """
    path = path_of(name, "attacks", "rule")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or "cannot be read").lower() if isinstance(error, OSError) else "is not UTF-8 text"
        raise ConfigError(name, [Problem(str(path), f"{reason}; name a rule as <connector>/<name> or by its path")]) from error
    content, problems = parse(text, str(path))
    try:
        rule = Rule.model_validate(content)
    except ValidationError as error:
        raise ConfigError(name, [*problems, *problems_of(error, Rule, str(path))]) from None
    problems += _unknown_columns(rule, str(path))
    if problems:
        raise ConfigError(name, problems)
    told = rule.model_dump_json(exclude={"description"})
    return rule, hashlib.sha256(told.encode()).hexdigest()[:16]


def _unknown_columns(rule: Rule, path: str) -> list[Problem]:
    try:
        record = schemas.load(rule.record).arrow
        if rule.event is not None:
            schemas.load(rule.event)
    except PermanentError as error:
        return [Problem(f"{path}, record", str(error))]
    wanted = {f"{path}, by": rule.by, f"{path}, except": tuple(rule.exceptions)}
    wanted |= {f"{path}, show": rule.show}
    wanted |= {f"{path}, fields.{role}": (getattr(rule.fields, role),) for role in ROLES}
    named = [(place, column) for place, columns in wanted.items() for column in columns]
    problems = [
        Problem(place, f"{column} is no column of {rule.record}") for place, column in named if column not in record.names
    ]
    grouped = [(place, column) for place, column in named if column in record.names and "fields" not in place]
    kinds = [(place, column, record.field(column).type) for place, column in grouped]
    return problems + [
        Problem(place, f"{column} is {kind}: only texts and whole numbers can be grouped by and shown")
        for place, column, kind in kinds
        if not (pa.types.is_string(kind) or pa.types.is_integer(kind))
    ]


def _unfit(base: Sequence[Rule], burst: Sequence[Rule]) -> list[Problem]:
    if len(base) != 1:
        found = ", ".join(rule.rule for rule in base) or "none"
        return [
            Problem("rules", f"exactly one rule without `over` is needed, for every hit belongs to one attack; found: {found}")
        ]
    if len(burst) > 1:
        return [Problem("rules", f"at most one rule with `over` can be used; found: {', '.join(rule.rule for rule in burst)}")]
    if base[0].event is None:
        return [Problem("rules", f"{base[0].rule} names no `event`, the schema of what is told of attacks")]
    for rule in burst:
        if rule.by != (rule.fields.ip,):
            return [Problem("rules", f"{rule.rule}: a rule with `over` groups by the sender alone: by: [{rule.fields.ip}]")]
        if (rule.record, rule.fields) != (base[0].record, base[0].fields):
            return [Problem("rules", f"{rule.rule} and {base[0].rule} must be about the same record and fields")]
    return []
