"""Takes what is to be read, asks the vendor, gives its pages; never gives an answer that is not whole, nor shows a credential."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import SecretStr

from connectors.wallarm.answer import Page, check, page_in
from wellhead import in_thread
from wellhead.http import HttpClient, Response


class Asking:
    """The vendor's API of one cloud, with credentials.

    Args:
        http: The client of the runtime.
        url: Address of the cloud, without a path.
        token: The API token, or None where the older pair is given.
        uuid: The older pair's first half.
        secret: Its second half.
    """

    def __init__(self, http: HttpClient, url: str, token: SecretStr | None, uuid: str | None, secret: SecretStr | None) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token is not None:
            self._headers["X-WallarmAPI-Token"] = token.get_secret_value()
        elif uuid is not None and secret is not None:
            self._headers |= {"X-WallarmAPI-UUID": uuid, "X-WallarmAPI-Secret": secret.get_secret_value()}

    async def page(self, path: str, body: Mapping[str, Any], name: str, *, what: str = "") -> Page:
        """Ask for a page whose objects stand under `name`.

        Raises:
            TemporaryError: No whole page came.
            PermanentError: The request is refused.
        """
        answer = await self.post(path, body)
        check(answer, what=what)
        return await in_thread(page_in, answer, name)

    async def post(self, path: str, body: Mapping[str, Any]) -> Response:
        """Post a search and give the answer, whatever it is; it changes nothing, so it may be repeated."""
        return await self._http.request(
            "POST", self._url + path, content=orjson.dumps(body), headers=self._headers, idempotent=True
        )

    async def get(self, path: str, params: Mapping[str, str]) -> Response:
        """Get, and give the answer, whatever it is."""
        return await self._http.get(self._url + path, params=params, headers=self._headers)
