"""Takes series over time, gives a picture of them, one panel a series, as an SVG; knows no plotting library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

WIDTH, PANEL, LEFT, TOP = 760, 150, 70, 24


@dataclass(frozen=True, slots=True)
class Curve:
    """One panel: minutes and values; its axis goes from 0 to a round number above the highest."""

    title: str
    points: Sequence[tuple[float, float]]
    colour: str


def draw(curves: Sequence[Curve], path: Path) -> None:
    """Write the picture."""
    height = PANEL * len(curves) + TOP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    last = max(minutes for curve in curves for minutes, _ in curve.points)
    for number, curve in enumerate(curves):
        parts += _panel(curve, number * PANEL + TOP, last)
    for tick in range(7):
        minutes = last * tick / 6
        parts.append(f'<text x="{_x(minutes, last):.1f}" y="{height - 6}" text-anchor="middle">{minutes:.3g} min</text>')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*parts, "</svg>"]) + "\n")


def _panel(curve: Curve, top: float, last: float) -> list[str]:
    most = _round(max(value for _, value in curve.points))
    bottom = top + PANEL - 46
    parts = [f'<text x="{LEFT}" y="{top - 6:.0f}" fill="{curve.colour}">{curve.title}</text>']
    for value in (0, most / 2, most):
        y = bottom - (bottom - top) * value / most
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - 20}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    points = " ".join(f"{_x(at, last):.1f},{bottom - (bottom - top) * value / most:.1f}" for at, value in curve.points)
    parts.append(f'<polyline points="{points}" fill="none" stroke="{curve.colour}" stroke-width="1.8"/>')
    return parts


def _round(value: float) -> float:
    step = 10.0 ** max(len(str(int(value))) - 1, 0)
    return max(ceil(value / step) * step, 1.0)


def _x(minutes: float, last: float) -> float:
    return LEFT + (WIDTH - LEFT - 30) * minutes / (last or 1)
