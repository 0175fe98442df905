"""Takes what a benchmark measured, gives its JSON file and a table with the bars; never says more than was measured."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Number = int | float
_PACKAGES = ("confluent-kafka", "fastavro", "isal", "polars", "pyarrow", "pyruhvro")


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure must reach: at least `least`, or at most `most`."""

    figure: str
    least: float | None = None
    most: float | None = None

    def met_by(self, value: float) -> bool:
        """Say whether `value` reaches the bar."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def __str__(self) -> str:
        return f">= {self.least:g}" if self.least is not None else f"<= {self.most:g}"


@dataclass(frozen=True, slots=True)
class Report:
    """One benchmark's outcome."""

    name: str
    ratios: Mapping[str, Number]
    figures: Mapping[str, Number]
    conditions: Mapping[str, object]
    bars: Sequence[Bar] = field(default=())

    def write(self, path: Path | None) -> None:
        """Write the JSON file where one is wanted."""
        if path is None:
            return
        document = {
            "name": self.name,
            "ratios": self.ratios,
            "figures": self.figures,
            "conditions": self.conditions,
            "bars": [{"figure": bar.figure, "bar": str(bar), "met": bar.met_by(self.value(bar))} for bar in self.bars],
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=2) + "\n")

    def value(self, bar: Bar) -> float:
        """The measured value a bar is about."""
        return float(self.ratios[bar.figure] if bar.figure in self.ratios else self.figures[bar.figure])

    def show(self) -> None:
        """Print ratios and figures, and which bar is met."""
        print(f"\n{self.name}: conditions")
        for name, condition in self.conditions.items():
            print(f"  {name:<34} {condition}")
        bars = {bar.figure: bar for bar in self.bars}
        for title, numbers in (("ratios", self.ratios), ("figures", self.figures)):
            print(f"{self.name}: {title}")
            for name, number in numbers.items():
                bar = bars.get(name)
                verdict = "" if bar is None else f"  bar {bar!s:<10} {'met' if bar.met_by(float(number)) else 'NOT MET'}"
                print(f"  {name:<38} {number:>12,.6g}{verdict}")


def machine() -> dict[str, object]:
    """Give what anyone needs to know to compare figures."""
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "loadavg": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in _PACKAGES},
    }
