"""Takes the options of flood watches as the code declares them, gives their reference page; never touches prose."""

from __future__ import annotations

from pathlib import Path

from wellhead.config.describe import options_of
from wellhead.config.floods import FloodsSettings
from wellhead.tools.docs.markdown import OPTION_HEAD, option_rows, page, table


def flood_pages(root: Path) -> dict[Path, str]:
    """Give the generated pages of flood watches, by path."""
    return {root / "docs" / "reference" / "floods-options.md": options_page()}


def options_page() -> str:
    """Give the page of the options of one entry."""
    options = [option for option in options_of(FloodsSettings) if option.word != "name"]
    return page(
        "Floods options",
        [
            (
                "Every entry has these, under `floods: <name>:` in a file; `destinations` and `gateways` are lists. "
                "On the command line: `--set floods.<name>.<option>=<value>`. How to use them: [the guide](../guide/floods.md)."
            ),
            "",
            *table(OPTION_HEAD, option_rows(options)),
        ],
    )
