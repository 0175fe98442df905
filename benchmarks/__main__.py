"""Takes nothing, runs every benchmark in this folder one after the other; exits 0 whether the bars are met or not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

BENCHMARKS = (
    "elff",
    "overhead",
    "memory",
    "indicators",
    "lookups",
    "failover",
    "rest",
    "attacks",
    "push",
    "gateway",
    "sockets",
    "migrate",
)


@click.command()
@click.option("--quick", is_flag=True, help="Small sizes: minutes become seconds, figures become rough.")
@click.option(
    "--json", "folder", type=click.Path(path_type=Path, file_okay=False), help="Write one JSON file each into this folder."
)
def main(*, quick: bool, folder: Path | None) -> None:
    """Run all benchmarks, each in a process of its own."""
    for name in BENCHMARKS:
        options = [*(["--quick"] if quick else []), *([] if folder is None else ["--json", str(folder / f"{name}.json")])]
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *options], check=True)


if __name__ == "__main__":
    main()
