"""Proves how a connection is asked for, and which answers events are read from."""

import asyncio

import pytest
from pushed_http import ScriptedHttp, answered

from connectors.push.door import MOST_POSITION_CHARS, Door, ForgottenError
from connectors.push.events import EndedError
from connectors.push.options import PushConfig
from wellhead import PermanentError, TemporaryError

KINDS = ("text/event-stream",)


def opened(http, position="", **options):
    """Open a connection and give what was asked."""
    config = PushConfig(**{"url": "https://push.example/events"} | options)

    async def scenario():
        async with Door(http, config, config.names[0]).open(position, accept=KINDS[0], kinds=KINDS) as answer:
            assert answer.status == 200
        assert http.open == 0

    asyncio.run(scenario())
    return http.asked


def refused(answer, position="", **options):
    """Give what an answer is refused with."""
    http = ScriptedHttp(answer)
    with pytest.raises(Exception) as error:  # noqa: PT011 - the caller looks at which
        opened(http, position, **options)
    assert http.open == 0
    return error.value


def test_what_is_asked_for():
    """The type of a stream is asked for, with credentials and the limits of silence and progress."""
    options = {"token": "hunter22", "headers": {"X-Feed": "9"}, "heartbeat_secs": 2, "expected_event_secs": 60}
    [asked] = opened(ScriptedHttp(answered()), "41", **options)
    assert asked.headers == {
        "Accept": "text/event-stream",
        "Cache-Control": "no-store",
        "X-Feed": "9",
        "Authorization": "Bearer hunter22",
        "Last-Event-ID": "41",
    }
    assert asked.limits == {"silence_secs": 6, "progress_secs": 60}


def test_a_user_and_a_body():
    """A user's name and password are basic authentication, and a POST bears what to subscribe to."""
    options = {"username": "ü", "password": "p:w", "method": "POST", "subscribe": "{}"}
    [asked] = opened(ScriptedHttp(answered()), **options)
    assert asked.headers["Authorization"] == "Basic w7w6cDp3"
    assert (asked.method, asked.content) == ("POST", b"{}")


def test_the_position_in_the_query():
    """Where the position is a query parameter it replaces the one in the address, and is no header."""
    options = {"url": "https://push.example/events?after=0&x=a%20b", "resume": "query", "resume_param": "after"}
    [first] = opened(ScriptedHttp(answered()), "", **options)
    [later] = opened(ScriptedHttp(answered()), "4 1&ü", **options)
    assert first.url == options["url"]
    assert later.url == "https://push.example/events?x=a+b&after=4+1%26%C3%BC"
    assert "Last-Event-ID" not in later.headers


@pytest.mark.parametrize(
    ("position", "resume", "can"),
    [
        ("41", "last_event_id", True),
        ("", "last_event_id", False),
        ("41", "none", False),
        ("ü", "last_event_id", False),
        ("ü", "query", True),
        (" 41", "last_event_id", False),
        ("4\n1", "last_event_id", False),
        ("x" * (MOST_POSITION_CHARS + 1), "query", False),
    ],
)
def test_which_positions_can_be_gone_on_from(position, resume, can):
    """A position that cannot be sent, or that nobody asked to be sent, is none."""
    assert Door(ScriptedHttp(), PushConfig(url="https://push.example/", resume=resume), "default").can_resume(position) is can


def test_a_redirect_is_followed_on_the_same_host():
    """A redirect within the host is followed with everything that was sent."""
    http = ScriptedHttp(answered(status=307, kind=None, location="/other"), answered())
    first, second = opened(http, "41", token="hunter22")
    assert second.url == "https://push.example/other"
    assert second.headers == first.headers


def test_credentials_stay_on_their_host():
    """To another host that is allowed goes no credential, nor back from it."""
    back = answered(status=302, kind=None, location="https://push.example/events")
    away = answered(status=302, kind=None, location="https://other.example/events")
    options = {"token": "hunter22", "headers": {"X-Key": "hunter23"}, "redirect_hosts": "other.example, push.example"}
    asked = opened(ScriptedHttp(away, back, answered()), "41", **options)
    assert [each.headers.get("Authorization") for each in asked] == ["Bearer hunter22", None, None]
    assert [each.headers.get("X-Key") for each in asked] == ["hunter23", None, None]
    assert [each.headers.get("Last-Event-ID") for each in asked] == ["41"] * 3


def test_what_subscribes_stays_on_its_host():
    """A redirect to another host does not take the body along, which may hold a key: it is refused, and says where it leads."""
    away = answered(status=307, kind=None, location="https://other.example/events")
    http = ScriptedHttp(away, answered())
    with pytest.raises(PermanentError, match=r"redirected to other\.example"):
        opened(http, method="POST", subscribe='{"apikey": "hunter22"}', redirect_hosts="other.example")
    assert [each.url for each in http.asked] == ["https://push.example/events"]


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (answered(status=302, kind=None, location="https://other.example/x"), PermanentError, "redirected to other.example"),
        (answered(status=302, kind=None, location="/events"), PermanentError, "more than 5 redirects"),
        (answered(kind="text/html; charset=utf-8"), PermanentError, "'text/html' instead of text/event-stream"),
        (answered(kind=None), PermanentError, "no content type"),
        (answered(status=206), PermanentError, "206, where 200 was expected"),
        (answered(status=401), PermanentError, "credentials were refused"),
        (answered(status=403), PermanentError, "not allowed"),
        (answered(status=404), PermanentError, "nothing is there"),
        (answered(status=410), PermanentError, "nothing is there"),
        (answered(status=429), TemporaryError, "429"),
        (answered(status=503), TemporaryError, "503"),
        (answered(status=204), EndedError, "over"),
    ],
)
def test_an_answer_that_will_not_do(answer, kind, told):
    """Each answer that holds no events is refused by its recovery, in words that say what came."""
    error = refused(answer)
    assert type(error) is kind
    assert told in str(error)


def test_a_type_with_parameters_in_any_case_will_do():
    """The content type counts without its parameters and case."""
    assert opened(ScriptedHttp(answered(kind="Text/Event-Stream;charset=UTF-8")))


@pytest.mark.parametrize("status", [410, 416])
def test_a_position_that_is_forgotten(status):
    """Where a server asked for a position says that it is gone, the position is, not the stream."""
    assert isinstance(refused(answered(status=status), "41"), ForgottenError)
