"""Takes a lookup file that lies elsewhere, merges pages into it the documented way: fetch it, merge, send it back, once a page.

Run as `python -m benchmarks.naive_lookup REMOTE_FILE WORK_FOLDER PAGES ROWS`. Written with polars; both ends are tmpfs, so that no network
is counted, and the pages come ready made, so that no JSON is.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import polars as pl

from benchmarks.iocs import page_numbers, table

KEY = "dns.domain.name"
FIRST_PAGE = 500_000


def page(number: int, rows: int) -> pl.DataFrame:
    """Give a page in the file's columns."""
    made = pl.DataFrame(table(page_numbers(FIRST_PAGE + number, rows), 1 + number))
    return made.select(
        pl.col("value").alias(KEY),
        pl.col("confidence").cast(pl.String),
        "threat_type",
        "severity",
        "source",
        pl.col("tags").list.join(","),
        pl.col("expiration_ts").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"),
    )


def main(remote: str, work: str, pages: str, rows: str) -> None:
    """Fetch, merge, send back; as often as there are pages."""
    here = Path(work) / "lookup.csv"
    for number in range(int(pages)):
        shutil.copyfile(remote, here)
        held = pl.read_csv(here, infer_schema=False)
        new = page(number, int(rows))
        # Rows that are there stay unless the page has their key; what is new comes at the end.
        pl.concat([held.join(new, on=KEY, how="anti"), new]).write_csv(here, quote_style="always")
        shutil.copyfile(here, f"{remote}.sent")
        Path(f"{remote}.sent").replace(remote)


if __name__ == "__main__":
    main(*sys.argv[1:])
