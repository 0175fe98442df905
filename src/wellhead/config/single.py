"""Takes one connector's words as REST or a topic has them, all text, gives it loaded, shown or refused; never reads a file of connectors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel

from wellhead import plugins as installed_plugins
from wellhead.api import SourceConnector
from wellhead.config.conflicts import problems_between
from wellhead.config.connector import ConnectorSettings
from wellhead.config.deployment import LoadedConnector
from wellhead.config.load import ConnectorReader, path_of, told_once
from wellhead.config.options import option_fields
from wellhead.config.providers import resolve
from wellhead.config.secrets import MASK, is_secret_type, looks_secret, masked
from wellhead.config.worker import WorkerSettings
from wellhead.errors import ConfigError, PermanentError, Problem
from wellhead.plugins import Plugins

Words = Mapping[str, str | None]

CLASS: Final = "connector.class"
_REFERENCE: Final = re.compile(r"(?<!\$)\$\{[^{}]*\}")

# What people bring along from Kafka Connect, and what stands in its place here.
_OF_CONNECT: Final = {
    "key.converter": "leave it out: keys and values are Avro, with the stream's own schema",
    "value.converter": "leave it out: keys and values are Avro, with the stream's own schema",
    "header.converter": "leave it out: headers are text",
    "tasks.max.enforce": "leave it out: there are never more tasks than tasks.max",
    "config.action.reload": "leave it out: references are read whenever a task starts",
    "errors.tolerance": "write on.error=dead_letter (for all) or on.error=stop (for none)",
    "errors.retry.timeout": "write retry.backoff.max.secs and restart.policy; what fails for now is tried again for ever",
    "errors.retry.delay.max.ms": "write retry.backoff.max.secs",
    "errors.log.enable": "leave it out: every dead letter is counted, and its topic holds the reason",
    "errors.log.include.messages": "leave it out: records are never logged",
    "errors.deadletterqueue.context.headers.enable": "leave it out: dead letters always carry these headers",
    "errors.deadletterqueue.topic.replication.factor": "write topic.creation.default.replication.factor",
    "topic.creation.groups": "leave it out: topic.creation.default.* holds for all topics of a connector",
    "topic.creation.enable": "leave it out: topics are created where they are missing",
    "exactly.once.support": "leave it out: every connector is exactly once",
    "offsets.storage.topic": "leave it out: all cursors stand in the worker's offset.storage.topic",
}
_OF_CONNECT_STARTS: Final = {"key.converter.": "key.converter", "value.converter.": "value.converter"}


def load_connector(
    name: str, config: Words, worker: WorkerSettings, environ: Mapping[str, str], plugins: Plugins | None = None
) -> tuple[LoadedConnector, ...]:
    """Give a connector ready to run, once for each of its tenants, which is once when it names none.

    Args:
        name: Its name; `name` among the words must be the same, or missing.
        config: Its words, references unresolved; those that are None count as not given.
        worker: Settings it must fit together with.
        environ: What `${env:NAME}` refers to.
        plugins: The sources to choose from; the installed ones when None.

    Raises:
        ConfigError: Something is wrong; the path of each problem is the word it is about, `connector.class` where none fits better.
    """
    found: list[Problem] = []
    offered = plugins or installed_plugins.installed()
    reader = ConnectorReader(offered, environ, found)
    entry = {word: value for word, value in config.items() if value is not None}
    if CLASS in entry:
        entry[CLASS] = class_of(entry[CLASS], offered, environ) or entry[CLASS]
    loaded = tuple(reader.load_all(name, entry, {}))
    found += problems_between(worker, loaded)
    if found:
        problems = dict.fromkeys(_as_word(problem, name) for problem in told_once(found))
        raise ConfigError(f"connector {path_of(name).partition('.')[2]}", list(problems))
    return loaded


def class_of(wanted: str, plugins: Plugins, environ: Mapping[str, str]) -> str | None:
    """Give the source a class or one of its aliases stands for, as Connect has them: `wss`, `WssSource`, `a.b.WssSourceConnector`.

    None when there is none.
    """
    text = str(resolve(wanted, "", environ)[0]).strip()
    if text in plugins.names():
        return text
    simple = text.rpartition(".")[2]
    for ending in ("", "Connector", "SourceConnector", "Source"):
        alias = _plain(simple.removesuffix(ending)) if simple.endswith(ending) else ""
        found = [name for name in plugins.names() if _plain(name) == alias]
        if found:
            return found[0]
    return None


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def shown_words(config: Words, environ: Mapping[str, str], plugins: Plugins | None = None) -> dict[str, str | None]:
    """Give a connector's words as they may be shown: secrets as `******`, references as they are written."""
    source = _source(config, environ, plugins or installed_plugins.installed())
    return {word: None if value is None else _shown(word, value, source) for word, value in config.items()}


