"""Takes a number of rows and a folder, gives access logs in every form the contestants read; the same seed gives the same lines.

Run as a process of its own (`python -m benchmarks.corpus ROWS FOLDER`), so that its memory is not counted as anyone else's.
"""

from __future__ import annotations

import json
import sys
import time
import zipfile
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars as pl

MEMBERS = 8
TRAILER = b"X-sync-token: finished\r\nX-sync-status: done\r\n"
FIELDS = (
    "x-bluecoat-request-tenant-id date time x-bluecoat-appliance-name time-taken c-ip cs-userdn cs-auth-groups x-exception-id "
    "sc-filter-result cs-categories cs(Referer) sc-status s-action cs-method rs(Content-Type) cs-uri-scheme cs-host cs-uri-port "
    "cs-uri-path cs-uri-query cs-uri-extension cs(User-Agent) s-ip sc-bytes cs-bytes"
)
"""The first 26 of the vendor's default fields."""

HEADER = f"#Version: 1.0\n#Software: EAR 2.6\n#Fields: {FIELDS}\n".encode()
_GZIP_WINDOW_BITS = 31
_GZIP_LEVEL = 6
_HOUR_SECS = 3600


@dataclass(frozen=True, slots=True)
class Corpus:
    """The same rows in three forms.

    Attributes:
        rows: How many lines hold a record.
        text: Plain lines without headers.
        packed: One gzip file of several members, each beginning with its header lines.
        archive: What the vendor answers: a ZIP of those members with the sync trailer behind it.
        text_bytes: Size of `text`.
        packed_bytes: Size of `packed`.
    """

    rows: int
    text: Path
    packed: Path
    archive: Path
    text_bytes: int
    packed_bytes: int

    def as_json(self) -> str:
        return json.dumps({name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()})

    @classmethod
    def from_json(cls, text: str) -> Corpus:
        """Read what `as_json` wrote."""
        given = json.loads(text)
        paths = {name: Path(given[name]) for name in ("text", "packed", "archive")}
        return cls(**{**given, **paths})


def write(rows: int, folder: Path, *, members: int = MEMBERS, seed: int = 26, now_secs: float | None = None) -> Corpus:
    """Write a corpus of `rows` rows; their times end at the current hour, so that no topic's retention takes them."""
    folder.mkdir(parents=True, exist_ok=True)
    last_hour = int(time.time() if now_secs is None else now_secs) // _HOUR_SECS
    counts = [rows // members + (member < rows % members) for member in range(members)]
    names, packed = [], []
    with ThreadPoolExecutor(2) as pool, (folder / "plain.log").open("wb") as text:
        jobs = []
        for member, count in enumerate(counts):
            start_secs = (last_hour - members + member) * _HOUR_SECS
            lines = lines_of(count, start_secs, np.random.default_rng((seed, member)))
            text.write(lines)
            names.append(f"cloud_18000_{time.strftime('%Y%m%d%H%M%S', time.gmtime(start_secs))}.log.gz")
            jobs.append(pool.submit(gzipped, HEADER + lines))
        text_bytes = text.tell()
        packed = [job.result() for job in jobs]
    (folder / "packed.log.gz").write_bytes(b"".join(packed))
    _write_archive(folder / "answer.bin", names, packed)
    return Corpus(
        rows, folder / "plain.log", folder / "packed.log.gz", folder / "answer.bin", text_bytes, sum(map(len, packed))
    )


def gzipped(text: bytes) -> bytes:
    """Give `text` as one gzip member."""
    packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW_BITS)
    return packer.compress(text) + packer.flush()


def _write_archive(path: Path, names: Sequence[str], packed: Sequence[bytes]) -> None:
    with path.open("wb") as body:
        with zipfile.ZipFile(body, "w", zipfile.ZIP_STORED) as archive:
            for name, member in zip(names, packed, strict=True):
                archive.writestr(name, member)
        body.seek(0, 2)
        body.write(TRAILER)


def lines_of(count: int, start_secs: int, chance: np.random.Generator) -> bytes:
    """Write `count` lines of one hour."""
    import polars as pl  # noqa: PLC0415 - half a second to import; only the process that writes needs it

    frame = pl.DataFrame(_columns(count, start_secs, chance))
    written: str = frame.select(pl.concat_str(pl.all(), separator=" ")).write_csv(include_header=False, quote_style="never")
    return written.encode()


