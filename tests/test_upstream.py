"""What the gateway's own calls look like on the wire, and what is said of those that fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from gw_extproc import upstream
from gw_extproc.core.errors import UpstreamError
from gw_extproc.settings import Settings
from gw_extproc.upstream import UpstreamClient
from tests.connections import answering
from tests.http1.wire import OK, STREAM, Said, Wire
from tests.sockets import free_port
from tests.waiting import DEADLINE


@asynccontextmanager
async def calling(wire: Wire, **options: object) -> AsyncIterator[UpstreamClient]:
    async with answering(wire.answer) as port:
        client = UpstreamClient(Settings.read({"upstream": f"http://localhost:{port}/größe/v1", **options}))
        try:
            yield client
        finally:
            await client.close()


async def test_a_call_says_what_its_caller_says_and_where_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, cookie, redirect, kind of client or wish for compression comes from elsewhere."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    wire = Wire([b"HTTP/1.1 307 No\r\nlocation: /elsewhere\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n"])
    headers = {
        ":path": "/x",
        "host": "h",
        "x-mine": "Gr\xf6\xdfe",
        "accept-encoding": "br",
        "connection": "x-hop",
        "x-hop": "1",
        "te": "trailers",
    }
    async with calling(wire, upstream_api_key="ours") as client:
        for at_root in (False, True):
            async with client.call("POST", "/a%2Fb?c", headers | {"authorization": "theirs"}, b"{}", at_root=at_root) as answered:
                assert (answered.status, answered.headers["location"]) == (307, "/elsewhere")
    port = wire.requests[0].split(b"localhost:")[1].split(b"\r\n")[0]
    rest = b"accept-encoding: identity\r\nauthorization: Bearer ours\r\nx-mine: Gr\xf6\xdfe\r\ncontent-length: 2\r\n\r\n{}"
    for base, request in zip((b"/gr%C3%B6%C3%9Fe/v1", b""), wire.requests, strict=True):
        assert request == b"POST " + base + b"/a%2Fb?c HTTP/1.1\r\nhost: localhost:" + port + b"\r\n" + rest


@pytest.mark.parametrize(
    ("said", "status", "message"),
    [
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok"], 502, "The upstream broke off."),
        ([STREAM + b"2\r\nok\r\n"], 502, "The upstream broke off."),
        ([b"?"], 502, "The upstream broke off."),
        ([STREAM, asyncio.Event()], 504, "The upstream did not answer in time."),
        ([asyncio.Event()], 504, "The upstream did not answer in time."),
    ],
)
async def test_what_fails_is_an_error_of_the_upstream(said: list[bytes], status: int, message: str) -> None:
    async with calling(Wire(said, stays=False), model_timeout=0.05) as client:
        with pytest.raises(UpstreamError) as raised:
            async with client.call("GET", "/models", {}) as answered:
                await answered.read(100)
    assert (raised.value.status, raised.value.message) == (status, message)


async def test_who_is_there_is_reachable_whatever_they_say() -> None:
    async with calling(Wire([b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"])) as client:
        assert await client.reachable()
    async with calling(Wire([b""], stays=False)) as client:
        assert not await client.reachable()


async def test_an_answer_is_read_up_to_a_limit() -> None:
    async with calling(Wire([OK])) as client:
        async with client.call("GET", "/models", {}) as answered:
            assert await answered.read(2) == b"ok"
        with pytest.raises(UpstreamError):
            async with client.call("GET", "/models", {}) as answered:
                await answered.read(1)


async def test_a_body_that_ends_soon_after_its_last_word_leaves_its_connection_to_the_next_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upstream, "SOON", DEADLINE)
    ends = asyncio.Event()
    wire = Wire([STREAM + b"6\r\n[DONE]\r\n", ends, b"0\r\n\r\n"])
    async with calling(wire) as client:
        for _ in range(2):
            async with client.call("GET", "/models", {}) as answered:
                assert await anext(answered.pieces) == b"[DONE]"
                asyncio.get_running_loop().call_later(0.01, ends.set)
                await answered.rest()
    assert wire.connections == 1


@pytest.mark.parametrize("after", [[asyncio.Event()], [b"1\r\nx\r\n", asyncio.Event()]], ids=["silent", "talking"])
async def test_a_body_that_goes_on_after_its_last_word_is_not_waited_for_long(after: Sequence[Said]) -> None:
    wire = Wire([STREAM + b"6\r\n[DONE]\r\n", *after])
    async with calling(wire, model_timeout=60) as client:
        for _ in range(2):
            async with client.call("GET", "/models", {}) as answered:
                assert (await anext(answered.pieces)).startswith(b"[DONE]")
                await asyncio.wait_for(answered.rest(), DEADLINE)
    assert wire.connections == 2


@pytest.mark.parametrize(
    ("url", "host"),
    [("https://api.example/v1", "api.example"), ("http://[::1]:8/v1", "[::1]:8"), ("http://grün.example:80", "xn--grn-ioa.example")],
)
async def test_the_host_is_named_as_urls_do(url: str, host: str) -> None:
    client = UpstreamClient(Settings.read({"upstream": url}))
    assert client.authority == host
    await client.close()
