import pytest
from pydantic import ValidationError

from wellhead.config.access import AccessSettings


def test_alone_it_listens_on_this_machine_only():
    """Without a word, nothing beyond this machine can ask anything."""
    made = AccessSettings()
    assert (made.listeners, made.probe_listeners, made.access_control_allow_origin) == ("http://127.0.0.1:8083", "", "")


def test_several_addresses():
    """Addresses stand with commas between them, with or without TLS, and are tidied."""
    assert AccessSettings(listeners=" http://127.0.0.1:1 , https://:2/").listeners == "http://127.0.0.1:1,https://:2/"


@pytest.mark.parametrize("word", ["http://127.0.0.1", "ftp://a:1", "http://a:1,", "a:1", "http://a:99999", "http://a:1/x"])
def test_what_is_no_address(word):
    """Anything but scheme, host and port is refused."""
    for field in ("listeners", "probe_listeners"):
        with pytest.raises(ValidationError, match="must be addresses"):
            AccessSettings(**{field: word})


def test_roles_of_certificates():
    """Each common name has its role; names may hold spaces and dots."""
    made = AccessSettings(rest_auth_roles="alice=admin, Probe 1.example=read-only,*=operator")
    assert made.roles() == {"alice": "admin", "Probe 1.example": "read-only", "*": "operator"}


@pytest.mark.parametrize("roles", ["alice", "alice=root", "=admin", "a=admin,,b=admin", "a=admin;b=admin"])
def test_roles_that_make_no_sense(roles):
    """A role nobody knows, or a name without one, is refused rather than passed over."""
    with pytest.raises(ValidationError, match="must be common names and roles"):
        AccessSettings(rest_auth_roles=roles)