def _columns(count: int, start_secs: int, chance: np.random.Generator) -> dict[str, pl.Series]:
    pools = _Pools(count, chance)
    secs = start_secs + np.sort(chance.integers(0, _HOUR_SECS, count))
    stamps = np.datetime_as_string(secs.astype("datetime64[s]"))
    user = [f"user{number:05d}" for number in range(9000)]
    hosts = [f"{name}{number}.{zone}" for number in range(700) for name in ("www", "cdn", "api") for zone in _ZONES]
    paths = [f"/{word}/{chance.bytes(8).hex()}.{end}" for _ in range(400) for word, end in _WORDS]
    queries = ["-", *(f"?id={chance.bytes(5).hex()}&lang=en" for _ in range(3000))]
    referers = ["-"] * 2000 + [f"https://{hosts[at]}{paths[at % len(paths)]}" for at in range(3000)]
    columns = {
        "tenant": pools.one_of(["18000"]),
        "when": pools.text(np.char.replace(stamps, "T", " ")),
        "appliance": pools.one_of([f'"DP{number}-GEXMP{number}_proxysg{number}"' for number in range(8)]),
        "taken": pools.number(1, 4000),
        "client": pools.text([f"10.{a}.{b}.{c}" for a, b, c in chance.integers(1, 255, (count, 3))]),
        "user": pools.one_of([f"EXAMPLE\\{name}" for name in user]),
        "groups": pools.one_of(["-", "-", '"EXAMPLE\\Domain Users"', "EXAMPLE\\Staff"]),
        "exception": pools.one_of(["-"] * 9 + ["silent_denied"]),
        "result": pools.one_of(["OBSERVED", "OBSERVED", "PROXIED", "DENIED"]),
        "categories": pools.one_of([f'"{word}"' for word in _CATEGORIES]),
        "referer": pools.one_of(referers),
        "status": pools.one_of(["200", "200", "200", "204", "301", "304", "403", "404", "503"]),
        "action": pools.one_of(["TCP_NC_MISS", "TCP_HIT", "TCP_TUNNELED", "TCP_DENIED"]),
        "method": pools.one_of(["GET", "GET", "GET", "POST", "CONNECT", "HEAD"]),
        "type": pools.one_of(["text/html;%20charset=utf-8", "application/json", "image/png", "text/javascript", "-"]),
        "scheme": pools.one_of(["https", "https", "http", "ssl"]),
        "host": pools.one_of(hosts),
        "port": pools.one_of(["443", "443", "80", "8443"]),
        "path": pools.one_of(paths),
        "query": pools.one_of(queries),
        "extension": pools.one_of(["html", "js", "png", "-", "json"]),
        "agent": pools.one_of([f'"{_AGENT.format(major=major, build=major * 37)}"' for major in range(60, 130)]),
        "server": pools.one_of([f"203.0.113.{number}" for number in range(1, 255)]),
        "sent": pools.number(0, 90_000),
        "received": pools.number(200, 4000),
    }
    assert len(columns) + 1 == len(FIELDS.split()), "date and time stand in one of the columns"
    return columns


_ZONES = ("example.org", "example.net", "example.com", "test.example")
_WORDS = (("docs", "html"), ("static", "js"), ("img", "png"), ("api", "json"))
_CATEGORIES = (
    "Technology/Internet",
    "Email;Business/Economy",
    "Content Delivery Networks",
    "Shopping",
    "News/Media",
    "Uncategorized",
)
_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:{major}.0) Gecko/20100101 Firefox/{major}.0.{build}"


class _Pools:
    """Draws columns of `count` values."""

    def __init__(self, count: int, chance: np.random.Generator) -> None:
        self._count = count
        self._chance = chance

    def one_of(self, pool: Sequence[str]) -> pl.Series:
        import polars as pl  # noqa: PLC0415

        return pl.Series(pool).gather(self._chance.integers(0, len(pool), self._count))

    def number(self, low: int, high: int) -> pl.Series:
        import polars as pl  # noqa: PLC0415

        return pl.Series(self._chance.integers(low, high, self._count)).cast(pl.String)

    def text(self, values: Sequence[str] | np.ndarray[tuple[int, ...], np.dtype[np.str_]]) -> pl.Series:
        import polars as pl  # noqa: PLC0415

        return pl.Series(list(values))


if __name__ == "__main__":
    print(write(int(sys.argv[1]), Path(sys.argv[2])).as_json())
