"""Takes the address of a worker, shows what every connector does, again and again, until told to stop; changes nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import click

from wellhead.tools.offsets_open import DEFAULT_URL, url_option

if TYPE_CHECKING:
    from rich.console import RenderableType

    from wellhead.clock import Clock

WIDTH: Final = 200  # of what is written to a file
PICTURE_WIDTH: Final = 170
Ask = Callable[[str, str], Any]


@click.command(
    epilog="""\b
Examples:
  wellhead top
  wellhead top --url https://wellhead-0:8083 --every 5
  wellhead top --once > now.txt
  wellhead top --picture now.svg
"""
)
@url_option
@click.option(
    "--every",
    "every_secs",
    metavar="SECS",
    type=click.FloatRange(min=0.5),
    default=2.0,
    show_default=True,
    help="Between two looks.",
)
@click.option("--once", is_flag=True, help="Look once, print and end; so does output that is no terminal.")
@click.option(
    "--picture",
    "picture_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Look twice, write what is seen as an SVG and end: for a report.",
)
def top(url: str | None, *, every_secs: float, once: bool, picture_path: Path | None) -> None:
    """Show what all connectors do, live: state, owner, freshness, rate, dead letters, calls left, and what they say; the worst first.

    Any worker of the group can be asked; http://127.0.0.1:8083 is, unless told otherwise. Ctrl-C ends it.
    """
    import time  # noqa: PLC0415 - the verb is listed without loading what it does

    from rich.console import Console  # noqa: PLC0415
    from rich.live import Live  # noqa: PLC0415

    from wellhead.clock import SystemClock  # noqa: PLC0415
    from wellhead.tools.offsets_rest import open_rest  # noqa: PLC0415

    if picture_path is not None:
        with open_rest(url or DEFAULT_URL) as rest:
            looks = shown(rest.ask, url or DEFAULT_URL, SystemClock())
            next(looks)
            time.sleep(every_secs)
            picture_path.write_text(picture(next(looks)), encoding="utf-8")
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    with open_rest(url or DEFAULT_URL) as rest:
        looks = shown(rest.ask, url or DEFAULT_URL, SystemClock())
        if once or not console.is_terminal:
            console.print(next(looks))
            return
        with contextlib.suppress(KeyboardInterrupt), Live(console=console, screen=True, auto_refresh=False) as live:
            for look in looks:
                live.update(look, refresh=True)
                time.sleep(every_secs)


def shown(ask: Ask, address: str, clock: Clock) -> Iterator[RenderableType]:
    """Yield a picture each time it is asked for one; while no worker answers, the last one and why.

    Args:
        ask: Asks a worker: method and path.
        address: The worker's, for the title.
        clock: What rates are measured by.

    Raises:
        WellheadError: Nobody has answered yet.
    """
    from wellhead.errors import TemporaryError  # noqa: PLC0415 - as above
    from wellhead.tools.top_table import Looks, table  # noqa: PLC0415

    looks, lines, has_looked = Looks(), [], False
    host = address.rpartition("@")[2]
    while True:
        try:
            lines = looks.lines(told_by(ask), clock.monotonic_secs())
            title = f"wellhead: {len(lines)} streams, asked {host}"
        except TemporaryError as error:
            if not has_looked:
                raise
            title = f"wellhead: as it was; {error}"
        has_looked = True
        yield table(lines, title)


def picture(look: RenderableType) -> str:
    """Give what a terminal would show as an SVG that asks nobody for anything."""
    import io  # noqa: PLC0415 - as above
    import re  # noqa: PLC0415

    from rich.console import Console  # noqa: PLC0415

    console = Console(width=PICTURE_WIDTH, file=io.StringIO(), record=True, force_terminal=True, color_system="truecolor")
    console.print(look)
    svg = console.export_svg(title="wellhead top", unique_id="wellhead-top")
    # Rich would have whoever looks at it fetch two fonts.
    return re.sub(r"@font-face \{.*?\}", "", svg, count=2, flags=re.DOTALL)


def told_by(ask: Ask) -> list[Mapping[str, Any]]:
    """Give what a worker tells of each connector."""
    return [ask("GET", f"/connectors/{quote(name, safe='')}/explain") for name in sorted(ask("GET", "/connectors"))]
