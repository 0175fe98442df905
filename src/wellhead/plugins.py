"""Takes the entry points of installed packages, gives sources and targets by name, loaded when asked for; never scans folders."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, ClassVar, Final

from wellhead.api import SourceConnector
from wellhead.errors import PermanentError
from wellhead.targets import AnyTarget, LookupTarget

GROUP: Final = "wellhead.connectors"
TARGET_GROUP: Final = "wellhead.targets"


class _Offers:
    """The plug-ins of one kind that a set of entry points offers.

    Args:
        entries: Entry points of the kind's group; one listed twice with the same value counts once.
    """

    kind: ClassVar[str]

    def __init__(self, entries: Iterable[EntryPoint]) -> None:
        self._entries: dict[str, list[EntryPoint]] = {}
        for entry in entries:
            twins = self._entries.setdefault(entry.name, [])
            if all(entry.value != twin.value for twin in twins):
                twins.append(entry)

    def names(self) -> list[str]:
        """Give the names of all that are offered, sorted, without importing any."""
        return sorted(self._entries)

    def module_of(self, name: str) -> str:
        """Give the dotted name of the module a plug-in stands in, without importing it.

        Raises:
            PermanentError: No package offers it, or two do.
        """
        return self._entry(name).module

    def version_of(self, name: str) -> str:
        """Give the version of the package that offers a plug-in, without importing it; `undefined` when it does not say.

        Raises:
            PermanentError: No package offers it, or two do.
        """
        dist = self._entry(name).dist
        return dist.version if dist is not None else "undefined"

    def has_simulator(self, name: str) -> bool:
        """Tell whether a `simulator` module stands beside a plug-in, without importing either."""
        try:
            return importlib.util.find_spec(self._simulator(name)) is not None
        except ModuleNotFoundError:
            return False

    def simulator_of(self, name: str) -> ModuleType:
        """Import the `simulator` module that stands beside a plug-in.

        Raises:
            PermanentError: There is no such plug-in, or it has no simulator.
        """
        target = self._simulator(name)
        try:
            is_there = importlib.util.find_spec(target) is not None
            simulator = importlib.import_module(target) if is_there else None
        except Exception as error:  # as in `_import`
            raise PermanentError(f"{self.kind} {name}: its simulator {target} cannot be loaded: {_cause(error)}") from error
        if simulator is None:
            raise PermanentError(f"{self.kind} {name} has no simulator: there is no module {target}")
        return simulator

    def _simulator(self, name: str) -> str:
        package = self.module_of(name).rpartition(".")[0]
        return f"{package}.simulator" if package else "simulator"

    def _import(self, name: str) -> tuple[Any, str]:
        entry = self._entry(name)
        try:
            return entry.load(), f"{self.kind} {name}: entry point {entry.value}"
        except Exception as error:  # the plug-in's import may raise anything
            raise PermanentError(f"{self.kind} {name}: entry point {entry.value} cannot be loaded: {_cause(error)}") from error

    def _entry(self, name: str) -> EntryPoint:
        entries = self._entries.get(name, [])
        if not entries:
            close = difflib.get_close_matches(name, self.names(), n=1)
            hint = f"did you mean {close[0]}?" if close else f"installed: {', '.join(self.names()) or 'none'}"
            raise PermanentError(f"no {self.kind} is called {name!r}; {hint}")
        if len(entries) > 1:
            raise PermanentError(
                f"{self.kind} {name} is offered twice: {' and '.join(sorted(map(_offer, entries)))}; uninstall one"
            )
        return entries[0]


class Plugins(_Offers):
    """The sources of entry points of the group `wellhead.connectors`."""

    kind = "connector"

    def load(self, name: str) -> SourceConnector:
        """Import one source.

        Raises:
            PermanentError: No package offers it, two do, or it cannot be imported; says which and what to do.
        """
        found, where = self._import(name)
        if not isinstance(found, SourceConnector):
            raise PermanentError(f"{where} must be a SourceConnector, not {type(found).__name__}")
        _require_alike(found.name, name, where)
        return found

    def connectors(self) -> dict[str, SourceConnector]:
        """Import all sources, by name."""
        return {name: self.load(name) for name in self.names()}


class Targets(_Offers):
    """The lookup targets of entry points of the group `wellhead.targets`."""

    kind = "target"

    def load(self, name: str) -> type[AnyTarget]:
        """Import one target's class.

        Raises:
            PermanentError: No package offers it, two do, or it cannot be imported; says which and what to do.
        """
        found, where = self._import(name)
        if not (isinstance(found, type) and issubclass(found, LookupTarget)):
            shown = found.__name__ if isinstance(found, type) else type(found).__name__
            raise PermanentError(f"{where} must be a LookupTarget class, not {shown}")
        _require_alike(found.name, name, where)
        return found


def _require_alike(own: str, name: str, where: str) -> None:
    if own != name:
        raise PermanentError(f"{where} calls itself {own}; name both alike")


def _offer(entry: EntryPoint) -> str:
    return f"{entry.value} (package {entry.dist.name})" if entry.dist is not None else entry.value


def _cause(error: Exception) -> str:
    first = str(error).splitlines()[0] if str(error) else ""
    return f"{type(error).__name__}: {first}".rstrip(": ")


@cache
def installed() -> Plugins:
    """Give the sources of the installed packages; read once a process."""
    return Plugins(entry_points(group=GROUP))


@cache
def installed_targets() -> Targets:
    """Give the lookup targets of the installed packages; read once a process."""
    return Targets(entry_points(group=TARGET_GROUP))


def names() -> list[str]:
    """Give the names of all installed sources, sorted, without importing any."""
    return installed().names()


def load(name: str) -> SourceConnector:
    """Import one installed source; see `Plugins.load`."""
    return installed().load(name)


def connectors() -> dict[str, SourceConnector]:
    """Import all installed sources, by name."""
    return installed().connectors()


def simulated() -> list[str]:
    """Give the names of all installed sources, and of the targets that have a simulator, sorted."""
    targets = installed_targets()
    return sorted({*names(), *filter(targets.has_simulator, targets.names())})


def simulator_of(name: str) -> ModuleType:
    """Import the simulator of one installed source or target; see `Plugins.simulator_of`."""
    is_target = name in installed_targets().names() and name not in names()
    return installed_targets().simulator_of(name) if is_target else installed().simulator_of(name)
