"""Takes lags by name, draws how many of a hundred are over after how long, on a logarithmic axis, as an SVG; knows no plotting library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log10
from pathlib import Path

WIDTH, HEIGHT, LEFT, BOTTOM = 760, 320, 60, 50
COLOURS = ("#0b7285", "#c92a2a")
SHORTEST, LONGEST = 0.01, 1000.0


def plot(lags: Mapping[str, Sequence[float]], path: Path) -> None:
    """Write the picture."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for secs in (0.01, 0.1, 1, 10, 100, 1000):
        parts.append(f'<line x1="{_x(secs):.1f}" y1="20" x2="{_x(secs):.1f}" y2="{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        parts.append(f'<text x="{_x(secs):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{secs:g} s</text>')
    for percent in (0, 50, 99):
        parts.append(f'<line x1="{LEFT}" y1="{_y(percent):.1f}" x2="{WIDTH - 20}" y2="{_y(percent):.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{_y(percent) + 4:.1f}" text-anchor="end">{percent} %</text>')
    for number, ((name, each), colour) in enumerate(zip(lags.items(), COLOURS, strict=False)):
        ordered = sorted(each)
        points = " ".join(f"{_x(secs):.1f},{_y(100 * (at + 1) / len(ordered)):.1f}" for at, secs in enumerate(ordered))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        parts.append(f'<text x="{LEFT + 10 + 300 * number}" y="{HEIGHT - 8}" fill="{colour}">{name}</text>')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*parts, "</svg>"]) + "\n")


def _x(secs: float) -> float:
    share = log10(min(max(secs, SHORTEST), LONGEST) / SHORTEST) / log10(LONGEST / SHORTEST)
    return LEFT + share * (WIDTH - LEFT - 20)


def _y(percent: float) -> float:
    return HEIGHT - BOTTOM - percent / 100 * (HEIGHT - BOTTOM - 20)
