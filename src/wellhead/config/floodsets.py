"""Takes the entries of the `floods` section, gives each validated, with its limits by destination and gateway; never connects to anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from wellhead.config.entries import EntryReader
from wellhead.config.flatten import flatten
from wellhead.config.floods import DestinationSettings, FloodsSettings, GatewaySettings
from wellhead.config.problems import problems_of
from wellhead.errors import Problem

_LISTS: Mapping[str, type[BaseModel]] = {"destinations": DestinationSettings, "gateways": GatewaySettings}


class FloodsReader(EntryReader[FloodsSettings]):
    """Reads flood watches."""

    section = "floods"
    model = FloodsSettings
    otherwise = "see docs/reference/floods-options.md"

    def _take_apart(self, gathered: dict[str, Any], path: str) -> None:
        for each, model in _LISTS.items():
            gathered[each] = self._overrides(gathered.get(each, ()), model, f"{path}.{each}")

    def _overrides(self, given: Any, model: type[BaseModel], path: str) -> tuple[BaseModel, ...]:
        if not isinstance(given, (list, tuple)):
            self._problems.append(Problem(path, "must be a list of {match: pattern, limits: {...}}"))
            return ()
        return tuple(made for at, each in enumerate(given) if (made := self._override(each, model, f"{path}.{at}")) is not None)

    def _override(self, given: Any, model: type[BaseModel], path: str) -> BaseModel | None:
        if not isinstance(given, Mapping):
            self._problems.append(Problem(path, "must be a mapping with match and limits"))
            return None
        flat, twice = flatten(given, path=path)
        self._problems += twice
        before = len(self._problems)
        gathered = self._gathered(flat, model, path)
        if "limits" not in gathered and len(self._problems) == before:
            self._problems.append(
                Problem(f"{path}.limits", "required: the limits that differ, such as {established.max: 5000}")
            )
        try:
            return model.model_validate(gathered)
        except ValidationError as error:
            self._problems += problems_of(error, model, path)
            return None


def problems_between_floods(floods: Sequence[FloodsSettings]) -> Iterator[Problem]:
    """Yield a problem for each topic or file that two entries would write to."""
    taken: dict[str, str] = {}
    for settings in floods:
        written = {**settings.written_topics(), **({"bypass.file": str(settings.bypass.file)} if settings.bypass.file else {})}
        for word, place in written.items():
            holder = f"{settings.name}.{word}"
            if taken.setdefault(place, holder) != holder:
                yield Problem(f"floods.{holder}", f"is also floods.{taken[place]}; give each its own")
