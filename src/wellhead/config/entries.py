"""Takes the entries of a section that are named by their keys, gives each validated; gathers every problem, never connects to anything."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from wellhead.config.flatten import flatten
from wellhead.config.problems import problems_of
from wellhead.config.providers import resolve
from wellhead.config.secrets import literals
from wellhead.config.words import all_words, gather, unknown_word
from wellhead.errors import Problem

SettingsT = TypeVar("SettingsT", bound=BaseModel)


class EntryReader(Generic[SettingsT]):
    """Reads entries one by one and gathers what is wrong with them.

    Args:
        environ: The environment that `${env:NAME}` refers to.
        problems: Where problems are added.
    """

    section: ClassVar[str]
    model: ClassVar[type[BaseModel]]
    otherwise: ClassVar[str]
    """Where the words stand, for whoever wrote one that nobody knows."""
    apart: ClassVar[frozenset[str]] = frozenset()
    """Words that are no words by themselves: what stands under them is taken apart."""

    def __init__(self, environ: Mapping[str, str], problems: list[Problem]) -> None:
        self._environ = environ
        self._problems = problems

    def load(self, name: str, entry: Mapping[str, Any], flags: Mapping[str, Any]) -> SettingsT | None:
        """Give the settings, or None when something is wrong with them."""
        path = f"{self.section}.{shown(name)}"
        before = len(self._problems)
        flat, twice = flatten(entry, path=path)
        self._problems += twice
        given, unresolved = resolve({**flat, **flags}, path, self._environ)
        self._problems += unresolved
        gathered = self._gathered({word: value for word, value in given.items() if value is not None}, self.model, path)
        self._take_apart(gathered, path)
        settings = self._settings(name, gathered, path, literals("", given))
        return settings if len(self._problems) == before else None

    @abstractmethod
    def _take_apart(self, gathered: dict[str, Any], path: str) -> None:
        """Read what stands under the words in `apart`, in place."""

    def _gathered(self, words: Mapping[str, Any], model: type[BaseModel], path: str) -> dict[str, Any]:
        """Give words as the model names them; those nobody knows are told."""
        gathered, unknown = gather(words, model)
        known = [word for word, _ in all_words(model) if word not in self.apart]
        self._problems += [unknown_word(path, word, known, otherwise=self.otherwise) for word in unknown]
        return gathered

    def _settings(self, name: str, gathered: dict[str, Any], path: str, hidden: Iterator[str]) -> SettingsT | None:
        given_name = gathered.pop("name", name)
        if str(given_name).strip() != name:
            self._problems.append(Problem(f"{path}.name", "differs from the key it stands under; leave it out"))
        try:
            return self.model.model_validate({**gathered, "name": name})  # type: ignore[return-value]
        except ValidationError as error:
            self._problems += problems_of(error, self.model, path, hidden)
            return None


def shown(name: str) -> str:
    """Give a name as it may stand in a message."""
    return "".join(char if char.isprintable() else "?" for char in name)
