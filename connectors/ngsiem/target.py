"""Takes finished lookup files, gives them to CrowdStrike Falcon Next-Gen SIEM whole or row by row; never takes a failed upload for done."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Final

import requests
from pydantic import BaseModel

from connectors.ngsiem.answers import UnclearError, broken, host_of
from connectors.ngsiem.options import NgsiemConfig
from connectors.ngsiem.pace import Pace
from connectors.ngsiem.rows import parts_of
from wellhead.targets import BlockingClock, CheckedTarget, LookupFile, RowChanges

if TYPE_CHECKING:
    from connectors.ngsiem.client import FalconClient
    from connectors.ngsiem.session import StreamingSession

_CHUNK_BYTES: Final = 1 << 20


class NgsiemTarget(CheckedTarget[NgsiemConfig]):
    """One tenant's lookup files, through the vendor's SDK.

    An upload counts once the vendor holds the file: by default its size is asked for. An answer that leaves it open, such as
    a 500, counts only when the downloaded bytes are the file's. At most 5 uploads begin in 30 s, by the given clock.
    """

    name = "ngsiem"
    title = "CrowdStrike Falcon Next-Gen SIEM"
    config: ClassVar[type[BaseModel]] = NgsiemConfig

    def __init__(self, options: NgsiemConfig, clock: BlockingClock, session: StreamingSession | None = None) -> None:
        super().__init__(options, clock)
        self.max_bytes = options.max_bytes
        self._pace = Pace(clock)
        self._client = _client(options, clock, session)

    def size_of(self, name: str) -> int | None:
        self.require_plain(name)
        with self._client.download(name) as answer:
            if answer is None:
                return None
            length = answer.headers.get("Content-Length", "")
            if length.isdecimal() and "Content-Encoding" not in answer.headers:
                return int(length)
            return sum(map(len, _body_of(answer, name)))

    def put(self, file: LookupFile) -> None:
        self.require_plain(file.name)
        self.require_fit(file)
        replace = self.options.api == "content" and self.size_of(file.name) is not None
        self._pace.await_turn()
        try:
            self._client.upload(file, replace=replace)
        except UnclearError:
            # Some answer 500 to an upload that was taken, others to one that was not: only the bytes there can tell.
            if not self.holds(file):
                raise
            return
        self.confirm(file, self.options.verify, self.options.verify_secs)

    def patch(self, name: str, changes: RowChanges) -> bool:
        self.require_plain(name)
        options = self.options
        nbytes = changes.path.stat().st_size
        too_many = nbytes > options.patch_max_bytes * options.patch_max_parts
        if options.api == "humio" or too_many or any("," in column for column in changes.key_columns):
            return False
        for part in parts_of(changes.path, options.patch_max_bytes):
            self._pace.await_turn()
            if not self._client.upsert(name, part, changes.key_columns):
                return False
        return True

    def close(self) -> None:
        self._client.close()

    def digest_of(self, name: str) -> str | None:
        digest = hashlib.sha256()
        with self._client.download(name) as answer:
            if answer is None:
                return None
            for chunk in _body_of(answer, name):
                digest.update(chunk)
        return digest.hexdigest()


def _client(options: NgsiemConfig, clock: BlockingClock, session: StreamingSession | None) -> FalconClient:
    from connectors.ngsiem.client import FalconClient  # noqa: PLC0415 - the SDK takes half a second, and validation needs none of it

    return FalconClient(options, clock, session)


def _body_of(answer: requests.Response, name: str) -> Iterator[bytes]:
    """Yield a download to its end, which is where its Content-Length says."""
    try:
        yield from answer.iter_content(_CHUNK_BYTES)
    except requests.RequestException as error:
        raise broken(error, f"downloading {name}", host_of(answer.url)) from None
