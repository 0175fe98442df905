"""One exchange: redirects judged by host, answers always released."""

import asyncio

import httpx
import pytest

from wellhead.http.exchange import exchange


def fetch(pages, url, **headers: str):
    """Give (final status, URLs asked) of a GET against `pages`: URL -> (status, Location)."""
    asked = []

    def handler(request):
        asked.append(str(request.url))
        status, location = pages.get(str(request.url), (200, ""))
        return httpx.Response(status, headers={"location": location} if location else {}, content=body())

    async def body():
        yield b"page"

    async def scene():
        async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
            async with exchange(client, client.build_request("GET", url, headers=headers), "GET x") as response:
                assert not response.is_closed
            assert response.is_closed
            return response.status_code

    return asyncio.run(scene()), asked


@pytest.mark.parametrize(
    ("here", "there", "followed"),
    [
        ("https://v.example/a", "/b", True),
        ("https://v.example/a", "https://v.example:443/b", True),
        ("https://v.example/a", "https://V.EXAMPLE/b", True),
        ("http://v.example/a", "https://v.example/b", True),
        ("https://v.example/a", "http://v.example/b", False),
        ("https://v.example/a", "https://v.example:8443/b", False),
        ("http://v.example:8080/a", "https://v.example/b", False),
        ("https://v.example/a", "https://evil.example/b", False),
        ("https://v.example/a", "//evil.example/b", False),
        ("https://v.example/a", "https://v.example.evil.example/b", False),
        ("https://v.example/a", "https://v.example@evil.example/b", False),
    ],
)
def test_only_the_same_host_is_followed(here, there, followed):
    """Same scheme, host and port are followed, as is the step up to https; anything else comes back as it is."""
    status, asked = fetch({here: (302, there)}, here, authorization="Bearer s3same")
    assert (status, len(asked)) == ((200, 2) if followed else (302, 1))
