"""Takes what an operator asks for, gives it as one job with a name that the same request always gets; never holds a credential."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from wellhead.migration.copy.clients import Clients, parse_clients
from wellhead.migration.copy.mapping import Mapping

_PLAIN = re.compile(r"[^A-Za-z0-9]+")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
TOPIC = "topic:"
MOST_PAGE_DOCS = 4_000
"""Of a page, unless somebody says: a search costs the source tens of milliseconds before its first document."""


class Caps(BaseModel):
    """What the source may be asked for by all processes of a job together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    docs_per_sec: float = Field(default=0, ge=0, description="Documents a second; 0 = no cap.")
    searches: int = Field(default=8, ge=1, description="Searches at the same time.")


class Job(BaseModel):
    """What is copied, from where, to where; everything a process needs to take part, beside the credentials."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    source: str
    target: str
    mapping: Mapping
    clients: str = "all"
    from_ms: int | None = None
    to_ms: int | None = None
    offsets: dict[int, tuple[int, int]] | None = None
    slice_docs: int = Field(default=0, ge=0)
    page_docs: int = Field(MOST_PAGE_DOCS, ge=1, le=10_000)
    caps: Caps = Caps()

    @property
    def chosen(self) -> Clients:
        """Whose documents are copied."""
        return parse_clients(self.clients)

    @property
    def source_topic(self) -> str | None:
        """The topic that is replayed, None where the source is a store."""
        return self.source.removeprefix(TOPIC) if self.source.startswith(TOPIC) else None

    def encode(self) -> bytes:
        """Give its JSON."""
        return orjson.dumps(self.model_dump(mode="json", by_alias=True), option=orjson.OPT_NON_STR_KEYS)

    def is_same(self, other: Job) -> bool:
        """Tell whether both copy the same documents in the same way; caps may differ."""
        return self._identity() == other._identity()

    def _identity(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"name", "caps", "page_docs"})


def named(job: Job, name: str | None = None) -> Job:
    """Give `job` under the name it was given, or under one made of what it asks for."""
    if name is None:
        digest = hashlib.sha256(orjson.dumps(job._identity(), option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS))  # noqa: SLF001 - its own module
        ends = "-to-".join(_PLAIN.sub("-", _label(end)).strip("-")[-40:] for end in (job.source, job.target))
        name = f"{ends}-{digest.hexdigest()[:8]}"
    return job.model_copy(update={"name": name})


def _label(end: str) -> str:
    """Give what of a store's or topic's name people know it by."""
    if "://" in end:
        return end.partition("://")[2]
    return Path(end).stem if end.endswith((".yaml", ".yml", ".json")) else end.removeprefix(TOPIC)


def decoded(content: bytes) -> Job:
    """Give the job whose JSON is `content`.

    Raises:
        ValueError: It is none.
    """
    return Job.model_validate_json(content)
