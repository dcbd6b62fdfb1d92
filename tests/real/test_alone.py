"""`gw-extproc http` by itself: what differs from Envoy where the upstream misbehaves, and what it passes on for others."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import httpx2
import pytest
from openai import OpenAI

from tests import gateway_process as gateways
from tests.events import events_of
from tests.gateway_process import Gateway
from tests.real import chat
from tests.real.callers import asking, error_of, post
from tests.real.conftest import KEY
from tests.real.upstream import Head, Stop, Upstream
from tests.waiting import DEADLINE

PIECE = b"x" * 1_000_000


@pytest.fixture(scope="module")
def with_key(upstream: Upstream) -> Iterator[Gateway]:
    """One with a key of its own, in front of a base path."""
    options = ("--upstream", f"{upstream.url}/api/v1", "--upstream-api-key", KEY)
    with gateways.running(*options, command="http") as gateway:
        yield gateway


@pytest.mark.parametrize("end", [Stop.RESET, Stop.CLOSE])
def test_a_stream_that_breaks_off_says_so(alone: Gateway, upstream: Upstream, end: Stop) -> None:
    """Envoy can only break off, too; here the caller gets the terminal event, and can read the response."""
    events = events_of(post(alone, upstream.script([chat.EVENTS, *chat.text("Hi"), end]), stream=True).text)
    assert [event["type"] for event in events[-2:]] == ["error", "response.failed"]
    failed = events[-1]["response"]
    assert failed["output"][0]["content"][0]["text"] == "Hi"
    assert httpx2.get(f"{alone.url}/responses/{failed['id']}", timeout=DEADLINE).json() == failed


@pytest.mark.parametrize("end", [Stop.RESET, Stop.CLOSE])
def test_an_object_that_breaks_off_is_a_502(alone: Gateway, upstream: Upstream, end: Stop) -> None:
    response = post(alone, upstream.script([chat.JSON, b'{"choices":', end]))
    assert (response.status_code, error_of(response)["code"]) == (502, "upstream_error")


def test_the_headers_on_the_way_to_the_upstream(alone: Gateway, upstream: Upstream) -> None:
    model = upstream.script([chat.JSON, chat.completion(content="Hello!")])
    kept = {"x-request-id": "mine", "authorization": "Bearer sk-of-the-caller", "openai-organization": "org-1"}
    headers = {**kept, "accept-encoding": "gzip, br", "content-type": "application/json; charset=utf-8"}
    httpx2.post(f"{alone.url}/responses?trace=1", content=json.dumps(asking(model)), headers=headers, timeout=DEADLINE)
    request = upstream.received(model)
    assert (request.method, request.path) == ("POST", "/v1/chat/completions?trace=1")
    assert {name: request.headers[name] for name in kept} == kept
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["content-length"] == str(len(request.body))
    assert request.headers["host"] == upstream.url.removeprefix("http://")


def test_chat_completions_through_the_same_client(alone: Gateway, upstream: Upstream) -> None:
    model = upstream.script([chat.JSON, chat.completion(content="Hello!")], chat.answer("Hi!"))
    with OpenAI(base_url=alone.url, api_key="sk", max_retries=0, timeout=DEADLINE) as client:
        whole = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello"}])
        assert whole.choices[0].message.content == "Hello!"
        chunks = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello"}], stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "Hi!"


@pytest.mark.parametrize(("method", "path"), [("POST", "/embeddings"), ("GET", "/batches/b%2F1"), ("DELETE", "/fine_tuning/jobs/1")])
def test_what_is_not_ours_passes_untouched(alone: Gateway, upstream: Upstream, method: str, path: str) -> None:
    key = upstream.script([Head(418, {"content-type": "text/x", "x-up": "1", "content-length": "4"}), b"\x00\xff{}"], key=f"/v1{path}")
    body = b"\x00 not JSON" if method == "POST" else b""
    response = httpx2.request(method, f"{alone.url}{path}?a=%20b", content=body, headers={"x-down": "1"}, timeout=DEADLINE)
    assert (response.status_code, response.content) == (418, b"\x00\xff{}")
    assert (response.headers["content-type"], response.headers["x-up"], response.headers["content-length"]) == ("text/x", "1", "4")
    request = upstream.received(key)
    assert (request.method, request.path, request.body) == (method, f"/v1{path}?a=%20b", body)
    assert request.headers["x-down"] == "1"


def test_the_base_path_and_the_key_are_added(with_key: Gateway, upstream: Upstream) -> None:
    upstream.script([chat.JSON, b"{}"], key="/api/v1/embeddings")
    httpx2.post(f"{with_key.url}/embeddings", content=b"", headers={"authorization": "Bearer mine"}, timeout=DEADLINE)
    request = upstream.received("/api/v1/embeddings")
    assert request.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("framing", ["chunked", "with its length"])
def test_uploads_pass_piece_by_piece(alone: Gateway, upstream: Upstream, framing: str) -> None:
    """20 MB of what is no JSON, in the framing in which they came."""

    def pieces() -> Iterator[bytes]:
        yield from [PIECE] * 20

    upstream.script([chat.JSON, b"{}"], key="/v1/files")
    headers = {"content-type": "multipart/form-data; boundary=b"}
    if framing == "with its length":
        headers["content-length"] = str(20 * len(PIECE))
    assert httpx2.post(f"{alone.url}/files", content=pieces(), headers=headers, timeout=DEADLINE).status_code == 200
    request = upstream.received("/v1/files")
    assert request.body == PIECE * 20
    assert request.headers.get("content-length") == headers.get("content-length")
    assert request.headers["content-type"] == headers["content-type"]


@pytest.mark.parametrize("path", ["/elsewhere", "/v1", "/"])
def test_nothing_else_is_passed_on(alone: Gateway, upstream: Upstream, path: str) -> None:
    """The upstream's other paths are no business of whoever may call models."""
    upstream.script(chat.answer(), key=path)
    response = httpx2.get(f"{alone.origin}{path}", timeout=DEADLINE)
    assert (response.status_code, error_of(response)["code"]) == (404, "unknown_url")
    assert upstream.count(path) == 0


def probe(gateway: Gateway, path: str) -> Mapping[str, str]:
    found: dict[str, str] = httpx2.get(f"{gateway.origin}{path}", timeout=DEADLINE).json()
    return found


def test_the_probes(either: Gateway, upstream: Upstream) -> None:
    upstream.script([chat.JSON, b'{"data": []}'], key="/v1/models")
    assert probe(either, "/healthz") == {"status": "ok"}
    assert probe(either, "/readyz") == {"status": "ok", "store": "up", "upstream": "up"}
