"""Takes a deployment, looks at what its consumers need: the topics they read and write, Redis, stores, folders; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from wellhead.errors import PermanentError, TemporaryError
from wellhead.tools.doctor_around import check_disk
from wellhead.tools.doctor_finding import Finding

if TYPE_CHECKING:
    from wellhead.clock import Clock
    from wellhead.config.attacks import AttacksSettings
    from wellhead.config.deployment import Deployment

READ: Final = ("READ", "DESCRIBE")
WRITTEN: Final = ("WRITE", "DESCRIBE")
KEPT: Final = ("READ", "WRITE", "DESCRIBE")
LOOKUP_BYTES: Final = 1 << 30
"""Free space below which a lookup's folder is worth a word: state, files and copies of millions of rows."""


def read_topics(deployment: Deployment) -> list[str]:
    """Give the topics that consumers read and do not make, each once."""
    found = [
        *(attacks.topic for attacks in deployment.attacks),
        *(topic for floods in deployment.floods for topic in floods.topics),
        *(lookup.settings.topic for lookup in deployment.lookups),
    ]
    return list(dict.fromkeys(found))


def made_topics(deployment: Deployment) -> dict[str, tuple[str, ...]]:
    """Give the topics that consumers make themselves, with the rights they need on each."""
    found: dict[str, tuple[str, ...]] = {}
    for attacks in deployment.attacks:
        found |= {attacks.state_topic: KEPT, attacks.document_topic: KEPT}
        found |= {attacks.event_topic: WRITTEN, attacks.dead_letter_topic: WRITTEN}
    for floods in deployment.floods:
        found |= {floods.state_topic: KEPT, floods.finding_topic: WRITTEN, floods.dead_letter_topic: WRITTEN}
    return found


def check_consumers(deployment: Deployment, clock: Clock) -> Iterator[Finding]:
    """Yield what Redis and the stores of attack grouping say, and whether the folders of lookups can be written."""
    for attacks in deployment.attacks:
        if "group" in attacks.roles:
            yield _redis(attacks)
        yield from _stores(attacks, clock)
    for lookup in deployment.lookups:
        for word, folder in (("state.dir", lookup.settings.state_dir), ("output.dir", lookup.settings.output_dir)):
            yield from check_disk(folder, LOOKUP_BYTES, f"{lookup.name}: {word}")


def _redis(attacks: AttacksSettings) -> Finding:
    from wellhead.consumers.attacks.connect import check, connect  # noqa: PLC0415 - most deployments group nothing

    where = f"{attacks.name}: {', '.join(f'{host}:{port}' for host, port in attacks.redis.place().hosts)}"
    try:
        client = connect(attacks.redis)
        try:
            check(client, attacks.redis)
        finally:
            client.close()
    except (TemporaryError, PermanentError) as error:
        return Finding(
            "fail",
            "redis",
            where,
            str(error),
            "see that it runs, and that redis.* is right: until then hits wait in their topic, none is lost",
        )
    return Finding("ok", "redis", where, "answers, and keeps what it is given")


def _stores(attacks: AttacksSettings, clock: Clock) -> Iterator[Finding]:
    from wellhead.search.store import SearchStore  # noqa: PLC0415 - as above

    for name, settings in attacks.stores.items():
        try:
            store = SearchStore(settings, name=name, clock=clock)
            try:
                about = store.about()
            finally:
                store.close()
        except (TemporaryError, PermanentError) as error:
            advice = (
                "see that it runs, and that its url and login are right: until then documents wait in their topic, none is lost"
            )
            yield Finding("fail", "store", f"{attacks.name}: {name}", str(error), advice)
        else:
            yield Finding("ok", "store", f"{attacks.name}: {name}", f"{store.where}: {about.product} {about.version}")
