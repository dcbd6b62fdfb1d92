"""Which addresses a caller's server may have, and what goes there."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpcore2
import httpx2
import pytest
import trustme

from gw_extproc.engine.tools.guarded import Forbidden, GuardedTransport, Trust, is_public
from gw_extproc.trust import trusted
from tests.connections import answering
from tests.real.upstream import Head, Upstream
from tests.tools.mcp_server import McpServer


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
        ),
        *("192.0.2.1", "198.18.0.1", "240.0.0.1"),
        *("::1", "::", "fe80::1", "fc00::1", "ff02::1", "2001:db8::1"),
        *(
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::a00:1",
            "2002:7f00:1::",
            "2001:0:0:0:0:0:80ff:fffe",
        ),
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"])
def test_addresses_that_are(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


async def test_a_redirect_is_checked_and_gets_no_credentials(upstream: Upstream, dice: McpServer) -> None:
    """Whoever would follow it: the credentials are for one origin."""
    dice.headers.clear()
    path = upstream.script([Head(307, {"location": dice.streamable, "content-length": "0"})], key="/moved")
    transport = GuardedTransport(httpx2.URL(f"{upstream.url}{path}"), {"authorization": "Bearer secret"}, Trust(private=True))
    async with httpx2.AsyncClient(transport=transport, trust_env=False) as client:
        await client.post(f"{upstream.url}{path}", follow_redirects=True)
    assert upstream.received(path).headers["authorization"] == "Bearer secret"
    assert [headers.get("authorization") for headers in dice.headers] == [None]


async def test_a_redirect_to_a_private_address_is_refused(upstream: Upstream) -> None:
    transport = GuardedTransport(httpx2.URL("http://1.1.1.1/"), {}, Trust(private=False))
    with pytest.raises(Forbidden):
        await transport.handle_async_request(httpx2.Request("GET", "http://169.254.169.254/latest/meta-data"))
    await transport.aclose()


async def test_a_name_is_resolved_once(upstream: Upstream) -> None:
    """The second request goes to the address that was checked, whatever the name means by then; the server is told the name."""
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])

    async def resolve(host: str, port: int) -> list[str]:
        return next(answers)

    path = upstream.script([Head(200, {"content-length": "0"})], key="/named")
    url = f"http://rebinding.test:{upstream.port}{path}"
    transport = GuardedTransport(httpx2.URL(url), {}, Trust(private=True), resolve)
    async with httpx2.AsyncClient(transport=transport, trust_env=False) as client:
        await client.get(url)
        await client.get(url)
    assert upstream.received(path).headers["host"] == f"rebinding.test:{upstream.port}"
    assert upstream.count(path) == 1


async def test_one_private_address_among_others_is_enough_to_refuse() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["1.1.1.1", "10.0.0.1"]

    transport = GuardedTransport(httpx2.URL("http://both.test/"), {}, Trust(private=False), resolve)
    with pytest.raises(Forbidden):
        await transport.handle_async_request(httpx2.Request("GET", "http://both.test/"))
    await transport.aclose()


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[trustme.CA]:
    """The one that this machine trusts, so it is said."""
    authority, bundle = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    trusted.cache_clear()
    yield authority
    trusted.cache_clear()


@pytest.mark.parametrize("known", [True, False])
async def test_a_certificate_has_to_be_of_an_authority_that_this_machine_trusts(authority: trustme.CA, known: bool) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (authority if known else trustme.CA()).issue_cert("localhost").configure_cert(server)
    async with answering(_hello, tls=server) as port:
        url = httpx2.URL(f"https://localhost:{port}/mcp")
        async with httpx2.AsyncClient(transport=GuardedTransport(url, {}, Trust(private=True))) as client:
            if known:
                assert (await client.get(url)).status_code == 204
            else:
                with pytest.raises(httpx2.ConnectError, match="certificate verify failed"):
                    await client.get(url)


async def test_certificates_are_loaded_for_the_first_server_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """That holds up everybody's streams."""
    first = GuardedTransport(httpx2.URL("https://one.test/"), {}, Trust(private=True))
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", None)
    monkeypatch.setattr(httpcore2, "default_ssl_context", None)
    second = GuardedTransport(httpx2.URL("https://other.test/"), {}, Trust(private=True))
    await first.aclose()
    await second.aclose()


async def _hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    await writer.drain()
