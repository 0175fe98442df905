"""Takes the entries of the `lookups` section, gives each with its target's options validated; never reads a mapping or makes a target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from wellhead.config.deployment import LoadedLookup
from wellhead.config.flatten import flatten
from wellhead.config.lookup import LookupSettings
from wellhead.config.options import option_fields, shape
from wellhead.config.problems import problems_of
from wellhead.config.providers import resolve
from wellhead.config.secrets import literals
from wellhead.config.words import all_words, gather, unknown_word
from wellhead.errors import PermanentError, Problem
from wellhead.plugins import Targets
from wellhead.targets import AnyTarget


class LookupReader:
    """Reads lookups one by one and gathers what is wrong with them.

    Args:
        targets: The targets to choose from.
        environ: The environment that `${env:NAME}` refers to.
        problems: Where problems are added.
    """

    def __init__(self, targets: Targets, environ: Mapping[str, str], problems: list[Problem]) -> None:
        self._targets = targets
        self._environ = environ
        self._problems = problems

    def load(self, name: str, entry: Mapping[str, Any], flags: Mapping[str, Any]) -> LoadedLookup | None:
        """Give the lookup, or None when something is wrong with it."""
        path = f"lookups.{''.join(char if char.isprintable() else '?' for char in name)}"
        before = len(self._problems)
        flat, twice = flatten(entry, path=path)
        self._problems += twice
        given, unresolved = resolve({**flat, **flags}, path, self._environ)
        self._problems += unresolved
        target = self._target(given, path)
        rest, own = self._sort(given, target, path)
        options = shape(own, target.config) if target is not None else own
        hidden = [*literals("", given), *literals("", options)]
        settings = self._settings(name, rest, options, path, hidden)
        config = self._options(target, options, path, hidden) if target is not None else None
        if settings is None or target is None or config is None or len(self._problems) > before:
            return None
        return LoadedLookup(settings, target, config)

    def _target(self, given: Mapping[str, Any], path: str) -> type[AnyTarget] | None:
        wanted = str(given.get("target") or LookupSettings.model_fields["target"].default).strip()
        try:
            return self._targets.load(wanted)
        except PermanentError as error:
            self._problems.append(Problem(f"{path}.target", str(error)))
            return None

    def _sort(
        self, given: Mapping[str, Any], target: type[AnyTarget] | None, path: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Take apart the builder's words and those under the target's name, without that name."""
        prefixes = {f"{name}.": name for name in self._targets.names()}
        own: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        for word, value in given.items():
            owner = next((name for prefix, name in prefixes.items() if word.startswith(prefix)), None)
            if owner is None:
                rest[word] = value
            elif target is None or owner == target.name:
                own[word.removeprefix(f"{owner}.")] = value
            else:
                self._problems.append(
                    Problem(f"{path}.{word}", f"is an option of the target {owner}, but target is {target.name}; remove one")
                )
        gathered, unknown = gather({word: value for word, value in rest.items() if value is not None}, LookupSettings)
        known = [word for word, _ in all_words(LookupSettings)]
        known += [f"{target.name}.{word}" for word in option_fields(target.config)] if target is not None else []
        otherwise = "see docs/reference/lookup-options.md"
        self._problems += [unknown_word(path, word, known, otherwise=otherwise) for word in unknown]
        return gathered, own

    def _settings(
        self, name: str, gathered: dict[str, Any], options: Mapping[str, Any], path: str, hidden: Sequence[str]
    ) -> LookupSettings | None:
        given_name = gathered.pop("name", name)
        if str(given_name).strip() != name:
            self._problems.append(Problem(f"{path}.name", "differs from the key it stands under; leave it out"))
        try:
            return LookupSettings.model_validate({**gathered, "name": name, "options": options})
        except ValidationError as error:
            self._problems += problems_of(error, LookupSettings, path, hidden)
            return None

    def _options(
        self, target: type[AnyTarget], options: Mapping[str, Any], path: str, hidden: Sequence[str]
    ) -> BaseModel | None:
        try:
            return target.config.model_validate(options)
        except ValidationError as error:
            self._problems += problems_of(error, target.config, f"{path}.{target.name}", hidden)
            return None


def problems_between_lookups(lookups: Sequence[LoadedLookup]) -> Iterator[Problem]:
    """Yield a problem for each folder that two lookups would write to, or that a lookup would deliver to before its guards have looked."""
    taken: dict[Path, str] = {}
    for holder, folder in _folders(lookups):
        first = taken.setdefault(_place(folder), holder)
        if first != holder:
            yield Problem(f"lookups.{holder}", f"is also lookups.{first}; give each a folder of its own")
    for lookup in lookups:
        delivered = getattr(lookup.options, "path", None)
        if isinstance(delivered, Path) and (owner := taken.get(_place(delivered))) is not None:
            yield Problem(
                f"lookups.{lookup.name}.{lookup.target.name}.path",
                f"is also lookups.{owner}; files stand there before the guards have looked at them, so deliver to a folder of its own",
            )


def _folders(lookups: Sequence[LoadedLookup]) -> Iterator[tuple[str, Path]]:
    for lookup in lookups:
        yield f"{lookup.name}.state.dir", lookup.settings.state_dir
        yield f"{lookup.name}.output.dir", lookup.settings.output_dir


def _place(folder: Path) -> Path:
    """Give one name to a folder, however it is written and whatever links lead there."""
    return folder.resolve()
