"""Any status, headers and body, in one piece or streamed, through Envoy as it was meant."""

from __future__ import annotations

import httpx2
import pytest

from tests.hosted.apps import Applications, Call, Gate
from tests.hosted.carrier import Carrier
from tests.real.callers import error_of
from tests.waiting import DEADLINE

LISTENERS = ("shipped", "bare")
COOKIES = [(b"set-cookie", b"a=1, b"), (b"set-cookie", b"b=2"), (b"content-type", b"text/x"), (b"vary", b"a"), (b"vary", b"b")]
TEXT = (b"content-type", b"text/plain")


@pytest.mark.parametrize("listener", LISTENERS)
@pytest.mark.parametrize("status", [200, 201, 404, 418, 503, 599])
def test_a_whole_answer(carrier: Carrier, apps: Applications, listener: str, status: int) -> None:
    path = apps.at(lambda call: call.answer(b"{}", status, (b"content-type", b"text/x"), (b"x-a", b"\xe9"), (b"content-length", b"2")))
    response = httpx2.get(carrier.url(path, listener), timeout=DEADLINE)
    assert (response.status_code, response.content) == (status, b"{}")
    assert response.headers.get_list("content-length") == ["2"]
    assert (response.headers["content-type"], response.headers.raw[1][1]) == ("text/x", b"\xe9")


@pytest.mark.parametrize("listener", LISTENERS)
def test_repeated_headers_of_a_whole_answer(carrier: Carrier, apps: Applications, listener: str) -> None:
    path = apps.at(lambda call: call.answer(b"x", 200, *COOKIES))
    headers = httpx2.get(carrier.url(path, listener), timeout=DEADLINE).headers
    assert headers.get_list("set-cookie") == ["a=1, b", "b=2"]
    assert headers.get_list("vary", split_commas=True) == ["a", "b"]


def test_repeated_headers_of_a_streamed_answer_are_joined(carrier: Carrier, apps: Applications) -> None:
    async def application(call: Call) -> None:
        await call.begin(200, *COOKIES[1:])
        await call.say(b"1")
        await call.say(b"2", more=False)

    headers = httpx2.get(carrier.url(apps.at(application)), timeout=DEADLINE).headers
    assert (headers["vary"], headers["set-cookie"]) == ("a, b", "b=2")


def test_cookies_that_envoy_would_lose_are_refused(carrier: Carrier, apps: Applications) -> None:
    async def application(call: Call) -> None:
        await call.begin(200, *COOKIES)
        await call.say(b"1")

    assert error_of(httpx2.get(carrier.url(apps.at(application)), timeout=DEADLINE))["code"] == "internal_error"


@pytest.mark.parametrize("listener", LISTENERS)
def test_headers_that_are_envoys_business_do_no_harm(carrier: Carrier, apps: Applications, listener: str) -> None:
    theirs = [(b"Connection", b"close"), (b"transfer-encoding", b"chunked"), (b"host", b"x"), (b"x-envoy-upstream-service-time", b"1")]

    async def application(call: Call) -> None:
        await call.begin(200, *theirs, (b"Server", b"me"))
        await call.say(b"1")
        await call.say(b"2", more=False)

    response = httpx2.get(carrier.url(apps.at(application), listener), timeout=DEADLINE)
    assert (response.status_code, response.content) == (200, b"12")
    assert not {"connection", "host", "x-envoy-upstream-service-time"} & response.headers.keys()


@pytest.mark.parametrize("listener", LISTENERS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("status", [200, 204, 304])
@pytest.mark.parametrize("streamed", [True, False])
def test_answers_without_a_body(
    carrier: Carrier, apps: Applications, listener: str, method: str, status: int, *, streamed: bool
) -> None:
    """The body that the application sends all the same is not sent; a connection that is used again would show it."""

    async def application(call: Call) -> None:
        length = [(b"content-length", b"5")] if method == "HEAD" and status == 200 else []
        await call.begin(status, TEXT, (b"etag", b'"1"'), *length)
        body = b"hello" if method == "HEAD" or status != 200 else b""
        if streamed:
            await call.say(body[:2])
        await call.say(body[2:] if streamed else body, more=False)

    path = apps.at(application)
    with httpx2.Client(timeout=DEADLINE, limits=httpx2.Limits(max_connections=1)) as client:
        for _ in range(2):
            response = client.request(method, carrier.url(path, listener), content=b"x" if method == "POST" else b"")
            assert (response.status_code, response.content, response.headers["etag"]) == (status, b"", '"1"')
            if (method, status) == ("HEAD", 200):
                assert response.headers["content-length"] == "5"


@pytest.mark.parametrize("listener", LISTENERS)
def test_a_stream_arrives_piece_by_piece(carrier: Carrier, apps: Applications, listener: str) -> None:
    gates = [Gate(), Gate()]

    async def application(call: Call) -> None:
        await call.body()
        await call.begin(200, (b"content-type", b"text/event-stream"))
        for number, gate in enumerate(gates):
            await call.say(b"data: %d\n\n" % number)
            await gate.passed()
        await call.say(b"", more=True)
        await call.say(b"data: end\n\n", more=False)

    with httpx2.stream("POST", carrier.url(apps.at(application), listener), json={}, timeout=DEADLINE) as response:
        pieces = response.iter_raw()
        for number, gate in enumerate(gates):
            assert next(pieces) == b"data: %d\n\n" % number
            gate.open()
        assert b"".join(pieces) == b"data: end\n\n"


def test_headers_can_go_before_any_body(carrier: Carrier, apps: Applications) -> None:
    gate = Gate()

    async def application(call: Call) -> None:
        await call.begin()
        await call.say(b"")
        await gate.passed()
        await call.say(b"x", more=False)

    with httpx2.stream("GET", carrier.url(apps.at(application)), timeout=DEADLINE) as response:
        assert response.status_code == 200
        gate.open()
        assert response.read() == b"x"


@pytest.mark.parametrize("size", [256 * 1024, 256 * 1024 + 1, 1_000_001])
@pytest.mark.parametrize("typed", [True, False])
def test_a_large_answer_in_one_piece(carrier: Carrier, apps: Applications, size: int, *, typed: bool) -> None:
    headers = [TEXT] if typed else [(b"x-a", b"1")]
    path = apps.at(lambda call: call.answer(b"x" * size, 200, *headers, (b"content-length", b"%d" % size)))
    response = httpx2.get(carrier.url(path), timeout=DEADLINE)
    assert (len(response.content), response.headers.get_list("content-length")) == (size, [str(size)])
    assert ("content-type" in response.headers) == typed


def test_over_http2(carrier: Carrier, apps: Applications) -> None:
    async def application(call: Call) -> None:
        body = await call.body()
        await call.begin(200, TEXT, (b"connection", b"close"))
        await call.say(body)
        await call.say(b"2", more=False)

    with httpx2.Client(http1=False, http2=True, timeout=DEADLINE) as client:
        for _ in range(2):
            response = client.post(carrier.url(apps.at(application)), content=b"1")
            assert (response.http_version, response.content) == ("HTTP/2", b"12")
