"""Takes validated settings, gives what a worker runs as frozen values; never reads a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel

from wellhead.api import Config, SourceConnector, Stream
from wellhead.config.attacks import AttacksSettings
from wellhead.config.connector import ConnectorSettings
from wellhead.config.floods import FloodsSettings
from wellhead.config.lookup import LookupSettings
from wellhead.config.model import Settings
from wellhead.config.secrets import redactable
from wellhead.config.transforms import TransformStep
from wellhead.config.worker import WorkerSettings
from wellhead.errors import Problem
from wellhead.targets import AnyTarget


@dataclass(frozen=True, slots=True)
class LoadedConnector:
    """One connector, ready to run.

    Attributes:
        settings: How the framework runs it.
        source: What it is.
        config: Its own options, validated; not shown in repr, since an author may have forgotten a `SecretStr`.
        streams: What its options select; the index of a stream is its number.
        transforms: What its records go through, in order.
        fanned_out: Whether it is one of several with its name, each of another tenant.
    """

    settings: ConnectorSettings
    source: SourceConnector
    config: Config = field(repr=False)
    streams: tuple[Stream, ...]
    transforms: tuple[TransformStep, ...] = ()
    fanned_out: bool = False

    @property
    def name(self) -> str:
        """The connector's name."""
        return self.settings.name

    def secrets(self) -> list[str]:
        """Give its literal secrets, longest first, for redaction elsewhere."""
        return self.settings.secrets()


def dead_letter_topics(loaded: Sequence[LoadedConnector]) -> list[str]:
    """Give the dead-letter topics of some connectors, each once."""
    found = [each.settings.dead_letter_topic_of(stream.subject) for each in loaded for stream in each.streams]
    return list(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class LoadedLookup:
    """One lookup, ready to be built.

    Attributes:
        settings: How its files are built, guarded and delivered.
        target: Where they go.
        options: The target's own options, validated; not shown in repr, as with a connector's.
    """

    settings: LookupSettings
    target: type[AnyTarget]
    options: BaseModel = field(repr=False)

    @property
    def name(self) -> str:
        """The lookup's name."""
        return self.settings.name

    def secrets(self) -> list[str]:
        """Give its literal secrets, longest first, for redaction elsewhere."""
        return self.settings.secrets()


@dataclass(frozen=True, slots=True)
class Deployment:
    """Everything the files of one deployment say: connectors, lookups, attacks and floods, each for a verb of its own.

    Attributes:
        worker: The process's settings.
        connectors: Its connectors, in the order of the files.
        warnings: What is allowed but probably not meant.
        lookups: Its lookups, likewise.
        attacks: Its groupings of hits into attacks, likewise.
        floods: Its watches for floods of connections, likewise.
    """

    worker: WorkerSettings
    connectors: tuple[LoadedConnector, ...]
    warnings: tuple[Problem, ...] = ()
    lookups: tuple[LoadedLookup, ...] = ()
    attacks: tuple[AttacksSettings, ...] = ()
    floods: tuple[FloodsSettings, ...] = ()

    def secrets(self) -> list[str]:
        """Give every literal secret, longest first, for redaction elsewhere."""
        entries = (*self.attacks, *self.floods)
        held: tuple[LoadedConnector | LoadedLookup | Settings, ...] = (*self.connectors, *self.lookups, *entries)
        return redactable([*self.worker.secrets(), *(secret for each in held for secret in each.secrets())])
