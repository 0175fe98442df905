"""Takes names of faults and how often they strike, gives yes or no for each chance to strike, never knows what a fault does."""

from __future__ import annotations

import difflib
import random
import re
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wellhead.errors import ConfigError, Problem

SPEC = re.compile(r"(?P<name>[a-z][a-z0-9_]*)(:(?P<count>\d+|\*))?(@(?P<after>\d+))?(~(?P<probability>[01]?\.?\d+))?")


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """One armed fault, written `NAME[:COUNT][@AFTER][~PROBABILITY]`.

    Attributes:
        name: Which fault.
        count: How many times it strikes before it is spent; None means for ever (written `*`).
        after: How many chances pass unharmed first.
        probability: How likely each later chance is to strike.
    """

    name: str
    count: int | None = 1
    after: int = 0
    probability: float = 1.0

    @classmethod
    def parse(cls, text: str) -> FaultSpec:
        """Read `abort`, `abort:2`, `abort:*~0.1` or `http_503:3@5`.

        Raises:
            ConfigError: The text is not of that form.
        """
        match = SPEC.fullmatch(text)
        if match is None or float(match["probability"] or 1) > 1:
            raise ConfigError("faults", [Problem(text, "write NAME[:COUNT][@AFTER][~PROBABILITY], such as abort:2@1")])
        count = match["count"]
        return cls(
            match["name"],
            count=None if count == "*" else int(count or 1),
            after=int(match["after"] or 0),
            probability=float(match["probability"] or 1),
        )

    def __str__(self) -> str:
        count = "*" if self.count is None else str(self.count)
        after = f"@{self.after}" if self.after else ""
        probability = f"~{self.probability:g}" if self.probability < 1 else ""
        return f"{self.name}:{count}{after}{probability}"


@dataclass(slots=True)
class _Armed:
    spec: FaultSpec
    chances: int = 0
    struck: int = 0

    @property
    def spent(self) -> bool:
        return self.spec.count is not None and self.struck >= self.spec.count


def require_known(spec: FaultSpec, known: Mapping[str, str]) -> None:
    """Refuse a fault that `known` does not list, naming the closest one that it does.

    Raises:
        ConfigError: The name is not in `known`.
    """
    if spec.name in known:
        return
    near = difflib.get_close_matches(spec.name, known, n=1)
    meant = f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(sorted(known))}"
    raise ConfigError("faults", [Problem(spec.name, f"no such fault{meant}")])


class Faults:
    """The switches of one simulator: armed by name, taken one chance at a time, the same for the same seed. Thread-safe.

    Attributes:
        known: Every fault that may be armed, with one sentence on what it does.
        struck: How often each has struck so far.
    """

    def __init__(self, known: Mapping[str, str], *, seed: int) -> None:
        self.known = dict(known)
        self.struck: Counter[str] = Counter()
        self._armed: dict[str, _Armed] = {}
        self._random = random.Random(seed)  # noqa: S311 - chance that must repeat, not secrecy
        self._lock = threading.Lock()

    def arm(self, fault: str | FaultSpec) -> FaultSpec:
        """Switch a fault on, in place of an earlier one of that name.

        Raises:
            ConfigError: No such fault, or not of the form of a fault.
        """
        spec = FaultSpec.parse(fault) if isinstance(fault, str) else fault
        require_known(spec, self.known)
        with self._lock:
            self._armed[spec.name] = _Armed(spec)
        return spec

    def disarm(self, name: str | None = None) -> None:
        """Switch one fault off, or all of them."""
        with self._lock:
            if name is None:
                self._armed.clear()
            else:
                self._armed.pop(name, None)

    def take(self, name: str) -> bool:
        """Use one chance of `name` to strike, and tell whether it does."""
        with self._lock:
            armed = self._armed.get(name)
            if armed is None or armed.spent:
                return False
            armed.chances += 1
            if armed.chances <= armed.spec.after or self._random.random() >= armed.spec.probability:
                return False
            armed.struck += 1
            self.struck[name] += 1
            return True

    def first(self, names: Iterable[str]) -> str | None:
        """Give the first of `names` that strikes now; the chances of those after it are not used."""
        return next((name for name in names if self.take(name)), None)

    def armed(self) -> list[FaultSpec]:
        """Give the faults that can still strike."""
        with self._lock:
            return [armed.spec for armed in self._armed.values() if not armed.spent]
