"""Takes finished lookup files, gives them to a LogScale repository whole; never takes a failed upload for done."""

from __future__ import annotations

import contextlib
import hashlib
import ssl
from collections.abc import Iterator
from http import HTTPStatus
from typing import ClassVar, Final
from urllib.parse import quote

import httpx
from pydantic import BaseModel

from connectors.logscale.answers import UnclearError, broken, refusal
from connectors.logscale.options import LogscaleConfig
from wellhead import PermanentError, TemporaryError
from wellhead.http.redact import silence_http_libraries
from wellhead.targets import BlockingClock, CheckedTarget, LookupFile

_CHUNK_BYTES: Final = 1 << 20


class LogscaleTarget(CheckedTarget[LogscaleConfig]):
    """The files of one repository, through the file API: a file of the same name is replaced.

    An upload counts once the cluster holds the file: by default its size is asked for. An answer that leaves it open, such as
    a 500, counts only when the downloaded bytes are the file's.
    """

    name = "logscale"
    title = "Falcon LogScale (Humio)"
    config: ClassVar[type[BaseModel]] = LogscaleConfig

    def __init__(self, options: LogscaleConfig, clock: BlockingClock) -> None:
        super().__init__(options, clock)
        silence_http_libraries()
        self.max_bytes = options.max_bytes
        self._http = httpx.Client(
            headers={
                "Authorization": f"Bearer {options.token.get_secret_value()}",
                "User-Agent": "wellhead",
                # A file's size is told by Content-Length, which with a compressed body would be that of the transfer.
                "Accept-Encoding": "identity",
            },
            timeout=httpx.Timeout(options.read_timeout_secs, connect=options.connect_timeout_secs),
            verify=_trust(options),
        )

    def size_of(self, name: str) -> int | None:
        with self._download(name) as answer:
            if answer is None:
                return None
            length = answer.headers.get("Content-Length", "")
            if length.isdecimal() and "Content-Encoding" not in answer.headers:
                return int(length)
            return sum(map(len, answer.iter_bytes(_CHUNK_BYTES)))

    def digest_of(self, name: str) -> str | None:
        digest = hashlib.sha256()
        with self._download(name) as answer:
            if answer is None:
                return None
            for chunk in answer.iter_bytes(_CHUNK_BYTES):
                digest.update(chunk)
        return digest.hexdigest()

    def put(self, file: LookupFile) -> None:
        self.require_plain(file.name)
        self.require_fit(file)
        try:
            self._upload(file)
        except UnclearError:
            # Some answer 500 to an upload that was taken, others to one that was not: only the bytes there can tell.
            if not self.holds(file):
                raise
            return
        self.confirm(file, self.options.verify, self.options.verify_secs)

    def close(self) -> None:
        self._http.close()

    def _files_url(self, rest: str = "") -> httpx.URL:
        return httpx.URL(
            f"{self.options.url.rstrip('/')}/api/v1/repositories/{quote(self.options.repository, safe='')}/files{rest}"
        )

    def _upload(self, file: LookupFile) -> None:
        doing = f"uploading {file.name} ({file.nbytes:,} bytes)"
        url = self._files_url()
        try:
            with file.path.open("rb") as opened:
                answer = self._http.post(url, files={"file": (file.name, opened, "text/csv")})
        except httpx.HTTPError as error:
            raise broken(error, doing, url, self.options) from None
        except OSError as error:
            told = error.strerror or type(error).__name__
            raise TemporaryError(f"logscale: {doing}: the local file could not be read: {told}") from error
        if answer.status_code >= HTTPStatus.MULTIPLE_CHOICES:
            raise refusal(answer, doing, self.options, self.clock.now_ms())

    @contextlib.contextmanager
    def _download(self, name: str) -> Iterator[httpx.Response | None]:
        """Open a download that has not been read yet, by GET because HEAD is not to be relied on; None when there is no such file."""
        self.require_plain(name)
        doing = f"looking at {name}"
        url = self._files_url(f"/{name}")
        try:
            with self._http.stream("GET", url) as answer:
                if answer.status_code == HTTPStatus.NOT_FOUND:
                    yield None
                elif answer.status_code >= HTTPStatus.MULTIPLE_CHOICES:
                    raise refusal(answer, doing, self.options, self.clock.now_ms())
                else:
                    yield answer
        except httpx.HTTPError as error:
            raise broken(error, doing, url, self.options) from None


def _trust(options: LogscaleConfig) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if options.ca_file is None else str(options.ca_file))
    except (OSError, ssl.SSLError) as error:
        raise PermanentError(
            f"logscale: logscale.ca_file {options.ca_file} cannot be read as PEM: {type(error).__name__}"
        ) from error
