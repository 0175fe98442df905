"""Takes what is known of a finished lookup file, gives the JSON beside it, and back; one that cannot be read counts as none."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from wellhead.consumers.lookup.durable import publish_text, size_of
from wellhead.targets import LookupFile

SUFFIX = ".manifest.json"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Part(_Model):
    """One file on disk; a lookup file is one of them unless it was split."""

    file: str
    rows: int
    bytes: int
    sha256: str


class Source(_Model):
    """What the rows were made of: everything in the topic before these offsets, as the state held it after its change `seq`.

    A state that is emptied keeps its `seq`, so its number of records counts, too.
    """

    topic: str
    topic_id: str
    offsets: dict[int, int]
    seq: int
    records: int

    def same_rows(self, other: Source) -> bool:
        """Tell whether nothing changed in the state between the two."""
        return self.model_copy(update={"offsets": {}}) == other.model_copy(update={"offsets": {}})


class Manifest(_Model):
    """What stands in a lookup file.

    Attributes:
        file: Its name.
        mapping: The mapping it was made by, as the deployment names it, and which text of it.
        rows: Rows in all, headers not counted.
        bytes: Bytes in all.
        sha256: Digest of the rows under one header, however they are split.
        columns: Its header.
        key: The columns that name a row.
        records: Records that fit the mapping's conditions, expired ones among them.
        source: What it was made of.
        newest_ms: The newest change among its records, epoch ms; None where there is none.
        valid_until_ms: When the next row expires, epoch ms; None = never.
        written_at: When these rows were written first.
        checked_at: When they were last found to be what the source says.
        parts: The files on disk.
        limit: The size above which it is split; None = never.
    """

    format: Literal[1] = 1
    file: str
    mapping: str
    mapping_digest: str
    rows: int
    bytes: int
    sha256: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    records: int
    source: Source
    newest_ms: int | None
    valid_until_ms: int | None
    written_at: str
    checked_at: str
    parts: tuple[Part, ...]
    limit: int | None = None

    def files(self, folder: Path) -> tuple[LookupFile, ...]:
        """Give its parts as a target takes them."""
        return tuple(
            LookupFile(part.file, folder / part.file, part.rows, part.bytes, part.sha256, self.key) for part in self.parts
        )

    def stands(self, folder: Path) -> bool:
        """Tell whether every part is on disk in its full size."""
        return all(size_of(folder / part.file) == part.bytes for part in self.parts)


def path_of(folder: Path, file: str) -> Path:
    """Give where the manifest of a file stands."""
    return folder / f"{file}{SUFFIX}"


def read(folder: Path, file: str) -> Manifest | None:
    """Give the manifest of a file; None where there is none, or it is not ours."""
    try:
        return Manifest.model_validate_json(path_of(folder, file).read_bytes())
    except (OSError, ValidationError):
        return None


def write(folder: Path, manifest: Manifest) -> None:
    """Put a manifest beside its file, all of it or nothing."""
    publish_text(path_of(folder, manifest.file), manifest.model_dump_json(indent=1) + "\n")


def as_text(epoch_ms: int) -> str:
    """Give a moment as people and SIEMs read it, in UTC."""
    return datetime.fromtimestamp(epoch_ms / 1000, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
