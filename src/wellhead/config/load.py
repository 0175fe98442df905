"""Takes files, flags and the environment, gives a Deployment, or one ConfigError with every problem; never connects to anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from wellhead import plugins as installed_plugins
from wellhead.api import Config, SourceConnector
from wellhead.config.attacksets import AttacksReader, problems_between_attacks
from wellhead.config.chain import Chain, is_chain_word, read_chain, unknown_streams
from wellhead.config.conflicts import problems_between, warnings_between
from wellhead.config.connector import ConnectorSettings
from wellhead.config.defaults import SCHEDULE, unknown_defaults, with_defaults
from wellhead.config.deployment import Deployment, LoadedConnector
from wellhead.config.flatten import flatten
from wellhead.config.floodsets import FloodsReader, problems_between_floods
from wellhead.config.lookups import LookupReader, problems_between_lookups
from wellhead.config.options import option_fields, shape
from wellhead.config.problems import problems_of
from wellhead.config.providers import resolve
from wellhead.config.secrets import literals
from wellhead.config.sources import SECTIONS, Written, collect
from wellhead.config.tenants import WORD as TENANTS
from wellhead.config.tenants import fan_out
from wellhead.config.words import all_words, from_environment, gather, misspelt_variables, unknown_word, words_of
from wellhead.config.worker import WorkerSettings
from wellhead.errors import ConfigError, PermanentError, Problem, WellheadError
from wellhead.plugins import Plugins, Targets

__all__ = ["Deployment", "LoadedConnector", "load", "load_worker"]

T = TypeVar("T")


def load(
    paths: Sequence[Path],
    *,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str],
    plugins: Plugins | None = None,
    targets: Targets | None = None,
) -> Deployment:
    """Read a deployment; later sources win: files in order, environment, flags.

    Args:
        paths: YAML or JSON files.
        overrides: Flags, such as `group.id=x`, `connectors.wss-acme.poll.interval.secs=5` or `lookups.ti.oversize=split`.
        environ: The environment: `WELLHEAD_GROUP_ID` sets `group.id`, and `${env:NAME}` refers to it.
        plugins: The sources to choose from; the installed ones when None.
        targets: The lookup targets to choose from, likewise.

    Raises:
        ConfigError: Something is wrong; lists every problem of every file.
    """
    written = collect(paths, overrides)
    problems = list(written.problems)
    worker = _load_worker(written, environ, problems)
    reader = ConnectorReader(plugins or installed_plugins.installed(), environ, problems)
    connectors = tuple(
        loaded
        for name, entry in written.connectors.items()
        for loaded in reader.load_all(name, entry, written.connector_flags.get(name, {}))
    )
    lookup_reader = LookupReader(targets or installed_plugins.installed_targets(), environ, problems)
    lookups = _each(lookup_reader.load, written.entries("lookups"))
    problems += problems_between_lookups(lookups)
    attacks = _each(AttacksReader(environ, problems).load, written.entries("attacks"))
    problems += problems_between_attacks(attacks)
    floods = _each(FloodsReader(environ, problems).load, written.entries("floods"))
    problems += problems_between_floods(floods)
    if worker is not None:
        problems += problems_between(worker, connectors)
    if problems or worker is None:
        if written.unreadable:
            problems = [problem for problem in problems if not problem.message.startswith("required")]
        raise ConfigError(", ".join(str(path) for path in paths) or "configuration", told_once(problems))
    misspelt = [
        Problem(name, f"sets nothing; did you mean {meant}?") for name, meant in misspelt_variables(environ, WorkerSettings)
    ]
    return Deployment(worker, connectors, (*misspelt, *warnings_between(connectors)), lookups, attacks, floods)


def _each(
    load_one: Callable[[str, Mapping[str, Any], Mapping[str, Any]], T | None],
    written: tuple[Mapping[str, Mapping[str, Any]], Mapping[str, Mapping[str, Any]]],
) -> tuple[T, ...]:
    """Load the entries of a section, leaving out those with which something is wrong."""
    entries, flags = written
    loaded = (load_one(name, entry, flags.get(name, {})) for name, entry in entries.items())
    return tuple(each for each in loaded if each is not None)


def load_worker(paths: Sequence[Path], *, overrides: Sequence[str] = (), environ: Mapping[str, str]) -> WorkerSettings:
    """Read what a deployment says of the worker and nothing else: for tools that ask no vendor, whatever is wrong with the rest.

    Args:
        paths: As for `load`.
        overrides: As for `load`; those of other sections are passed over.
        environ: As for `load`.

    Raises:
        ConfigError: A file cannot be read, or the worker's settings cannot be used.
    """
    written = collect(paths, overrides)
    problems = [problem for problem in written.problems if not problem.path.startswith(tuple(SECTIONS[1:]))]
    worker = _load_worker(written, environ, problems)
    if problems or worker is None:
        raise ConfigError(", ".join(str(path) for path in paths) or "configuration", told_once(problems))
    return worker


def told_once(problems: Sequence[Problem]) -> list[Problem]:
    """Leave out what is told already, and what is wrong with an option only because its reference stands for nothing."""
    first: dict[str, Problem] = {}
    for problem in problems:
        first.setdefault(problem.path, problem)
    return [
        problem
        for problem in dict.fromkeys(problems)
        if problem is first[problem.path] or not first[problem.path].message.startswith("${")
    ]


def _load_worker(written: Written, environ: Mapping[str, str], problems: list[Problem]) -> WorkerSettings | None:
    layers: list[dict[str, Any]] = []
    for flat in (written.worker_flags, from_environment(environ, WorkerSettings), written.worker):
        given, unresolved = resolve({word: value for word, value in flat.items() if value is not None}, "worker", environ)
        gathered, unknown = gather(given, WorkerSettings)
        known = [word for word, _ in all_words(WorkerSettings)]
        problems += unresolved
        problems += [unknown_word("worker", word, known, otherwise="see docs/reference/worker-options.md") for word in unknown]
        layers.append(gathered)
    flags, environment, files = layers
    try:
        return WorkerSettings.layered(flags=flags, environment=environment, files=files)
    except ValidationError as error:
        problems += problems_of(error, WorkerSettings, "worker", literals("", layers))
        return None


class ConnectorReader:
    """Reads connectors one by one and gathers what is wrong with them."""

    def __init__(self, plugins: Plugins, environ: Mapping[str, str], problems: list[Problem]) -> None:
        self._plugins = plugins
        self._environ = environ
        self._problems = problems

    def load_all(self, name: str, entry: Mapping[str, Any], flags: Mapping[str, Any]) -> list[LoadedConnector]:
        """Give the connector, once for each of its tenants; none when something is wrong with it."""
        written, problems = fan_out({**entry, **{word: flags[word] for word in (TENANTS,) if word in flags}}, path_of(name))
        self._problems += problems
        kept = {word: value for word, value in flags.items() if word != TENANTS}
        loaded = [self.load(name, each, kept) for each in written]
        fanned_out = bool(written) and TENANTS in {*entry, *flags} and "tenant" in written[0]
        return [replace(each, fanned_out=fanned_out) for each in loaded if each is not None]

    def load(self, name: str, entry: Mapping[str, Any], flags: Mapping[str, Any]) -> LoadedConnector | None:
        """Give the connector, or None when something is wrong with it."""
        path = path_of(name)
        before = len(self._problems)
        source = self._source(entry, flags, path)
        own = option_fields(source.config) if source is not None else {}
        flat, twice = flatten(entry, keep=own, path=path)
        self._problems += twice
        if SCHEDULE & flags.keys():
            # A schedule given by a flag replaces that of the file, whichever of its words either uses.
            flat = {word: value for word, value in flat.items() if word not in SCHEDULE}
        given, unresolved = resolve({**flat, **flags}, path, self._environ)
        self._problems += unresolved
        framework, own_words = self._sort(given, own, path, known_source=source is not None)
        options = shape(own_words, source.config) if source is not None else own_words
        hidden = list(literals("", given)) + list(literals("", options))
        chain = read_chain(given, path, hidden)
        untold = {problem.path for problem in unresolved}
        self._problems += [problem for problem in chain.problems if problem.path not in untold]
        framework |= chain.settings
        if source is not None:
            framework = with_defaults(source, framework)
        settings = self._settings(name, framework, options, path, hidden)
        config = self._config(source, options, path, hidden) if source is not None and len(self._problems) >= before else None
        if settings is None or source is None or config is None or len(self._problems) > before:
            return None
        return self._with_streams(settings, source, config, chain, path)

    def _source(self, entry: Mapping[str, Any], flags: Mapping[str, Any], path: str) -> SourceConnector | None:
        flat, _ = flatten(entry)
        wanted = flags.get("connector.class", flat.get("connector.class"))
        if wanted is None or wanted == "":
            return None  # told as a missing option
        (wanted, _) = resolve(str(wanted), path, self._environ)
        try:
            source = self._plugins.load(str(wanted).strip())
        except PermanentError as error:
            self._problems.append(Problem(f"{path}.connector.class", str(error)))
            return None
        shadows = shadowing(source)
        self._problems += [
            Problem(f"{path}.{word}", f"connector {source.name} names an option like the framework's own; it must rename it")
            for word in shadows
        ]
        self._problems += [
            Problem(
                f"{path}.{word}",
                f"connector {source.name} sets a default for it, but there is no such option; it must leave it out",
            )
            for word in unknown_defaults(source)
        ]
        return source

    def _sort(
        self, given: Mapping[str, Any], own: Mapping[str, Any], path: str, *, known_source: bool
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        own_words = {word: value for word, value in given.items() if word in own or word.partition(".")[0] in own}
        others = {word: value for word, value in given.items() if word not in own_words and value is not None}
        rest = {word: value for word, value in others.items() if not is_chain_word(word)}
        framework, unknown = gather(rest, ConnectorSettings)
        if known_source:
            known = [word for word, _ in all_words(ConnectorSettings)] + list(own)
            otherwise = "see 'wellhead connectors describe'"
            self._problems += [unknown_word(path, word, known, otherwise=otherwise) for word in unknown]
        return framework, own_words

    def _settings(
        self, name: str, framework: dict[str, Any], options: Mapping[str, Any], path: str, hidden: Sequence[str]
    ) -> ConnectorSettings | None:
        given_name = framework.pop("name", name)
        if str(given_name).strip() != name:
            self._problems.append(Problem(f"{path}.name", "differs from the key it stands under; leave it out"))
        try:
            return ConnectorSettings.model_validate({**framework, "name": name, "options": options})
        except ValidationError as error:
            self._problems += problems_of(error, ConnectorSettings, path, hidden)
            return None

    def _config(self, source: SourceConnector, options: Mapping[str, Any], path: str, hidden: Sequence[str]) -> Config | None:
        try:
            return source.config.model_validate(options)
        except ValidationError as error:
            self._problems += problems_of(error, source.config, path, hidden)
            return None

    def _with_streams(
        self, settings: ConnectorSettings, source: SourceConnector, config: Config, chain: Chain, path: str
    ) -> LoadedConnector | None:
        try:
            streams = tuple(source.streams_of(config))
        except (WellheadError, ValueError) as error:
            self._problems.append(Problem(path, f"connector {source.name} cannot tell its streams: {error}"))
            return None
        self._problems += unknown_streams(chain.steps, [stream.name for stream in streams], path)
        return LoadedConnector(settings, source, config, streams, chain.steps)


def path_of(name: str) -> str:
    """Give where a connector stands, as problems name it."""
    return f"connectors.{''.join(char if char.isprintable() else '?' for char in name)}"


def shadowing(source: SourceConnector) -> list[str]:
    """Give the options of a source whose names the framework uses, whole or as the start of a dotted word."""
    taken = set(words_of(ConnectorSettings)) | {word.partition(".")[0] for word in words_of(ConnectorSettings)}
    return [word for word in option_fields(source.config) if word in taken]
