"""Tests of the generated pages of attack grouping."""

from pathlib import Path

from wellhead.config.attacks import AttacksSettings
from wellhead.config.describe import options_of
from wellhead.consumers.attacks.rules import Rule
from wellhead.consumers.shipped import shipped
from wellhead.telemetry.parts import ALERTS
from wellhead.tools.docs.attacks import attack_pages

ROOT = Path(__file__).parents[4]


def pages() -> dict[str, str]:
    return {path.name: text for path, text in attack_pages(ROOT).items()}


def test_every_option_is_on_its_page():
    """No option, word of a rule, or shipped rule is left out."""
    options, rules = pages()["attacks-options.md"], pages()["attack-rules.md"]
    words = [option.word for option in options_of(AttacksSettings) if option.word != "name"]
    assert {"stores.*.url", "redis.password", "serve.mirror.percent"} <= set(words)
    assert [word for word in words if f"| `{word}` |" not in options] == []
    assert [option.word for option in options_of(Rule) if f"| `{option.word}` |" not in rules] == []
    assert [name for name in shipped("wallarm", "attacks") if f"| `wallarm/{name}` |" not in rules] == []


def test_every_alert_is_explained():
    """The guide says of each alert what it means and what to do."""
    guide = (ROOT / "docs/guide/attacks.md").read_text()
    assert [alert for alert in ALERTS if f"| `{alert}` |" not in guide] == []
