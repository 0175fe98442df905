"""Takes credentials, asks the portal for its list of hourly files, tells whether it lets us in; never touches the sync session."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urljoin

from wellhead import PermanentError
from wellhead.http import HttpClient

_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_ONE_FILE = {"type": "hour", "start": "0", "limit": "1", "startDate": "0", "endDate": "0", "api": ""}


async def ask_list(http: HttpClient, url: str, headers: Mapping[str, str]) -> str:
    """Ask for the name of one hourly file.

    Args:
        http: The client.
        url: Address of the SyncAPI, beside which the list is.
        headers: The credentials.

    Returns:
        What was asked.

    Raises:
        TemporaryError: The portal is busy or failing.
        PermanentError: The credentials or the address are refused.
    """
    answer = await http.get(urljoin(url, "list"), params=_ONE_FILE, headers=headers)
    if answer.status in _REFUSED:
        raise refused(f"{answer.call}: {answer.status}")
    answer.raise_for_status()
    return "its list of hourly files"


def refused(what: str) -> PermanentError:
    """Give the error of credentials that are not accepted."""
    return PermanentError(
        f"{what}: the API credentials are refused. Set the options `username` and `password` to a pair made in the portal "
        "with access to Reporting Access Logs."
    )
