"""Takes a connector's `transforms` and `predicates` words, gives its transforms in order, or what is wrong; never touches other words."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from wellhead.config.lists import listed
from wellhead.config.model import Settings
from wellhead.config.predicates import PREDICATES, PredicateOptions
from wellhead.config.problems import problems_of
from wellhead.config.secrets import scrub
from wellhead.config.transforms import TRANSFORMS, TransformOptions, TransformStep
from wellhead.errors import Problem

_KINDS: Final = ("transforms", "predicates")
# How Connect writes the types that ours are named after; `$Value` because we change values, never keys.
_CONNECTS_OWN: Final = "org.apache.kafka.connect.transforms."


@dataclass(frozen=True, slots=True)
class Chain:
    """What the words of transforms say.

    Attributes:
        settings: What of it stands in the connector's settings: the aliases in order (without a list, the order they are
            written in), and every other word as written.
        steps: The transforms in order, without those that have a problem.
        problems: What is wrong.
    """

    settings: dict[str, Any]
    steps: tuple[TransformStep, ...]
    problems: tuple[Problem, ...]


def is_chain_word(word: str) -> bool:
    """Tell whether a word is about transforms or predicates."""
    return word.partition(".")[0] in _KINDS


def read_chain(given: Mapping[str, Any], path: str, hidden: Sequence[str] = ()) -> Chain:
    """Read the chain of the connector at `path`; other words in `given` are passed over, `hidden` texts never told."""
    mine = {word: value for word, value in given.items() if is_chain_word(word) and value is not None}
    words = {word: value for word, value in mine.items() if word not in _KINDS}
    lists = {kind: mine.get(kind, tuple(_by_alias(words, kind))) for kind in _KINDS}
    problems: list[Problem] = []
    transforms = _Section("transforms", TRANSFORMS, path, hidden, problems).read(lists, words)
    predicates = _Section("predicates", PREDICATES, path, hidden, problems).read(lists, words)
    steps = []
    for alias, options in transforms.items():
        predicate = predicates.get(options.predicate or "")
        if options.predicate is not None and options.predicate not in _aliases(lists["predicates"]):
            problems.append(
                Problem(
                    f"{path}.transforms.{alias}.predicate",
                    _unknown("predicate", options.predicate, _aliases(lists["predicates"]), "write predicates.<alias>.type"),
                )
            )
        steps.append(TransformStep(alias, options, predicate))
    told = tuple(Problem(problem.path, scrub(problem.message, hidden)) for problem in problems)
    settings = {**lists, "transform_words": words}
    return Chain({word: value for word, value in settings.items() if value}, tuple(steps), told)


def unknown_streams(steps: Iterable[TransformStep], streams: Collection[str], path: str) -> list[Problem]:
    """Give a problem for each stream a transform is for that the connector does not have."""
    return [
        Problem(f"{path}.transforms.{step.alias}.streams", _unknown("stream", name, streams, f"known: {', '.join(streams)}"))
        for step in steps
        for name in step.options.streams or ()
        if name not in streams
    ]


class _Section:
    """Reads the transforms, or the predicates, of one connector."""

    def __init__(
        self, kind: str, types: Mapping[str, type[Any]], path: str, hidden: Sequence[str], problems: list[Problem]
    ) -> None:
        self._kind = kind
        self._noun = kind.removesuffix("s")
        self._types = types
        self._path = f"{path}.{kind}"
        self._hidden = hidden
        self._problems = problems

    def read(self, lists: Mapping[str, Any], words: Mapping[str, Any]) -> dict[str, Any]:
        """Give the options by alias, in the order of the list."""
        aliases, written = _aliases(lists[self._kind]), _by_alias(words, self._kind)
        self._problems += [
            Problem(
                f"{self._path}.{alias}",
                _unknown(
                    self._noun, alias, aliases, "add it to the list or remove its options", f"in the list '{self._kind}' "
                ),
            )
            for alias in written
            if alias not in aliases
        ]
        found = {alias: self._options(alias, written.get(alias, {})) for alias in aliases}
        return {alias: options for alias, options in found.items() if options is not None}

    def _options(self, alias: str, words: Mapping[str, Any]) -> TransformOptions | PredicateOptions | None:
        path = f"{self._path}.{alias}"
        wanted = str(words.get("type", "")).strip()
        known = ", ".join(self._types)
        if not wanted:
            self._problems.append(Problem(f"{path}.type", f"required: which {self._noun} it is; one of {known}"))
            return None
        model: type[Settings] | None = self._types.get(wanted.removeprefix(_CONNECTS_OWN).removesuffix("$Value"))
        if model is None:
            self._problems.append(
                Problem(f"{path}.type", _unknown(f"type of {self._noun}", wanted, self._types, f"known: {known}"))
            )
            return None
        try:
            return model.model_validate(words)  # type: ignore[return-value]
        except ValidationError as error:
            self._problems += problems_of(error, model, path, self._hidden)
            return None


def _aliases(given: Any) -> list[str]:
    found = listed(given)
    return [str(alias) for alias in found] if isinstance(found, tuple) else []


def _by_alias(words: Mapping[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    grouped: dict[str, dict[str, Any]] = {}
    for word, value in words.items():
        if word.startswith(f"{kind}."):
            alias, _, option = word.removeprefix(f"{kind}.").partition(".")
            grouped.setdefault(alias, {})[option] = value
    return grouped


def _unknown(noun: str, name: str, known: Collection[str], otherwise: str, where: str = "") -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"no {noun} {where}is called {name!r}; " + (f"did you mean {close[0]}?" if close else otherwise)
