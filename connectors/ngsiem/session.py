"""Takes the vendor SDK's requests, gives them to the network with files read from disk as they are sent; never holds a file in memory."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

import requests
from urllib3.fields import RequestField

_BLOCK_BYTES: Final = 1 << 16


class FormBody:
    """A `multipart/form-data` body: text fields, then one file in a part named `file`. It can be read once.

    Args:
        fields: The text fields.
        filename: What the file is called there.
        file: The open file; its size is taken now.
    """

    def __init__(self, fields: Mapping[str, str], filename: str, file: BinaryIO) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        parts = [RequestField(name, value) for name, value in fields.items()]
        for part in parts:
            part.make_multipart()
        heads = "".join(f"--{boundary}\r\n{part.render_headers()}{part.data!s}\r\n" for part in parts)
        last = RequestField("file", b"", filename=filename)
        last.make_multipart(content_type="text/csv")
        self._head = f"{heads}--{boundary}\r\n{last.render_headers()}".encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._file = file
        self._size = len(self._head) + _size_of(file) + len(self._tail)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        while block := self._file.read(_BLOCK_BYTES):
            yield block
        yield self._tail


def _size_of(file: BinaryIO) -> int:
    at = file.tell()
    end = file.seek(0, 2)
    file.seek(at)
    return end - at


class StreamingSession(requests.Session):
    """The session the SDK is given: it streams uploads and remembers how the last request ended.

    The SDK alone would hold a file of 200 MB in memory twice, would name it after its local path, and would put
    the fields of a form into the URL only.

    Attributes:
        filename: What the next uploaded file is called at the vendor.
        answer: The answer to the last request, or None.
        error: Why the last request had none, or None.
    """

    def __init__(self) -> None:
        super().__init__()
        self.filename = ""
        self.answer: requests.Response | None = None
        self.error: Exception | None = None
        # A file's size is told by Content-Length, which with a compressed body would be that of the transfer.
        self.headers["Accept-Encoding"] = "identity"
        # Without this a machine's .netrc would replace the bearer token.
        self.auth = _as_it_is

    def forget(self) -> None:
        """Forget how the last request ended, so that a call which makes none is not taken for it."""
        self.answer = self.error = None

    def request(self, method: str, url: str, **given: Any) -> requests.Response:  # type: ignore[override]  # passes all on
        self.forget()
        files = given.pop("files", None)
        try:
            self.answer = super().request(method, url, **(self._streamed(files, given) if files else given))
        except Exception as error:
            self.error = error
            raise
        return self.answer

    def _streamed(self, files: Any, given: dict[str, Any]) -> dict[str, Any]:
        source = dict(files)["file"]
        file: BinaryIO = source[1] if isinstance(source, tuple) else source
        fields = {**(given.get("params") or {}), **(given.get("data") or {})}
        body = FormBody({name: str(value) for name, value in fields.items()}, self.filename, file)
        headers = {**(given.get("headers") or {}), "Content-Type": body.content_type}
        return {**given, "data": body, "headers": headers}


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
