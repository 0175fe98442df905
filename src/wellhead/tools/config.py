"""Takes `wellhead config`, gives what a deployment would run or everything wrong with it; never connects to anything."""

from __future__ import annotations

import os
import re
from collections import ChainMap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from wellhead.clock import SystemClock
from wellhead.config import AttacksSettings, Deployment, FloodsSettings, LoadedConnector, LoadedLookup, WorkerSettings, load
from wellhead.config.model import MaskedDict, Settings, word_of
from wellhead.config.secrets import scrub
from wellhead.config.words import extra_of
from wellhead.errors import ConfigError, PermanentError, Problem

# librdkafka repeats a wrong value, which may be a secret in the wrong place.
_QUOTED_VALUE = re.compile(r"(Invalid value) \".*\"(?= for configuration property)", re.DOTALL)


@click.group()
def config() -> None:
    r"""Check configuration files before anything runs.

    \b
    Examples:
      wellhead config check examples/01-wss.yaml
      wellhead config check worker.yaml connectors/*.yaml --set group.id=staging
    """


@config.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="WORD=VALUE", help="Override one option; may be repeated.")
def check(files: tuple[Path, ...], overrides: tuple[str, ...]) -> None:
    r"""Show what FILES would run, or list every problem and exit with 2.

    Secrets are never shown; what a provider gives is shown as its reference.

    \b
    Examples:
      wellhead config check examples/01-wss.yaml
      wellhead config check wss.yaml --set connectors.wss-acme.poll.interval.secs=5
    """
    deployment = load(files, overrides=overrides, environ=os.environ)
    problems = list(preflight(deployment))
    if problems:
        raise ConfigError(", ".join(map(str, files)), problems)
    click.echo("\n".join(report(deployment)))


def preflight(deployment: Deployment) -> Iterator[Problem]:
    """Yield what other rooms would refuse at the start: settings of Kafka and registry clients, schemas, transforms of fields."""
    secrets = deployment.secrets()
    found = [*_refused_by_kafka(deployment), *_refused_by_registry(deployment.worker)]
    for connector in deployment.connectors:
        found += _wrong_streams(connector, f"connectors.{connector.name}")
    for lookup in deployment.lookups:
        found += _wrong_mappings(lookup)
    for attacks in deployment.attacks:
        found += _wrong_rules(attacks)
    yield from dict.fromkeys(Problem(problem.path, scrub(problem.message, secrets)) for problem in found)


def _refused_by_kafka(deployment: Deployment) -> Iterator[Problem]:
    # Only this verb needs Kafka's clients, and only when the files are sound.
    from wellhead.kafka import check, settings  # noqa: PLC0415

    worker = deployment.worker
    try:
        settings.consumer_config(worker)
    except ConfigError as error:
        yield from (Problem(f"worker.{problem.path}", problem.message) for problem in error.problems)
    for connector in deployment.connectors:
        layers = {
            f"connectors.{connector.name}.producer.override": connector.settings.producer_override,
            "worker.producer": worker.producer,
            "worker.consumer": worker.consumer,
            "worker.kafka": worker.kafka,
        }
        refused = check.problems(worker, connector.settings)
        if not refused:
            config = settings.producer_config(worker, connector.settings, "check")
            yield from _slow_transactions(connector, int(config["transaction.timeout.ms"]))
        for problem in refused:
            name = problem.path.removeprefix("kafka settings").removeprefix(": ")
            layer = next((path for path, words in layers.items() if name in words or name.startswith(f"{_last(path)}.")), None)
            yield Problem(_join(layer, name), _QUOTED_VALUE.sub(r"\1", problem.message))


def _slow_transactions(connector: LoadedConnector, timeout_ms: int) -> Iterator[Problem]:
    """Yield a problem where the broker would abort transactions that the interval leaves open."""
    interval_ms = connector.settings.transaction_boundary_interval_ms
    if connector.settings.transaction_boundary == "interval" and interval_ms * 2 > timeout_ms:
        yield Problem(
            f"connectors.{connector.name}.transaction.boundary.interval.ms",
            f"must be at most half of the producer's transaction.timeout.ms, which is {timeout_ms}",
        )


