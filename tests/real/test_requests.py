"""What becomes of a request on its way to the upstream, and which requests never get there (`either` way: test_alone has the rest)."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping, Sequence

import httpx2
import pytest

from tests.events import events_of
from tests.gateway_process import Gateway
from tests.real import chat
from tests.real.callers import asking, error_of, post, received, sent
from tests.real.conftest import KEY, MAX_BODY
from tests.real.upstream import Head, Step, Trailers, Upstream
from tests.waiting import DEADLINE

HELLO: Sequence[Step] = [chat.JSON, chat.completion(content="Hello!")]


def test_30_megabytes_arrive_whole_and_not_in_chunks(either: Gateway, upstream: Upstream) -> None:
    url = "data:image/png;base64," + "A" * 30_000_000
    model = upstream.script(HELLO)
    content = [{"type": "input_text", "text": "What is it?"}, {"type": "input_image", "image_url": url}]
    assert post(either, model, input=[{"role": "user", "content": content}]).status_code == 200
    request = upstream.received(model)
    assert request.headers["content-length"] == str(len(request.body))
    assert "transfer-encoding" not in request.headers
    assert request.chat["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}]}
    ]


def test_the_headers_on_the_way_to_the_upstream(gateway: Gateway, upstream: Upstream) -> None:
    model = upstream.script(HELLO)
    kept = {
        "x-request-id": "2f4a8d5e-0000-4000-8000-123456789abc",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "authorization": "Bearer sk-of-the-caller",
        "openai-organization": "org-1",
    }
    headers = {**kept, "accept-encoding": "gzip, br", "content-type": "application/json; charset=utf-8"}
    httpx2.post(f"{gateway.url}/responses?trace=1", content=json.dumps(asking(model)), headers=headers, timeout=DEADLINE)
    request = upstream.received(model)
    assert (request.method, request.path) == ("POST", "/v1/chat/completions?trace=1")
    assert {name: request.headers[name] for name in kept} == kept
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["content-length"] == str(len(request.body))
    assert request.headers["host"] == upstream.url.removeprefix("http://")


def test_a_gateway_with_a_key_and_a_base_path(other_gateway: Gateway, upstream: Upstream) -> None:
    model = upstream.script(HELLO)
    post(other_gateway, model)
    request = upstream.received(model)
    assert request.path == "/api/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"


def test_the_key_replaces_the_callers(other_gateway: Gateway, upstream: Upstream) -> None:
    model = upstream.script(HELLO)
    httpx2.post(f"{other_gateway.url}/responses", json=asking(model), headers={"authorization": "Bearer mine"}, timeout=DEADLINE)
    assert upstream.received(model).headers["authorization"] == f"Bearer {KEY}"


def test_the_other_standards_events(other_gateway: Gateway, upstream: Upstream) -> None:
    model = upstream.script([chat.EVENTS, chat.chunk(reasoning="Hm."), *chat.text("Four.")])
    events = events_of(post(other_gateway, model, stream=True).text)
    assert "response.reasoning.delta" in [event["type"] for event in events]
    assert next(event for event in events if event["type"] == "error")["error"]["code"] == "upstream_stream_ended"


def test_the_headers_on_the_way_back(either: Gateway, upstream: Upstream) -> None:
    body = chat.completion(content="Hello!")
    described = {"content-length": str(len(body)), "etag": '"1"', "content-type": "application/json", "x-request-id": "up-1"}
    response = post(either, upstream.script([Head(200, described), body]), client_metadata={"a": "b"})
    assert response.json()["output"][0]["content"][0]["text"] == "Hello!"
    assert "client_metadata" in response.headers["x-gateway-notice"]
    assert response.headers["x-request-id"] == "up-1"
    assert "etag" not in response.headers
    assert response.headers.get("content-length") in (None, str(len(response.content)))


def test_the_headers_of_a_stream(either: Gateway, upstream: Upstream) -> None:
    response = post(either, upstream.script(chat.answer()), stream=True, tools=[{"type": "web_search"}])
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert "web_search" in response.headers["x-gateway-notice"]


def test_upstream_trailers_do_no_harm(either: Gateway, upstream: Upstream) -> None:
    head = Head(200, {"content-type": "text/event-stream", "trailer": "x-cost"})
    model = upstream.script([head, *chat.text("Hi"), chat.finish(), Trailers({"x-cost": "1"})])
    response = post(either, model, stream=True)
    assert events_of(response.text)[-1]["type"] == "response.completed"
    assert "trailer" not in response.headers


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)],
    ids=lambda value: str(value)[:8],
)
def test_a_compressed_request(either: Gateway, upstream: Upstream, encoding: str, compress: type[bytes]) -> None:
    model = upstream.script(HELLO)
    headers = {"content-type": "application/json", "content-encoding": encoding}
    body = compress(chat.encoded(asking(model)))
    assert httpx2.post(f"{either.url}/responses", content=body, headers=headers, timeout=DEADLINE).status_code == 200
    assert "content-encoding" not in upstream.received(model).headers


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({"content-type": "application/json"}, b"{nope", 400, "invalid_json"),
        ({"content-type": "application/json"}, b"", 400, "invalid_json"),
        ({"content-type": "application/json"}, b"[]", 400, None),
        ({"content-type": "application/json"}, b"{}", 400, "missing_required_parameter"),
        ({"content-type": "application/json", "content-encoding": "gzip"}, b"not gzip", 400, "invalid_body"),
        ({"content-type": "application/json", "content-encoding": "br"}, b"\x0b", 415, "unsupported_content_encoding"),
        ({"content-type": "text/plain"}, b"{}", 415, "unsupported_media_type"),
        ({"content-type": "application/x-www-form-urlencoded"}, b"model=x", 415, "unsupported_media_type"),
    ],
)
def test_a_request_that_is_refused(either: Gateway, headers: Mapping[str, str], body: bytes, status: int, code: str | None) -> None:
    response = httpx2.post(f"{either.url}/responses", content=body, headers=headers, timeout=DEADLINE)
    assert response.status_code == status
    error = error_of(response)
    assert error["type"] == "invalid_request_error"
    assert code is None or error["code"] == code


def test_a_body_that_is_announced_as_too_large(other_gateway: Gateway) -> None:
    """It is refused before it is read; Envoy closes the connection."""
    with sent(other_gateway.port, b"", f"content-length: {MAX_BODY + 1}") as connection:
        status, headers, body = received(connection)
    assert status == 413
    assert headers["connection"] == "close"
    assert json.loads(body)["error"]["code"] == "request_too_large"


def test_a_body_that_turns_out_too_large(other_gateway: Gateway) -> None:
    piece = b"%x\r\n%b\r\n" % (MAX_BODY, b" " * MAX_BODY)
    with sent(other_gateway.port, piece * 2, "transfer-encoding: chunked") as connection:
        status, _, body = received(connection)
    assert status == 413
    assert json.loads(body)["error"]["code"] == "request_too_large"


def test_a_body_of_many_megabytes_that_is_too_large(other_gateway: Gateway) -> None:
    """The client may still be writing when the answer comes."""
    response = httpx2.post(
        f"{other_gateway.url}/responses", content=b" " * 20_000_000, headers={"content-type": "application/json"}, timeout=DEADLINE
    )
    assert (response.status_code, error_of(response)["code"]) == (413, "request_too_large")


def test_a_small_body_that_inflates_too_far(other_gateway: Gateway) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    bomb = gzip.compress(b" " * 50_000_000)
    response = httpx2.post(f"{other_gateway.url}/responses", content=bomb, headers=headers, timeout=DEADLINE)
    assert (response.status_code, error_of(response)["code"]) == (413, "request_too_large")


def test_a_client_that_waits_for_100_continue(either: Gateway, upstream: Upstream) -> None:
    model = upstream.script(HELLO)
    body = chat.encoded(asking(model))
    with sent(either.port, b"", "expect: 100-continue", f"content-length: {len(body)}") as connection:
        assert connection.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert received(connection)[0] == 200
    assert "expect" not in upstream.received(model).headers


@pytest.mark.parametrize("framing", ["a chunked request", "a request with its length"])
def test_the_upstream_never_gets_chunks(either: Gateway, upstream: Upstream, framing: str) -> None:
    model = upstream.script(HELLO)
    body = chat.encoded(asking(model))
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    sending = sent(either.port, chunks, "transfer-encoding: chunked") if framing == "a chunked request" else sent(either.port, body)
    with sending as connection:
        assert received(connection)[0] == 200
    assert upstream.received(model).headers["content-length"].isdigit()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/embeddings"),
        ("GET", "/v1/batches"),
        ("POST", "/v1/responses_of_others"),
        ("POST", "/elsewhere"),
    ],
)
def test_what_is_not_ours_passes_untouched(gateway: Gateway, upstream: Upstream, method: str, path: str) -> None:
    key = upstream.script([Head(418, {"content-type": "text/x", "x-up": "1", "content-length": "4"}), b"\x00\xff{}"], key=path)
    body = b'{"not": "ours"}' if method == "POST" else b""
    headers = {"x-down": "1", "accept-encoding": "br"}
    response = httpx2.request(method, f"{gateway.origin}{path}", content=body, headers=headers, timeout=DEADLINE)
    assert (response.status_code, response.content) == (418, b"\x00\xff{}")
    assert (response.headers["content-type"], response.headers["x-up"]) == ("text/x", "1")
    request = upstream.received(key)
    assert (request.method, request.path, request.body) == (method, path, body)
    assert (request.headers["x-down"], request.headers["accept-encoding"]) == ("1", "br")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/responses", 405, "method_not_allowed"),
        ("DELETE", "/v1/responses", 405, "method_not_allowed"),
        ("PUT", "/v1/conversations", 405, "method_not_allowed"),
        ("GET", "/v1/responses/resp_1/nothing", 404, "unknown_url"),
        ("POST", "/v1/conversations/conv_1/items/msg_1/more", 404, "unknown_url"),
        ("GET", "/v1/responses/resp_1", 404, None),
    ],
)
def test_what_is_ours_never_reaches_the_upstream(
    either: Gateway, upstream: Upstream, method: str, path: str, status: int, code: str | None
) -> None:
    key = upstream.script(HELLO, key=path)
    response = httpx2.request(method, f"{either.origin}{path}", timeout=DEADLINE)
    assert (response.status_code, error_of(response)["code"]) == (status, code)
    assert ("allow" in response.headers) is (status == 405)
    assert upstream.count(key) == 0
