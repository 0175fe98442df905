import asyncio
import ssl
from contextlib import asynccontextmanager

import httpx
import pytest
from certificates import Authority
from starlette.responses import PlainTextResponse

from wellhead.config.access import AccessSettings
from wellhead.errors import ConfigError
from wellhead.rest.serving import serve


async def who(scope, receive, send):
    """Answer with the common name of the client's certificate."""
    await PlainTextResponse(scope["state"].get("peer") or "nobody")(scope, receive, send)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


def settings(certificate, key, client_ca=None):
    return AccessSettings(
        rest_tls_certificate=certificate, rest_tls_key=key, rest_tls_client_ca=client_ca, rest_auth_roles="*=admin"
    )


@asynccontextmanager
async def asking(serving, context):
    async with httpx.AsyncClient(verify=context, base_url=serving.urls[0]) as client:
        yield client


def asked(made, context):
    """Give what a server with these settings answers a client with this context."""

    async def ask():
        async with await serve(who, "https://127.0.0.1:0", made) as serving, asking(serving, context) as client:
            return (await client.get("/")).text

    return asyncio.run(ask())


def test_the_client_is_who_its_certificate_says(authority):
    """A verified certificate names its client; without one a connection stands and names nobody."""
    made = settings(*authority.issue("server"), authority.file)
    assert asked(made, authority.trusted_by(authority.issue("alice"))) == "alice"
    assert asked(made, authority.trusted_by()) == "nobody"


def test_a_certificate_of_another_ca_is_refused(authority, tmp_path):
    """A client whose certificate the CA did not sign gets no answer at all."""
    stranger = Authority(tmp_path, "other ca").issue("alice")
    with pytest.raises(httpx.TransportError):
        asked(settings(*authority.issue("server"), authority.file), authority.trusted_by(stranger))


def test_without_a_ca_of_clients_no_certificate_is_believed(authority):
    """Where rest.tls.client.ca is not set, nobody is anybody by certificate."""
    assert asked(settings(*authority.issue("server")), authority.trusted_by(authority.issue("alice"))) == "nobody"


def test_http_and_https_side_by_side(authority):
    """One application answers both schemes, each on its own address."""

    async def ask():
        made = settings(*authority.issue("server"))
        async with (
            await serve(who, "http://127.0.0.1:0,https://127.0.0.1:0", made) as serving,
            httpx.AsyncClient(verify=authority.trusted_by()) as client,
        ):
            return [(url.partition(":")[0], (await client.get(url)).text) for url in serving.urls]

    assert asyncio.run(ask()) == [("http", "nobody"), ("https", "nobody")]


def test_a_new_certificate_is_served_without_a_restart(authority, tmp_path):
    """When the files change, the next connection gets the new certificate; when they cannot be used, what was holds."""
    renewed = Authority(tmp_path, "renewed ca")

    async def ask():
        certificate, key = authority.issue("changing")
        async with await serve(who, "https://127.0.0.1:0", settings(certificate, key)) as serving:

            async def answers(context):
                async with asking(serving, context) as client:
                    return (await client.get("/")).status_code

            before = await answers(authority.trusted_by())
            for old, new in zip((certificate, key), renewed.issue("changing"), strict=True):
                new.replace(old)
            after = await answers(renewed.trusted_by())
            with pytest.raises(httpx.ConnectError):
                await answers(authority.trusted_by())
            key.write_text("no key")
            return before, after, await answers(renewed.trusted_by())

    assert asyncio.run(ask()) == (200, 200, 200)


def test_a_new_ca_of_clients_is_believed_and_the_old_one_no_longer(authority, tmp_path):
    """When rest.tls.client.ca changes, clients of the new CA are known and those of the old one refused."""
    newer = Authority(tmp_path, "newer ca")
    believed = tmp_path / "believed.pem"
    believed.write_bytes(authority.file.read_bytes())

    async def ask():
        async with await serve(who, "https://127.0.0.1:0", settings(*authority.issue("server"), believed)) as serving:

            async def name(client):
                context = authority.trusted_by(client)
                async with asking(serving, context) as asker:
                    return (await asker.get("/")).text

            first = await name(authority.issue("old"))
            believed.write_bytes(newer.file.read_bytes())
            second = await name(newer.issue("new"))
            with pytest.raises(httpx.TransportError):
                await name(authority.issue("old"))
            return first, second

    assert asyncio.run(ask()) == ("old", "new")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "no such file"),
        ("", "cannot be used"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be used"),
    ],
)
def test_files_that_cannot_be_used(authority, tmp_path, content, told):
    """What is wrong with a certificate or a CA is told before anything listens."""
    certificate, key = authority.issue("server")
    broken = tmp_path / "broken.pem"
    if content is not None:
        broken.write_text(content)
    for made, word in ((settings(broken, key), "certificate"), (settings(certificate, key, broken), "client.ca")):
        with pytest.raises(ConfigError, match=f"rest.tls.{word}") as refused:
            asked(made, ssl.create_default_context())
        assert told in str(refused.value)


def test_https_needs_certificate_and_key():
    """Both words are named when they are missing."""
    with pytest.raises(ConfigError) as refused:
        asyncio.run(serve(who, "https://127.0.0.1:0", AccessSettings()))
    assert {problem.path for problem in refused.value.problems} == {"worker.rest.tls.certificate", "worker.rest.tls.key"}
