"""Where calls go: the region's address, or the one that was given."""

from __future__ import annotations

import pytest
import requests
from requests.adapters import HTTPAdapter

from connectors.ngsiem.session import StreamingSession
from wellhead.errors import TemporaryError


class Detour(HTTPAdapter):
    """Leads every host to one address, and remembers which were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.address = ""
        self.hosts: list[str] = []

    def send(self, request: requests.PreparedRequest, *args, **kwargs):
        scheme, _, rest = request.url.partition("://")
        host, _, path = rest.partition("/")
        self.hosts.append(f"{scheme}://{host}")
        request.url = f"{self.address}/{path}"
        return super().send(request, *args, **kwargs)


@pytest.fixture
def detour():
    return Detour()


@pytest.fixture
def session(detour):
    made = StreamingSession()
    made.mount("https://", detour)
    return made


def test_the_region_that_the_vendor_names_is_followed(tenant, file, session, detour):
    """With `auto` the token is asked of us-1, everything else of the tenant's region."""
    place = tenant(settings={"region": "eu-1"}, session=session, base_url=None)
    detour.address = place.url
    place.target.put(file())
    assert detour.hosts[0] == "https://api.crowdstrike.com"
    assert set(detour.hosts[1:]) == {"https://api.eu-1.crowdstrike.com"}


def test_a_region_that_is_given_is_kept(tenant, file, session, detour):
    """Whatever the vendor says."""
    place = tenant(settings={"region": "eu-1"}, session=session, base_url=None, cloud="us-2")
    detour.address = place.url
    place.target.put(file())
    assert set(detour.hosts) == {"https://api.us-2.crowdstrike.com"}


def test_an_address_that_is_given_is_kept(tenant, file, session, detour):
    """The SDK alone would take a token from a private address to the public cloud."""
    place = tenant(settings={"region": "us-2"}, session=session)
    place.target.put(file())
    place.clock.advance(3_600)
    place.target.put(file())
    assert detour.hosts == []
    assert place.tokens == 2


def test_a_tenant_that_cannot_be_reached_is_a_matter_of_time(tenant, file):
    """A refused connection says so, with the host."""
    place = tenant(base_url="http://127.0.0.1:9")
    with pytest.raises(TemporaryError, match=r"127.0.0.1:9: the connection was refused; nothing of it was taken"):
        place.target.put(file())


def test_a_netrc_file_does_not_replace_the_token(tenant, file, tmp_path, monkeypatch):
    """The HTTP library would send its password in place of the bearer token."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    place = tenant()
    place.target.put(file())
    assert place.kept() is not None
