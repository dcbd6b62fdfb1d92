"""What the application is told of the request, by the ASGI specification."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from starlette.types import Message

from tests.hosted.apps import Applications, Call, Gate
from tests.hosted.carrier import Carrier
from tests.waiting import DEADLINE


class Told:
    """An application that notes what it is told."""

    def __init__(self) -> None:
        self.scope: Mapping[str, Any] = {}
        self.messages: list[Message] = []

    async def __call__(self, call: Call) -> None:
        self.scope, self.messages = call.scope, await call.messages()
        await call.answer(b"ok")

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.messages)


def test_the_scope(carrier: Carrier, apps: Applications) -> None:
    told = Told()
    path = apps.at(told)
    target = carrier.url(f"{path}/a%20b%2Fc/%C3%A9/%ff;x?q=%20a+b&q=%C3%A9&&z")
    httpx2.request(
        "put",
        target,
        headers=[("X-A", "1"), ("x-a", "2"), ("host", "Example.org:81"), ("x-forwarded-for", "203.0.113.9")],
        timeout=DEADLINE,
    )
    scope = dict(told.scope)
    told_headers = scope.pop("headers")
    assert scope.pop("client") == (dict(told_headers)[b"x-forwarded-for"].decode().rpartition(",")[2], 0)
    assert scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "PUT",
        "scheme": "http",
        "path": f"{path}/a b/c/é/\ufffd;x",
        "raw_path": f"{path}/a%20b%2Fc/%C3%A9/%ff;x".encode(),
        "query_string": b"q=%20a+b&q=%C3%A9&&z",
        "root_path": "",
        "server": ("example.org", 81),
        "state": {},
    }
    assert told_headers[0] == (b"host", b"Example.org:81")
    assert all(type(name) is bytes and name == name.lower() and not name.startswith(b":") for name, _ in told_headers)
    assert [value for name, value in told_headers if name == b"x-a"] == [b"1", b"2"] or (b"x-a", b"1,2") in told_headers


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_a_request_without_a_body(carrier: Carrier, apps: Applications, method: str) -> None:
    told = Told()
    assert httpx2.request(method, carrier.url(apps.at(told)), timeout=DEADLINE).text == "ok"
    assert b"".join(message["body"] for message in told.messages) == b""
    assert [message["more_body"] for message in told.messages][-1] is False


def test_a_body_arrives_piece_by_piece(carrier: Carrier, apps: Applications) -> None:
    gate, received = Gate(), list[bytes]()

    async def application(call: Call) -> None:
        received.append((await call.receive())["body"])
        gate.open()
        received.append(await call.body())
        await call.answer(b"ok")

    def body() -> Any:
        yield b"1"
        gate.await_open()
        yield b"2"

    assert httpx2.post(carrier.url(apps.at(application)), content=body(), timeout=DEADLINE).text == "ok"
    assert received == [b"1", b"2"]


def test_a_body_that_was_read_before(carrier: Carrier, apps: Applications) -> None:
    told = Told()
    httpx2.post(carrier.url(apps.at(told)), content=b"x" * 100_000, headers={"x-read-before": "1"}, timeout=DEADLINE)
    assert told.messages == [{"type": "http.request", "body": b"x" * 100_000, "more_body": False}]


def test_trailers_end_the_body(carrier: Carrier, apps: Applications) -> None:
    told = Told()
    head = f"POST {apps.at(told)} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", carrier.port()), DEADLINE) as connection:
        connection.sendall(head.encode() + b"5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n")
        assert b"".join(iter(lambda: connection.recv(65536), b"")).endswith(b"ok")
    assert told.body == b"hello"
    assert told.messages[-1]["more_body"] is False


def test_an_application_that_gives_up_waiting_loses_nothing(carrier: Carrier, apps: Applications) -> None:
    gate, told = Gate(), Told()

    async def application(call: Call) -> None:
        first = asyncio.ensure_future(call.receive())
        await asyncio.wait((first,), timeout=0)
        first.cancel()
        gate.open()
        await told(call)

    def body() -> Any:
        gate.await_open()
        yield b"hello"

    httpx2.post(carrier.url(apps.at(application)), content=body(), timeout=DEADLINE)
    assert told.body == b"hello"