def _last(path: str) -> str:
    """Give the words under which a layer's problems are told by the Kafka room: `producer.override`, `kafka`."""
    return "producer.override" if path.endswith("producer.override") else path.rpartition(".")[2]


def _join(layer: str | None, name: str) -> str:
    if layer is None:
        return f"worker.kafka.{name}" if name else "worker.kafka"
    return f"{layer}.{name.removeprefix(_last(layer)).removeprefix('.')}"


def _refused_by_registry(worker: WorkerSettings) -> Iterator[Problem]:
    from wellhead.avro.registry import Registry  # noqa: PLC0415 - as for Kafka

    try:
        Registry(worker.schema_registry).close()
    except PermanentError as error:
        yield Problem("worker.schema.registry", str(error))


def _wrong_streams(connector: LoadedConnector, path: str) -> Iterator[Problem]:
    """Yield a problem for each stream without a schema, and for what its transforms cannot do to its fields."""
    from wellhead.avro import schema  # noqa: PLC0415 - as above
    from wellhead.transforms import bind  # noqa: PLC0415 - as above

    for stream in connector.streams:
        try:
            bind(connector, stream, schema.load(stream.subject), SystemClock())
        except ConfigError as error:
            yield from error.problems
        except PermanentError as error:
            yield Problem(f"{path} (stream {stream.name})", str(error))


def _wrong_mappings(lookup: LoadedLookup) -> Iterator[Problem]:
    """Yield what is wrong with the mappings of a lookup."""
    from wellhead.consumers.lookup.mappings import load_mappings  # noqa: PLC0415 - as above

    try:
        load_mappings(lookup.settings.files)
    except ConfigError as error:
        yield from (Problem(f"lookups.{lookup.name}.files", str(problem)) for problem in error.problems)


def _wrong_rules(attacks: AttacksSettings) -> Iterator[Problem]:
    """Yield what is wrong with the rules of an entry."""
    from wellhead.consumers.attacks.rules import load_rules  # noqa: PLC0415 - as above

    try:
        load_rules(attacks.rules)
    except ConfigError as error:
        yield from (Problem(f"attacks.{attacks.name}.rules", str(problem)) for problem in error.problems)


def report(deployment: Deployment) -> list[str]:
    """Give the lines that tell what would run, secrets masked."""
    lines = ["worker", *_table(_written(deployment.worker))]
    for connector in deployment.connectors:
        lines += ["", *_connector(connector)]
    for lookup in deployment.lookups:
        lines += ["", *_lookup(lookup)]
    for attacks in deployment.attacks:
        lines += ["", *_attacks(attacks)]
    for floods in deployment.floods:
        lines += ["", *_floods(floods)]
    if deployment.warnings:
        lines += ["", "warnings", *(f"  {warning}" for warning in deployment.warnings)]
    streams = sum(len(connector.streams) for connector in deployment.connectors)
    counts = [_count(len(deployment.connectors), "connector"), _count(streams, "stream")]
    if deployment.lookups:
        counts.append(_count(len(deployment.lookups), "lookup"))
    if deployment.attacks:
        stores = sum(len(attacks.stores) for attacks in deployment.attacks)
        counts += [_count(len(deployment.attacks), "attack grouping"), _count(stores, "store")]
    if deployment.floods:
        counts.append(_count(len(deployment.floods), "flood watch", "flood watches"))
    return [*lines, "", f"ok: {', '.join(counts)}"]


