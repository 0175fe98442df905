"""Takes calls on lookup files of one Falcon tenant, gives the vendor's answers through its own SDK; never retries anything but a stale token."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cached_property
from http import HTTPStatus
from typing import Any, BinaryIO, Final

import requests
from falconpy import NGSIEM, OAuth2

from connectors.ngsiem.answers import UnclearError, broken, host_of, refusal, status_of
from connectors.ngsiem.options import NgsiemConfig
from connectors.ngsiem.session import StreamingSession
from wellhead import PermanentError, TemporaryError
from wellhead.targets import BlockingClock, LookupFile

CONTENT_PATH: Final = "/ngsiem-content/entities/lookupfiles/v1"
USER_AGENT: Final = "wellhead"


class _Account(OAuth2):
    """The SDK's token keeper; one that was given an address keeps it.

    The SDK alone leaves a given address for the region's public one as soon as an answer tells a region.
    """

    pinned_url: str | None = None

    def login(self) -> dict[str, Any] | bool:
        try:
            return super().login()
        finally:
            if self.pinned_url is not None:
                self.base_url = self.pinned_url


class FalconClient:
    """Lookup files of one tenant. Every method gives an answer whose status is good, or raises.

    Args:
        options: The tenant and which generation of its API.
        clock: Time for what an answer asks to wait.
        session: The HTTP session; a test gives one that leads elsewhere.
    """

    def __init__(self, options: NgsiemConfig, clock: BlockingClock, session: StreamingSession | None = None) -> None:
        self._options = options
        self._clock = clock
        self._session = session or StreamingSession()
        pinned = options.base_url or (None if options.cloud == "auto" else options.cloud)
        self._account = _Account(
            client_id=options.client_id,
            client_secret=options.client_secret.get_secret_value(),
            member_cid=options.member_cid,
            base_url=pinned or "auto",
            ssl_verify=options.tls_verify,
            timeout=(options.connect_timeout_secs, options.read_timeout_secs),
            user_agent=USER_AGENT,
            session=self._session,
        )
        self._account.pinned_url = self._account.base_url if pinned else None

    @cached_property
    def _api(self) -> Any:
        # The SDK logs in when this is made, and keeps to itself how that went: so it is made once there is a token.
        return NGSIEM(auth_object=self._account)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    @contextlib.contextmanager
    def download(self, name: str) -> Iterator[requests.Response | None]:
        """Open a download that has not been read yet; None when the vendor has no such file.

        Raises:
            TemporaryError: The vendor cannot say now.
            PermanentError: It refuses.
        """
        fetch = self._fetch_content if self._options.api == "content" else self._fetch_humio
        answer = self._call(f"looking at {name}", lambda: fetch(name), passing=HTTPStatus.NOT_FOUND)
        try:
            yield None if status_of(answer) == HTTPStatus.NOT_FOUND else answer
        finally:
            answer.close()

    def upload(self, file: LookupFile, *, replace: bool) -> None:
        """Send a whole file.

        Args:
            file: The file.
            replace: Whether the vendor has one of that name; only the content API wants to know.

        Raises:
            UnclearError: Nobody can say whether it was taken.
            TemporaryError: It was not taken; worth another try.
            PermanentError: It is refused.
        """
        doing = f"uploading {file.name} ({file.nbytes:,} bytes)"
        if not file.path.is_file():
            raise TemporaryError(f"ngsiem: {doing}: {file.path} is gone; nothing was sent, the next run builds it anew")
        self._session.filename = file.name
        if self._options.api == "humio":
            given = {"repository": self._options.repository, "lookup_file": str(file.path)}
            self._call(doing, lambda: self._api.upload_file(**given))
            return
        if replace and self._send("update_lookup_file", file, doing, passing=HTTPStatus.NOT_FOUND):
            return
        self._send("create_lookup_file", file, doing)

    def _send(self, how: str, file: LookupFile, doing: str, *, passing: int | None = None) -> bool:
        def operation() -> None:
            with file.path.open("rb") as opened:
                getattr(self._api, how)(filename=file.name, file=opened, search_domain=self._options.search_domain)

        return status_of(self._call(doing, operation, passing=passing)) != passing

    def upsert(self, name: str, part: BinaryIO, key_columns: tuple[str, ...]) -> bool:
        """Send rows to be added to a file, or to replace those of the same key; False when the vendor has no such file.

        Raises:
            TemporaryError: Worth another try.
            PermanentError: They are refused.
        """
        self._session.filename = name

        def operation() -> None:
            part.seek(0)
            self._api.update_lookup_file_entries(
                filename=name,
                file=part,
                search_domain=self._options.search_domain,
                update_mode="update",
                key_columns=",".join(key_columns),
                ignore_case="false",
            )

        answer = self._call(f"sending changed rows of {name}", operation, passing=HTTPStatus.NOT_FOUND)
        return status_of(answer) != HTTPStatus.NOT_FOUND

    def _fetch_content(self, name: str) -> None:
        # The SDK's own call would read the whole file into memory to tell its size.
        self._session.get(
            f"{self._account.base_url}{CONTENT_PATH}",
            params={"filename": name, "search_domain": self._options.search_domain},
            headers={**self._account.auth_headers, "User-Agent": USER_AGENT},
            timeout=self._account.timeout,
            verify=self._account.ssl_verify,
            allow_redirects=False,
            stream=True,
        )

    def _fetch_humio(self, name: str) -> None:
        self._api.get_file(repository=self._options.repository, filename=name, stream=True)

    def _call(self, doing: str, operation: Callable[[], object], *, passing: int | None = None) -> requests.Response:
        """Make one call with a valid token, once more with a new one when the vendor refuses the token.

        Args:
            doing: What is done, for messages.
            operation: The call; its result and errors are the SDK's reading of what the session remembers.
            passing: A status that is given to the caller in place of an error.
        """
        if self._account.token_stale:
            self._login(doing)
        answer = self._once(doing, operation)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            self._login(doing)
            answer = self._once(doing, operation)
        status = status_of(answer)
        if status < HTTPStatus.MULTIPLE_CHOICES or status == passing:
            return answer
        answer.close()
        raise refusal(answer, status, doing, self._options, self._clock.now_ms())

    def _login(self, doing: str) -> None:
        asking = f"{doing}: asking for a token"
        answer = self._once(asking, self._account.login)
        if answer.status_code == HTTPStatus.CREATED and self._account.token_value:
            return
        refused = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
        if answer.status_code in refused:
            raise PermanentError(
                f"ngsiem: {asking}: {answer.status_code} from {self._host}: the API client is refused. Check ngsiem.client_id and "
                "ngsiem.client_secret, ngsiem.cloud, and the client's IP allow list"
            )
        status = answer.status_code if answer.status_code >= HTTPStatus.MULTIPLE_CHOICES else HTTPStatus.BAD_GATEWAY
        raise refusal(answer, status, asking, self._options, self._clock.now_ms())

    def _once(self, doing: str, operation: Callable[[], object]) -> requests.Response:
        self._session.forget()
        try:
            operation()
        except Exception as error:  # noqa: BLE001 - the SDK also raises where it cannot parse an answer, which is judged by its status
            if self._session.answer is None:
                raise broken(self._session.error or error, doing, self._host) from None
        if self._session.answer is None:
            # The SDK makes results of its own out of what it could not do; they are no answers.
            if self._session.error is None:
                raise UnclearError(f"ngsiem: {doing}: the SDK gave up before it asked {self._host}; it is tried again")
            raise broken(self._session.error, doing, self._host) from None
        return self._session.answer

    @property
    def _host(self) -> str:
        return host_of(self._account.base_url)
