"""Redirects: followed on the same host only, and nothing is ever carried to another."""

import pytest

from wellhead import PermanentError

pytestmark = pytest.mark.anyio

CREDENTIALS = {"X-APIPassword": "s3same-open", "Authorization": "Bearer s3same-open", "Cookie": "sid=s3same-open"}


async def test_a_redirect_on_the_same_host_is_followed_with_credentials(serve, client_lab):
    """302 to another path of the same host gives that path's answer, headers and cookie included."""

    async def script(connection, request):
        if request.target == "/old":
            return await connection.answer(302, location="/new?page=2")
        return await connection.answer(200, b"here")

    async with serve(script) as server, client_lab() as lab:
        response = await lab.client.get(f"{server.url}/old", headers=CREDENTIALS)
    assert (response.content, response.url) == (b"here", f"{server.url}/new?page=***")
    assert [request.headers["x-apipassword"] for request in server.requests] == ["s3same-open"] * 2
    assert [request.headers["cookie"] for request in server.requests] == ["sid=s3same-open"] * 2


@pytest.mark.parametrize("call", ["get", "download"])
async def test_another_host_is_never_asked(serve, client_lab, tmp_path, call):
    """A redirect to another host is handed back, the other host hears nothing, and the error names it without its query."""

    async def elsewhere(connection, request):
        await connection.answer(200, b"stolen")

    async with serve(elsewhere) as other, client_lab() as lab:

        async def script(connection, request):
            await connection.answer(302, location=f"{other.url}/grab?signature=s3same-open")

        async with serve(script) as server:
            if call == "get":
                response = await lab.client.get(server.url, headers=CREDENTIALS)
            else:
                async with lab.client.download(server.url, headers=CREDENTIALS, into=tmp_path) as response:
                    assert response.size_bytes == 0
    assert (response.status, other.requests) == (302, [])
    with pytest.raises(PermanentError, match=r"redirected to 127\.0\.0\.1, which is not followed") as caught:
        response.raise_for_status()
    assert "s3same-open" not in str(caught.value) + repr(response)


async def test_a_circle_ends(serve, client_lab):
    """A server that redirects to itself is given up after five redirects."""

    async def script(connection, request):
        await connection.answer(307, location="/again")

    async with serve(script) as server, client_lab() as lab:
        with pytest.raises(PermanentError, match="more than 5 redirects"):
            await lab.client.get(server.url)
        assert len(server.requests) == 6
        await lab.client.close_idle()
        await server.becomes_empty()


async def test_a_post_does_not_become_a_get(serve, client_lab):
    """302 on a POST is handed back; 307 repeats the POST with its body."""
    statuses = iter([302, 307, 200])

    async def script(connection, request):
        await connection.answer(next(statuses), location="/other")

    async with serve(script) as server, client_lab() as lab:
        assert (await lab.client.request("POST", server.url, content=b"q")).status == 302
        assert (await lab.client.request("POST", server.url, content=b"q")).status == 200
    assert [(request.method, request.body) for request in server.requests] == [("POST", b"q")] * 3