def restored_words(
    config: Words, stored: Words, environ: Mapping[str, str], plugins: Plugins | None = None
) -> dict[str, str | None]:
    """Give words that somebody sends back, with what is stored in place of what was only shown.

    Raises:
        ConfigError: A word holds `******` and is not what was shown of it.
    """
    shown = shown_words(stored, environ, plugins)
    restored = {word: stored.get(word) if word in stored and value == shown[word] else value for word, value in config.items()}
    lost = [word for word, value in restored.items() if value is not None and MASK in value and value != stored.get(word)]
    if lost:
        problem = f"holds {MASK}, which stands for a stored secret only where the value is sent back as it was shown"
        raise ConfigError("connector", [Problem(word, problem) for word in lost])
    return restored


def is_secret_word(word: str, source: SourceConnector | None) -> bool:
    """Tell whether a word, or one it stands inside of, is declared to be a secret, or is called like one."""
    models: list[type[BaseModel]] = [ConnectorSettings, *([source.config] if source is not None else [])]
    return looks_secret(word) or any(_is_declared_secret(word.split("."), model) for model in models)


def _is_declared_secret(parts: list[str], model: type[BaseModel]) -> bool:
    fields = option_fields(model)
    for end in range(len(parts), 0, -1):
        info = fields.get(".".join(parts[:end]))
        if info is None:
            continue
        kinds = list(_kinds(info.annotation))
        inner = [kind for kind in kinds if issubclass(kind, BaseModel)]
        rests = (parts[end:], parts[end + 1 :])  # a mapping of models has a key of its own between
        return any(map(is_secret_type, kinds)) or any(_is_declared_secret(rest, kind) for kind in inner for rest in rests)
    return False


def _kinds(annotation: object) -> Iterator[type[Any]]:
    if isinstance(annotation, type):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _kinds(inner)


def _shown(word: str, value: str, source: SourceConnector | None) -> str:
    if not is_secret_word(word, source):
        inside = _json(value)
        return str(masked("", value)) if inside is None else json.dumps(_shown_inside(word, inside, source))
    # The text around a reference may be half of a secret, so only the references are shown.
    return " ".join(_REFERENCE.findall(value)) or MASK


def _json(value: str) -> Any:
    """Give the list or mapping an option is written as; None when it is neither."""
    if not value.lstrip().startswith(("[", "{")):
        return None
    try:
        return json.loads(value)
    except ValueError:
        return None


def _shown_inside(word: str, value: Any, source: SourceConnector | None) -> Any:
    if isinstance(value, dict):
        return {key: _shown_inside(f"{word}.{key}", inner, source) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shown_inside(word, inner, source) for inner in value]
    if isinstance(value, str):
        return _shown(word, value, source)
    return MASK if is_secret_word(word, source) and not isinstance(value, bool | None) else value


def _source(config: Words, environ: Mapping[str, str], plugins: Plugins) -> SourceConnector | None:
    name = class_of(config.get(CLASS) or "", plugins, environ)
    try:
        return plugins.load(name) if name else None
    except PermanentError:
        return None


def _as_word(problem: Problem, name: str) -> Problem:
    path = path_of(name)
    word = CLASS if problem.path == path else problem.path.removeprefix(f"{path}.").removeprefix("worker.")
    known = next((meant for start, meant in _OF_CONNECT_STARTS.items() if word.startswith(start)), word)
    if known in _OF_CONNECT and problem.message.startswith("unknown option"):
        return Problem(word, f"is a word of Kafka Connect; {_OF_CONNECT[known]}")
    return Problem(word, problem.message)
