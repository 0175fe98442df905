"""Delivering to a LogScale repository."""

from __future__ import annotations

import socket
import ssl

import httpx
import pytest

from connectors.logscale.answers import UnclearError, broken, refusal
from connectors.logscale.options import LogscaleConfig
from connectors.logscale.target import LogscaleTarget
from wellhead.errors import PermanentError, TemporaryError
from wellhead.targets import RowChanges, ThreadClock

SAME_SIZE = '"192.0.2.2","b"\n'
OPTIONS = LogscaleConfig(url="https://cloud.invalid", token="simulated", repository="threat-intel")
NOW_MS = 1_767_225_600_000


def test_a_file_goes_up_whole_under_its_own_name(cluster, file):
    """One upload, one look; a file of that name is replaced."""
    place = cluster()
    place.target.put(file())
    place.target.put(file(SAME_SIZE))
    files = "/api/v1/repositories/threat-intel/files"
    assert place.calls() == [f"POST {files} 200", f"GET {files}/ip.csv 200"] * 2
    assert place.kept() == file(SAME_SIZE).path.read_bytes()


def test_an_address_may_have_a_path(cluster, file):
    """A cluster behind a proxy stands under a prefix; a slash at the end makes no difference."""
    place = cluster()
    options = {"token": "simulated-logscale-token", "repository": "sandbox"}
    for url in (f"{place.url}/", f"{place.url}/logscale"):
        with LogscaleTarget(LogscaleConfig(url=url, **options), place.clock) as target:
            assert target.size_of("ip.csv") is None
    assert [record.path for record in place.simulator.requests] == [
        "/api/v1/repositories/sandbox/files/ip.csv",
        "/logscale/api/v1/repositories/sandbox/files/ip.csv",
    ]


def test_a_repository_is_one_part_of_the_path(cluster, file):
    """A name with odd characters is escaped, and told as written when it is not there."""
    place = cluster(repository="a%2Fb")
    with pytest.raises(PermanentError, match=r"404 from .*there is no repository a%2Fb that the token can see"):
        place.target.put(file())
    assert place.calls() == ["POST /api/v1/repositories/a%2Fb/files 404"]


def test_a_refused_token_says_which_option(cluster, file):
    """And does not show it."""
    place = cluster(token="mistyped-token")
    with pytest.raises(PermanentError, match=r"401 from 127.0.0.1:\d+: the token is refused. Set logscale.token") as error:
        place.target.put(file())
    assert "mistyped-token" not in f"{error.value!r}{place.target.options!r}"


def test_an_upload_that_was_taken_but_answered_500_is_not_sent_again(cluster, file):
    """The bytes there are the proof."""
    place = cluster()
    place.simulator.arm("taken_but_500:*")
    place.target.put(file())
    assert len(place.simulator.shelf.uploads) == 1


def test_a_500_is_no_success_even_where_an_old_file_has_the_same_size(cluster, file):
    """A size alone would take the old file for the new one."""
    place = cluster()
    place.target.put(file())
    place.simulator.arm("lost_with_500:*")
    with pytest.raises(TemporaryError, match="500 from"):
        place.target.put(file(SAME_SIZE))


def test_a_file_that_arrived_by_half_is_seen(cluster, file):
    """A good answer is not believed when the size is wrong."""
    place = cluster()
    place.simulator.arm("half_taken:*")
    with pytest.raises(TemporaryError, match=r"after 4 s 14 of its 28 bytes are there"):
        place.target.put(file())


def test_an_upload_may_take_a_while_to_show(cluster, file):
    """It is looked for at growing intervals, and not sent again."""
    place = cluster(verify_secs=30, verify="content", settings={"show_secs": 6})
    place.target.put(file())
    assert place.clock.waits == [1, 2, 4]
    assert len(place.simulator.shelf.uploads) == 1


def test_a_download_that_is_cut_is_never_taken_for_the_file(cluster, file):
    """Content-Length says where it should have ended."""
    place = cluster()
    place.target.put(file())
    place.simulator.arm("cut_body:*")
    with pytest.raises(TemporaryError, match=r"looking at ip.csv: .* the connection was lost"):
        place.target.digest_of("ip.csv")
    assert not place.target.holds(file())


def test_rows_cannot_be_sent(cluster, file):
    """The file API replaces whole files only."""
    place = cluster()
    changed = file()
    assert place.target.patch("ip.csv", RowChanges(changed.path, 1, ("ip",))) is False
    assert place.calls() == []


def test_a_local_file_that_is_gone_is_told(cluster, file):
    """Nothing was sent."""
    place = cluster()
    gone = file()
    gone.path.unlink()
    with pytest.raises(TemporaryError, match="the local file could not be read: No such file"):
        place.target.put(gone)
    assert place.calls() == []


def test_a_file_that_is_no_certificate_is_told_at_once(tmp_path):
    """Before anything is sent."""
    (tmp_path / "ca.pem").write_text("not a certificate")
    options = OPTIONS.model_copy(update={"ca_file": tmp_path / "ca.pem"})
    with pytest.raises(PermanentError, match=r"logscale.ca_file .*ca.pem cannot be read as PEM"):
        LogscaleTarget(options, ThreadClock())


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (302, PermanentError, "Set logscale.url"),
        (400, PermanentError, "Check the file's name and columns"),
        (403, PermanentError, "ChangeFiles"),
        (408, UnclearError, "tried again"),
        (413, PermanentError, "logscale.max_bytes (now 209,715,200)"),
        (429, TemporaryError, "asks to wait"),
        (503, UnclearError, "the cluster failed"),
    ],
)
def test_a_status_says_its_recovery_and_the_next_step(status, kind, words):
    """The host stands in the message; user info, query and body never do."""
    request = httpx.Request("POST", "https://user:pass@cloud.invalid/x?token=abc")
    answer = httpx.Response(status, headers={"Retry-After": "17"}, text="body text", request=request)
    error = refusal(answer, "uploading x.csv", OPTIONS, NOW_MS)
    assert type(error) is kind
    assert words in str(error)
    assert f"{status} from cloud.invalid" in str(error)
    assert not [secret for secret in ("body text", "abc", "pass") if secret in str(error)]
    assert getattr(error, "after_secs", 17) == 17


def _caused(error: httpx.HTTPError, cause: BaseException) -> httpx.HTTPError:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (_caused(httpx.ConnectError("x"), ConnectionRefusedError()), TemporaryError, "refused; nothing of it was taken"),
        (_caused(httpx.ConnectError("x"), socket.gaierror()), TemporaryError, "not found (DNS)"),
        (_caused(httpx.ConnectError("x"), ssl.SSLCertVerificationError()), PermanentError, "logscale.ca_file"),
        (httpx.ConnectTimeout("x"), TemporaryError, "no connection within 10 s"),
        (httpx.ProxyError("x"), TemporaryError, "could not be opened"),
        (httpx.ReadTimeout("x"), UnclearError, "no byte for 300 s"),
        (httpx.RemoteProtocolError("secret words"), UnclearError, "the connection was lost"),
    ],
)
def test_a_call_without_an_answer_says_why(error, kind, words):
    """What was certainly not taken is told apart from what nobody can say; what came over the wire is not quoted."""
    told = broken(error, "uploading x.csv", httpx.URL("https://user:pass@cloud.invalid/x"), OPTIONS)
    assert type(told) is kind
    assert words in str(told)
    assert "secret words" not in str(told)
    assert "pass" not in str(told)
