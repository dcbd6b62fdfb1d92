"""HTTP/1.1 and HTTP/2 callers: connections are kept where Envoy allows it, and errors reach both."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Iterator, Sequence

import h2.config
import h2.connection
import h2.events
import httpx2
import pytest

from tests.events import events_of
from tests.gateway_process import Gateway
from tests.real import chat
from tests.real.callers import asking, error_of
from tests.real.conftest import MAX_BODY
from tests.real.upstream import Gate, Head, Upstream
from tests.waiting import DEADLINE

_PIECE = 16384  # bytes: the largest frame that any HTTP/2 server takes


@pytest.fixture(params=["HTTP/1.1", "HTTP/2"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connection(version: str, gateway: Gateway) -> Iterator[httpx2.Client]:
    """A client with a single connection."""
    limits = httpx2.Limits(max_connections=1)
    one, two = version == "HTTP/1.1", version == "HTTP/2"
    with httpx2.Client(base_url=gateway.url, http1=one, http2=two, limits=limits, timeout=DEADLINE) as client:
        yield client


def _connections(client: httpx2.Client, requests: Sequence[httpx2.Request]) -> tuple[Sequence[httpx2.Response], int]:
    """The answers to the requests, one after the other, and how many connections they took."""
    opened = Counter[str]()
    for request in requests:
        request.extensions = request.extensions | {"trace": lambda name, _: opened.update([name])}
    return [client.send(request) for request in requests], opened["connection.connect_tcp.complete"]


def test_calls_share_a_connection(connection: httpx2.Client, upstream: Upstream, version: str) -> None:
    model = upstream.script([chat.JSON, chat.completion(content="Hello!")], chat.answer())
    responses, opened = _connections(connection, [_call(connection, model, stream=stream) for stream in (False, True, True, False)])
    assert [(response.status_code, response.http_version) for response in responses] == [(200, version)] * 4
    assert opened == 1


@pytest.mark.parametrize(
    ("status", "headers"),
    [(401, {}), (429, {"content-length": "0"})],
    ids=["an empty body", "no body"],
)
def test_an_upstreams_error_leaves_the_connection_open(
    connection: httpx2.Client, upstream: Upstream, status: int, headers: dict[str, str]
) -> None:
    model = upstream.script([Head(status, headers)], chat.answer())
    responses, opened = _connections(connection, [_call(connection, model), _call(connection, model, stream=True)])
    assert [response.status_code for response in responses] == [status, 200]
    assert opened == 1


def test_a_refusal_before_the_body_was_read_harms_no_other_call(connection: httpx2.Client, upstream: Upstream, version: str) -> None:
    """Envoy closes an HTTP/1.1 connection where the body had not come yet."""
    refused = connection.build_request("POST", "/responses", content=b"{}", headers={"content-type": "text/plain"})
    responses, opened = _connections(connection, [refused, _call(connection, upstream.script(chat.answer()), stream=True)])
    assert [response.status_code for response in responses] == [415, 200]
    assert opened <= (2 if version == "HTTP/1.1" else 1)


def test_a_400_closes_an_http_1_connection(connection: httpx2.Client, upstream: Upstream, version: str) -> None:
    """Envoy's rule for any 400 of its own making (an immediate response is one), whatever was read; other statuses keep it open."""
    refused = connection.build_request("POST", "/responses", content=b"{nope", headers={"content-type": "application/json"})
    (first, second), opened = _connections(connection, [refused, _call(connection, upstream.script(chat.answer()), stream=True)])
    assert error_of(first)["code"] == "invalid_json"
    assert second.status_code == 200
    assert (first.headers.get("connection"), opened) == (("close", 2) if version == "HTTP/1.1" else (None, 1))


def _call(client: httpx2.Client, model: str, *, stream: bool = False) -> httpx2.Request:
    return client.build_request("POST", "/responses", json=asking(model, stream=stream))


async def test_streams_share_one_http_2_connection(gateway: Gateway, upstream: Upstream) -> None:
    """None of them ends before the upstream has begun to answer all."""
    gates = [Gate() for _ in range(50)]

    async def call(client: httpx2.AsyncClient, number: int) -> str:
        model = upstream.script([chat.EVENTS, *chat.text(f"{number}"), gates[number], chat.finish()])
        response = await client.post("/responses", json=asking(model, stream=True))
        said: str = events_of(response.text)[-1]["response"]["output"][0]["content"][0]["text"]
        return said

    async def open_gates() -> None:
        for gate in gates:
            await asyncio.to_thread(gate.await_reached)
        for gate in gates:
            gate.open()

    async with httpx2.AsyncClient(base_url=gateway.url, http1=False, http2=True, timeout=DEADLINE) as client:
        said = asyncio.gather(*(call(client, number) for number in range(len(gates))))
        await open_gates()
        assert await said == [str(number) for number in range(len(gates))]


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "unannounced"])
def test_a_413_in_the_middle_of_an_http_2_body(other_gateway: Gateway, announced: bool) -> None:
    """The whole error comes, then a reset without an error: the client need not send the rest (RFC 9113, section 8.1)."""
    length = [("content-length", str(10 * MAX_BODY))] if announced else []
    with socket.create_connection(("127.0.0.1", other_gateway.port), DEADLINE) as raw:
        http2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        http2.initiate_connection()
        http2.increment_flow_control_window(MAX_BODY)
        method = [(":method", "POST"), (":scheme", "http"), (":authority", "gateway"), (":path", "/v1/responses")]
        http2.send_headers(1, [*method, ("content-type", "application/json"), *length])
        raw.sendall(http2.data_to_send())
        events = _send_until_reset(raw, http2, pieces=0 if announced else MAX_BODY // _PIECE + 1)
    statuses = [dict(event.headers)[b":status"] for event in events if isinstance(event, h2.events.ResponseReceived)]
    assert statuses == [b"413"]
    assert b"request_too_large" in b"".join(event.data for event in events if isinstance(event, h2.events.DataReceived))
    last = events[-1]
    assert isinstance(last, h2.events.StreamReset)
    assert last.error_code == 0


def _send_until_reset(raw: socket.socket, http2: h2.connection.H2Connection, pieces: int) -> Sequence[h2.events.Event]:
    """Sends so many pieces of a body as the other side takes them, and returns what it said."""
    events: list[h2.events.Event] = []
    while not any(isinstance(event, h2.events.StreamReset) for event in events):
        if pieces and http2.local_flow_control_window(1) >= _PIECE:
            pieces -= 1
            http2.send_data(1, b" " * _PIECE)
        else:
            events += http2.receive_data(raw.recv(65536))
        raw.sendall(http2.data_to_send())
    return events