def _connector(connector: LoadedConnector) -> Iterator[str]:
    settings = connector.settings
    yield f"connector {settings.name}: {connector.source.title}, tenant {settings.shown()['tenant']}"
    for stream in connector.streams:
        yield f"  stream {stream.name}"
        yield f"    topic         {settings.topic_of(stream.subject)}"
        yield f"    dead letters  {settings.dead_letter_topic_of(stream.subject)}"
        yield f"    schedule      {_schedule(connector, stream.interval_secs)}"
    yield "  options"
    own = [words.masked() for words in (settings.options, settings.transform_words) if isinstance(words, MaskedDict)]
    written = {word: value for word, value in _written(settings).items() if word != "name"}
    yield from (f"  {line}" for line in _table(dict(ChainMap(*own, written))))


def _lookup(lookup: LoadedLookup) -> Iterator[str]:
    settings = lookup.settings
    yield f"lookup {settings.name}: {settings.topic} to {lookup.target.title}, {settings.schedule()}"
    own = settings.options.masked() if isinstance(settings.options, MaskedDict) else {}
    written = {word: value for word, value in _written(settings).items() if word != "name"}
    yield from _table(written | {f"{settings.target}.{word}": value for word, value in own.items()})


def _attacks(attacks: AttacksSettings) -> Iterator[str]:
    yield f"attacks {attacks.name}: {attacks.topic} by {', '.join(attacks.rules)} to {', '.join(attacks.stores) or 'no store'}"
    for what, topic in (
        ("documents", attacks.document_topic),
        ("events", attacks.event_topic),
        ("state", attacks.state_topic),
        ("dead letters", attacks.dead_letter_topic),
    ):
        yield f"  {what:<12}  {topic}"
    yield "  options"
    stores = {
        word: value for name, store in attacks.stores.items() for word, value in _written(store, f"stores.{name}.").items()
    }
    written = {word: value for word, value in _written(attacks).items() if word not in {"name", "stores"}}
    yield from (f"  {line}" for line in _table(written | stores))


def _floods(floods: FloodsSettings) -> Iterator[str]:
    yield f"floods {floods.name}: {', '.join(floods.topics)} to {floods.bypass.file or 'no bypass file'}"
    for what, topic in (
        ("findings", floods.finding_topic),
        ("state", floods.state_topic),
        ("dead letters", floods.dead_letter_topic),
    ):
        yield f"  {what:<12}  {topic}"
    yield "  options"
    written = {word: value for word, value in _written(floods).items() if word != "name"}
    yield from (f"  {line}" for line in _table(written))


def _schedule(connector: LoadedConnector, interval_secs: float) -> str:
    settings = connector.settings
    is_own = settings.poll_cron is None and settings.poll_interval_secs is None and not settings.poll_continuous
    return f"every {interval_secs:g} s" if is_own else settings.schedule()


def _written(settings: Settings, prefix: str = "") -> dict[str, Any]:
    """Give the words that were written, as they may be shown."""
    shown = settings.shown()
    words: dict[str, Any] = {}
    for name, info in type(settings).model_fields.items():
        if name not in settings.model_fields_set or extra_of(info).get("internal"):
            continue
        word, value = f"{prefix}{word_of(name, info)}", getattr(settings, name)
        if isinstance(value, MaskedDict):
            words |= {f"{word}.{key}": inner for key, inner in value.masked().items()}
        elif isinstance(value, Settings):
            words |= _written(value, f"{word}.")
        elif isinstance(value, tuple) and value and isinstance(value[0], Settings):
            for at, each in enumerate(value):
                words |= _written(each, f"{word}.{at}.")
        else:
            words[word] = ",".join(value) if isinstance(value, tuple) else shown[name]
    return words


def _table(words: Mapping[str, Any]) -> list[str]:
    width = max((len(word) for word in words), default=0)
    return [f"  {word:<{width}}  {_line(value)}" for word, value in sorted(words.items())]


def _line(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return "".join(char if char.isprintable() else "?" for char in text)


def _count(number: int, noun: str, nouns: str | None = None) -> str:
    return f"{number} {noun if number == 1 else nouns or f'{noun}s'}"
