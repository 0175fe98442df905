"""Takes the options of attack grouping and the words of its rules as the code declares them, gives their reference pages; never touches prose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wellhead.config.attacks import AttacksSettings
from wellhead.config.describe import options_of
from wellhead.consumers.attacks.rules import Rule, load_rule
from wellhead.consumers.shipped import shipped
from wellhead.tools.docs.markdown import OPTION_HEAD, codes, option_rows, page, table

_FOLDER = "attacks"


def attack_pages(root: Path) -> dict[Path, str]:
    """Give the generated pages of attack grouping, by path."""
    reference = root / "docs" / "reference"
    ours = sorted(folder.parent.name for folder in (root / "connectors").glob(f"*/{_FOLDER}"))
    return {reference / "attacks-options.md": options_page(), reference / "attack-rules.md": rules_page(ours)}


def options_page() -> str:
    """Give the page of the options of one entry."""
    options = [option for option in options_of(AttacksSettings) if option.word != "name"]
    return page(
        "Attacks options",
        [
            (
                "Every entry has these, under `attacks: <name>:` in a file; `stores.*` stands for each store's own name. "
                "On the command line: `--set attacks.<name>.<option>=<value>`. How to use them: [the guide](../guide/attacks.md)."
            ),
            "",
            *table(OPTION_HEAD, option_rows(options)),
        ],
    )


def rules_page(connectors: list[str]) -> str:
    """Give the page of a rule's words, and of the rules these connectors ship."""
    body = [
        (
            "A rule is a YAML file that says which hits are one attack. `wellhead config check` names file, line and field of whatever "
            "is wrong with one. How rules work: [the guide](../guide/attacks.md)."
        ),
        "",
        *table(OPTION_HEAD, option_rows(options_of(Rule))),
        "",
    ]
    for connector in connectors:
        body += _shipped(connector)
    return page("Attack rules", body[:-1])


def _shipped(connector: str) -> Iterator[str]:
    yield from (f"## Shipped with `{connector}`", "")
    rules = [(name, load_rule(f"{connector}/{name}")[0]) for name in shipped(connector, _FOLDER)]
    rows = (
        [
            f"`{connector}/{name}`",
            codes(rule.by),
            f"{rule.gap_secs} s",
            f"more than {rule.over} in {rule.within_secs} s" if rule.is_burst else "the first hit",
            rule.description,
        ]
        for name, rule in rules
    )
    yield from table(["Rule", "Equal", "Gap", "Begins with", "Meaning"], rows)
    yield ""
