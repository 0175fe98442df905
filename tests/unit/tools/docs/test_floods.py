"""Tests of the generated page of flood watches, and of what the guide must say."""

from pathlib import Path
from typing import get_args

from wellhead.config.describe import options_of
from wellhead.config.floods import FloodsSettings
from wellhead.consumers.floods.findings import DetectorName
from wellhead.telemetry.parts import ALERTS
from wellhead.tools.docs.floods import flood_pages

ROOT = Path(__file__).parents[4]
GUIDE = (ROOT / "docs/guide/floods.md").read_text()


def test_every_option_is_on_its_page():
    """Those of limits by destination and gateway among them."""
    ((path, page),) = flood_pages(ROOT).items()
    words = [option.word for option in options_of(FloodsSettings) if option.word != "name"]
    assert path.name == "floods-options.md"
    assert {"limits.established.max", "bypass.allow"} <= set(words)
    assert [word for word in words if f"| `{word}` |" not in page] == []


def test_every_alert_and_detector_is_explained():
    """The guide says of each what it means and what to do."""
    assert [name for name in (*ALERTS, *get_args(DetectorName)) if f"| `{name}` |" not in GUIDE] == []
