"""Callers: the openai SDK is a fixture; these are for what it hides."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPResponse
from typing import Any

import httpx2

from tests.gateway_process import Gateway
from tests.waiting import DEADLINE

_FRAMING = ("content-length", "transfer-encoding")


def post(gateway: Gateway, model: str, *, stream: bool = False, **fields: Any) -> httpx2.Response:
    """A whole call over a connection of its own."""
    return httpx2.post(f"{gateway.url}/responses", json=asking(model, stream=stream, **fields), timeout=DEADLINE)


def asking(model: str, **fields: Any) -> dict[str, Any]:
    return {"model": model, "input": "Go on.", **fields}


@contextmanager
def streaming(gateway: Gateway, model: str) -> Iterator[Iterator[dict[str, Any]]]:
    """The events one by one, as they arrive; leaving the block closes the connection."""
    with httpx2.stream("POST", f"{gateway.url}/responses", json=asking(model, stream=True), timeout=DEADLINE) as response:
        assert response.status_code == 200
        yield (json.loads(line.removeprefix("data: ")) for line in response.iter_lines() if line.startswith("data: {"))


def follow(gateway: Gateway, model: str, seen: list[str], at_delta: Callable[[], None]) -> None:
    """Notes the type of each event of a stream as it arrives, and acts when the model has said something."""
    with streaming(gateway, model) as events:
        for event in events:
            seen.append(event["type"])
            if "delta" in event:
                at_delta()


def error_of(response: httpx2.Response) -> Mapping[str, Any]:
    """The error object that is the whole answer."""
    assert response.headers["content-type"] == "application/json"
    body: dict[str, Any] = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    error: dict[str, Any] = body["error"]
    return error


@contextmanager
def sent(port: int, body: bytes, *headers: str, path: str = "/v1/responses") -> Iterator[socket.socket]:
    """A raw connection that has sent a request; leaving the block closes it. Without a length of its own the body has one."""
    length = () if any(header.startswith(_FRAMING) for header in headers) else (f"content-length: {len(body)}",)
    lines = [f"POST {path} HTTP/1.1", "host: gateway", "content-type: application/json", *length, *headers, "", ""]
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as connection:
        connection.sendall("\r\n".join(lines).encode())
        with suppress(ConnectionError):  # who refuses a body need not read it
            connection.sendall(body)
        yield connection


def received(connection: socket.socket) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and body of the (next) answer."""
    response = HTTPResponse(connection, method="POST")
    response.begin()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
