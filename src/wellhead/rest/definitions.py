"""Takes connector classes and configurations, gives Connect's definitions, validations and refusals of them; never stores one."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Mapping
from typing import Any, Final

from wellhead import plugins as installed_plugins
from wellhead.api import SourceConnector
from wellhead.config.deployment import LoadedConnector
from wellhead.config.predicates import PREDICATES
from wellhead.config.secrets import MASK
from wellhead.config.single import CLASS, class_of, is_secret_word, load_connector, shown_words
from wellhead.config.transforms import TRANSFORMS
from wellhead.config.worker import WorkerSettings
from wellhead.errors import ConfigError, PermanentError, Problem
from wellhead.plugins import Plugins
from wellhead.rest import refusals
from wellhead.rest.contract import Config, Json
from wellhead.rest.grouping import SHOWN_WITH
from wellhead.rest.options import Definition, framework_options, own_options, step_options

_NO_NAME: Final = "connector"  # stands in for a name that is not given, which is told by itself


class Definitions:
    """What the installed sources can be configured to do, in Connect's words.

    Args:
        worker: Settings a connector must fit together with.
        environ: What `${env:NAME}` in a configuration refers to.
        plugins: The sources there are; the installed ones when None.
    """

    def __init__(self, worker: WorkerSettings, environ: Mapping[str, str], plugins: Plugins | None = None) -> None:
        self._worker = worker
        self._environ = environ
        self._plugins = plugins or installed_plugins.installed()

    def plugins(self, *, connectors_only: bool) -> list[Json]:
        """Give `class`, `type` and `version` of each connector class, and of transforms and predicates if wanted."""
        found = [{"class": name, "type": "source", "version": self._plugins.version_of(name)} for name in self._plugins.names()]
        if connectors_only:
            return found
        own = importlib.metadata.version("wellhead")
        found += [{"class": name, "type": "transformation", "version": own} for name in TRANSFORMS]
        return found + [{"class": name, "type": "predicate", "version": own} for name in PREDICATES]

    def config_of(self, plugin: str) -> list[Json]:
        """Give the definitions of a class's options, its own first.

        Raises:
            ApiError: 404, there is no such class.
        """
        name = class_of(plugin, self._plugins, self._environ)
        if name is None:
            raise refusals.unknown_plugin(plugin)
        source = self._plugins.load(name)
        return [each.as_json() for each in (*own_options(source), *framework_options(source, self._plugins.names()))]

    def validate(self, plugin: str, config: Config) -> Json:
        """Give every option with its value and what is wrong with it.

        Raises:
            ApiError: 400, the configuration's class is missing, unknown or another one than `plugin`.
        """
        given = config.get(CLASS)
        if not given:
            raise refusals.no_class_given(config.get("name") or "")
        name = self._class(given)
        if class_of(plugin, self._plugins, self._environ) != name:
            raise refusals.other_class(given, plugin)
        source = self._plugins.load(name)
        problems = self._problems(config.get("name") or _NO_NAME, config)
        if not config.get("name"):
            problems = [each for each in problems if each.path != "name"] + [Problem("name", "required")]
        return self._validation(plugin, source, config, problems)

    def accept(self, name: str, config: Config) -> tuple[dict[str, str], tuple[LoadedConnector, ...]]:
        """Give a configuration as it is to be stored, `name` included, and what it loads as.

        Args:
            name: The connector's name as the address or the body has it, possibly empty.
            config: Its words; None among them counts as not given.

        Raises:
            ApiError: 400, it cannot be used; every reason is told.
        """
        given_name = config.get("name")
        if given_name is not None and given_name.strip() != name:
            raise refusals.other_name(given_name, name)
        given = config.get(CLASS)
        if not given:
            raise refusals.no_class_given(name)
        source = self._plugins.load(self._class(given))
        words = {word: value for word, value in config.items() if value is not None} | {"name": name}
        lost = [word for word, value in words.items() if MASK in value]
        if lost:  # somebody sends what was shown of another connector, or of one that is gone
            told = f"{MASK} stands for a stored secret, and none is stored"
            raise refusals.invalid([f"Invalid value {MASK} for configuration {word}: {told}" for word in lost])
        try:
            return words, load_connector(name, words, self._worker, self._environ, self._plugins)
        except ConfigError as error:
            raise refusals.invalid([self._told(each, words, source) for each in error.problems]) from None

    def _class(self, given: str) -> str:
        name = class_of(given, self._plugins, self._environ)
        if name is None:
            raise refusals.no_class(given, self._plugins.names())
        try:
            self._plugins.load(name)
        except PermanentError as error:
            raise refusals.invalid([f"Invalid value {given} for configuration {CLASS}: {error}"]) from error
        return name

    def _problems(self, name: str, config: Config) -> list[Problem]:
        try:
            load_connector(name, config, self._worker, self._environ, self._plugins)
        except ConfigError as error:
            return list(error.problems)
        return []

    def _validation(self, plugin: str, source: SourceConnector, config: Config, problems: list[Problem]) -> Json:
        defined = list(framework_options(source, self._plugins.names(), config))
        defined += [*step_options(config), *own_options(source, config)]
        names = {each.name for each in defined}
        shown = shown_words(config, self._environ, self._plugins)
        values = {each.name: shown.get(each.name, each.default) for each in defined}
        errors: dict[str, list[str]] = {}
        for problem in problems:
            errors.setdefault(problem.path, []).append(self._told(problem, config, source))
        strangers = [word for word in errors if word not in names]
        configs = [
            {"definition": each.as_json(), "value": _value(each.name, each.read(values[each.name]), errors, values, each)}
            for each in defined
        ] + [{"definition": None, "value": _value(word, shown.get(word), errors, values, None)} for word in strangers]
        groups = dict.fromkeys(each.group for each in defined)
        return {"name": plugin, "error_count": sum(map(len, errors.values())), "groups": list(groups), "configs": configs}

    def _told(self, problem: Problem, config: Config, source: SourceConnector) -> str:
        """Put a problem as Connect would."""
        word, message = problem.path, problem.message
        if word == "name" and not config.get("name") and message != "required":
            return "Invalid value  for configuration name: String may not be empty"
        if message.startswith("required"):
            return f'Missing required configuration "{word}" which has no default value.'
        if message.startswith(("unknown option", "is a word of Kafka Connect")):
            return f"Configuration is not defined: {word}; {message.removeprefix('unknown option; ')}"
        shown = shown_words(config, self._environ, self._plugins).get(word)
        return f"Invalid value {MASK if is_secret_word(word, source) else shown} for configuration {word}: {message}"


def _value(
    word: str,
    value: str | None,
    errors: Mapping[str, list[str]],
    values: Mapping[str, str | None],
    definition: Definition | None,
) -> Json:
    other, wanted = SHOWN_WITH.get(word, ("", None))
    return {
        "name": word,
        "value": value,
        "recommended_values": list(definition.recommended) if definition is not None else [],
        "errors": errors.get(word, []),
        "visible": other not in values or values[other] == wanted,
    }


def errors_of(validation: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a validation found wrong."""
    for checked in validation["configs"]:
        yield from checked["value"]["errors"]
