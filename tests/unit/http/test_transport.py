"""The transport trusts and tunnels as the operator said."""

import pytest

from wellhead import PermanentError
from wellhead.http import HttpSettings
from wellhead.http.sockets import SocketLedger
from wellhead.http.transport import LedgerTransport, trusted_authorities


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file"), ("no pem", "holds no PEM certificate")])
def test_an_unusable_ca_file_is_named(tmp_path, content, reason):
    """A missing or senseless file raises PermanentError with the option's name before any call."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(PermanentError, match=rf"http\.ca\.file .*{reason}"):
        LedgerTransport(HttpSettings(ca_file=path), SocketLedger([]))


def test_clients_share_one_context():
    """The built-in authorities are loaded once: a worker may have a hundred clients."""
    assert trusted_authorities(None) is trusted_authorities(None)


def test_an_unusable_proxy_address_is_not_shown():
    """A proxy URL that passes the first look but not the second raises PermanentError without its password."""
    with pytest.raises(PermanentError, match=r"http\.proxy\.url is no valid URL") as caught:
        LedgerTransport(HttpSettings(proxy_url="http://mole:s3same@proxy:port"), SocketLedger([]))
    assert "s3same" not in str(caught.value)
