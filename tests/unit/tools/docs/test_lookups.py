"""Tests of the generated pages of lookups."""

from pathlib import Path

from wellhead.config.describe import options_of
from wellhead.config.lookup import LookupSettings
from wellhead.consumers.lookup.mapping import Condition, Mapping, Value
from wellhead.consumers.lookup.mappings import load_mapping
from wellhead.consumers.shipped import shipped
from wellhead.telemetry.lookups import ALERTS
from wellhead.tools.docs.lookups import lookup_pages

ROOT = Path(__file__).parents[4]


def pages() -> dict[str, str]:
    return {path.name: text for path, text in lookup_pages(ROOT).items()}


def test_every_option_is_on_its_page():
    """No option, word of a mapping, or shipped column is left out."""
    options, mappings = pages()["lookup-options.md"], pages()["lookup-mappings.md"]
    words = [option.word for option in options_of(LookupSettings) if option.word != "name"]
    assert len(words) > 15
    assert [word for word in words if f"| `{word}` |" not in options] == []
    own = [info.alias or name for model in (Mapping, Condition, Value) for name, info in model.model_fields.items()]
    assert [word for word in own if f"| `{word}` |" not in mappings] == []
    for name in shipped("threatstream", "lookups"):
        assert f"### `threatstream/{name}`" in mappings
        assert all(f"| `{column}` |" in mappings for column in load_mapping(f"threatstream/{name}").mapping.columns)


def test_every_alert_is_explained():
    """The guide says of each alert what it means and what to do."""
    guide = (ROOT / "docs/guide/lookups.md").read_text()
    assert [alert for alert in ALERTS if f"| `{alert}` |" not in guide] == []
