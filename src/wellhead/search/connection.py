"""Takes a store's settings, gives the official client's transport with its logins and trust, silent and orjson-minded; never retries what is not safe."""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import urlsplit

import certifi
import orjson
import urllib3
from opensearchpy import Transport, Urllib3HttpConnection
from opensearchpy.exceptions import SerializationError
from opensearchpy.serializer import JSONSerializer

from wellhead.config.store import StoreSettings
from wellhead.errors import PermanentError

_CONNECT_SECS = 5.0
_CONNECTIONS = 32
# A node that failed is asked again after so long, and after at most four times as long.
_DEAD_SECS = 5.0
_DEAD_DOUBLINGS = 2
_OTHER_NODE = (502, 503, 504)


def open_transport(settings: StoreSettings, connection: type[Urllib3HttpConnection] | None = None) -> Transport:
    """Give the transport to all nodes of `settings.url`; nothing is asked yet.

    Raises:
        PermanentError: A certificate file cannot be used.
    """
    hosts = [_host(url) for url in settings.url]
    trusted = _trust(settings) if any(host["use_ssl"] for host in hosts) else None
    login: dict[str, Any] = {"ssl_context": trusted} if trusted is not None else {}
    if settings.api_key is not None:
        login["headers"] = {"authorization": f"ApiKey {settings.api_key.get_secret_value()}"}
    elif settings.username is not None and settings.password is not None:
        login["http_auth"] = (settings.username, settings.password.get_secret_value())
    return Transport(
        hosts,
        connection_class=connection or StoreConnection,
        serializer=OrJson(),
        # A kept connection may have been closed meanwhile, so even a single node is asked twice. All that is written may be written twice.
        max_retries=max(1, len(hosts) - 1),
        retry_on_status=_OTHER_NODE if len(hosts) > 1 else (),
        pool_maxsize=_CONNECTIONS,
        dead_timeout=_DEAD_SECS,
        timeout_cutoff=_DEAD_DOUBLINGS,
        timeout=urllib3.Timeout(connect=min(_CONNECT_SECS, settings.timeout_secs), read=settings.timeout_secs),
        verify_hostname=settings.verify_hostname,
        **login,
    )


def _host(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 9200)
    return {"host": parts.hostname, "port": port, "use_ssl": secure, "url_prefix": parts.path.strip("/")}


def _trust(settings: StoreSettings) -> ssl.SSLContext:
    authorities = str(settings.ca_file) if settings.ca_file is not None else certifi.where()
    try:
        context = ssl.create_default_context(cafile=authorities)
    except OSError as error:  # ssl.SSLError is one
        raise PermanentError(
            f"ca.file {authorities}: {_why(error)}; give a readable PEM file of certificate authorities"
        ) from None
    if settings.cert_file is not None:
        try:
            context.load_cert_chain(settings.cert_file, settings.key_file)
        except OSError as error:
            raise PermanentError(
                f"cert.file {settings.cert_file}, key.file {settings.key_file}: {_why(error)}; give a readable PEM certificate and its key, "
                "without a passphrase"
            ) from None
    return context


def _why(error: OSError) -> str:
    return "it holds no usable PEM" if isinstance(error, ssl.SSLError) else str(error.strerror)


class StoreConnection(Urllib3HttpConnection):
    """One node; says nothing by itself, as whoever asked says what failed."""

    def __init__(self, *, verify_hostname: bool = True, **options: Any) -> None:
        self._verify_hostname = verify_hostname
        super().__init__(**options)

    def _create_urllib3_pool(self) -> None:
        super()._create_urllib3_pool()
        if not self._verify_hostname:
            self.pool.assert_hostname = False

    def log_request_success(self, *_told: Any, **_named: Any) -> None:
        return

    def log_request_fail(self, *_told: Any, **_named: Any) -> None:
        return

    def _raise_warnings(self, warning_headers: Any) -> None:
        """Leave out what the store deprecates: what each version understands stands in the table of dialects."""


class OrJson(JSONSerializer):
    """JSON both ways; bytes and texts that are serialized already go as they are."""

    def dumps(self, data: Any) -> Any:
        return data if isinstance(data, (bytes, str)) else orjson.dumps(data)

    def loads(self, s: str) -> Any:
        try:
            return orjson.loads(s)
        except orjson.JSONDecodeError as error:
            raise SerializationError("the answer is no JSON") from error
