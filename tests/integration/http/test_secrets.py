"""I6: no secret reaches a log, an error or a repr of this room."""

import io
import logging
import traceback

import pytest

from wellhead import PermanentError, TemporaryError

pytestmark = pytest.mark.anyio

SECRET = "s3same/open &now"
SPELLINGS = ("s3same", "open &now", "open+%26now", "%26now")
HEADERS = {
    "Authorization": f"Bearer {SECRET}",
    "X-APIUsername": SECRET,
    "X-APIPassword": SECRET,
    "Cookie": f"sid={SECRET}",
    "X-Harmless": f"but holds {SECRET}",
}


async def test_nothing_shows_a_secret(serve, client_lab, tmp_path):
    """With everything traced and every logger at debug, secrets in URL, query, path, headers and bodies show nowhere."""
    captured = io.StringIO()
    handler = logging.StreamHandler(captured)
    loggers = [logging.getLogger(name) for name in ("", "httpx", "httpcore", "httpcore.http11", "httpcore.connection")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    loggers[0].addHandler(handler)
    statuses = iter([200, 500, 302, 401, 400])

    async def script(connection, request):
        if request.target.startswith("/cut"):
            await connection.say(f"HTTP/1.1 200 {SECRET}\r\ncontent-length: 100\r\n\r\n{SECRET}".encode())
            return connection.close()
        if request.target.startswith("/nonsense"):
            await connection.say(f"{SECRET}\r\n\r\n".encode())
            return connection.close()
        location = f"http://u:{SECRET.replace(' ', '').replace('/', '')}@127.0.0.2/x"
        return await connection.answer(next(statuses), SECRET.encode(), set_cookie=SECRET, location=location)

    seen: list[str] = []
    async with serve(script) as server, client_lab(secrets=(SECRET,), trace=True, retry_max_attempts=1) as lab:
        base = server.url.replace("http://", "http://user:s3same@")
        for _ in range(5):
            response = await lab.client.get(f"{base}/p/{SECRET}", params={"token": SECRET}, headers=HEADERS)
            seen.append(repr(response))
            try:
                response.raise_for_status()
            except (TemporaryError, PermanentError):
                seen.append(traceback.format_exc())
        for path in ("cut", "nonsense"):
            try:
                async with lab.client.download(
                    f"{base}/{path}", params={"t": SECRET}, headers=HEADERS, into=tmp_path
                ) as answer:
                    seen.append(repr(answer))
            except TemporaryError:
                seen.append(traceback.format_exc())
        seen.append(repr(lab.calls))
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
    loggers[0].removeHandler(handler)

    shown = "\n".join([*seen, captured.getvalue()])
    assert shown.count("'http call'") == 7
    assert len([text for text in seen if "Error" in text]) == 6
    assert "/p/***" in shown
    assert [spelling for spelling in SPELLINGS if spelling in shown] == []
    assert "but holds ***" in shown


@pytest.mark.parametrize("value", ["s3same-open\n", " s3same-open", "s3säme-open", "s3same\r\nX-Evil: 1"])
async def test_a_header_that_cannot_be_sent_is_named_without_its_value(serve, client_lab, value):
    """A secret with a trailing line break, as files have, gives an error that names the header and no more."""

    async def script(connection, request):
        await connection.answer()

    async with serve(script) as server, client_lab() as lab:
        with pytest.raises(PermanentError, match="value of header X-APIPassword has a line break") as caught:
            await lab.client.get(server.url, headers={"X-APIPassword": value})
    assert server.requests == []
    assert "s3" not in str(caught.value)
