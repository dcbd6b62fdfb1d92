"""A filter that runs on every path leaves the others alone; one in a mode that cannot work says what to set."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.events import events_of
from tests.real import chat, foreign_envoy
from tests.real.callers import asking, error_of, received, sent
from tests.real.foreign_envoy import HALF_GONE, ForeignEnvoy
from tests.real.upstream import Gate, Head, Trailers, Upstream
from tests.waiting import DEADLINE

WRONG = ("buffered", "streamed", "headers", "half")


@pytest.fixture(scope="module")
def envoy(upstream: Upstream) -> Iterator[ForeignEnvoy]:
    with foreign_envoy.running(upstream) as envoy:
        yield envoy
        assert "Traceback" not in envoy.processor.log()


@pytest.mark.parametrize("stream", [True, False])
def test_a_bare_filter_serves(envoy: ForeignEnvoy, upstream: Upstream, *, stream: bool) -> None:
    model = upstream.script(chat.answer())
    response = httpx2.post(f"{envoy.url('bare')}/responses", json=asking(model, stream=stream), timeout=DEADLINE)
    answer = events_of(response.text)[-1]["response"] if stream else response.json()
    assert answer["output"][0]["content"][0]["text"] == "Hello!"


@pytest.mark.parametrize("listener", ["bare", *WRONG])
@pytest.mark.parametrize("path", ["/chat/completions", "/batches", "/responses_of_others"])
def test_other_paths_pass_the_processor_untouched(envoy: ForeignEnvoy, upstream: Upstream, listener: str, path: str) -> None:
    key = upstream.script([Head(203, {"content-type": "text/x", "x-up": "1"}), b"\x00\xff", b"{}"], key=f"/v1{path}")
    method, body = ("POST", b"x" * 300_000) if path.startswith("/chat") else ("GET", b"")
    response = httpx2.request(method, f"{envoy.url(listener)}{path}", content=body, headers={"x-down": "1"}, timeout=DEADLINE)
    assert (response.status_code, response.content, response.headers["x-up"]) == (203, b"\x00\xff{}", "1")
    request = upstream.received(key)
    assert (request.method, request.path, request.body) == (method, f"/v1{path}", body)


@pytest.mark.parametrize("size", [1, 50_000])
def test_an_exchange_that_finds_nobody_at_one_endpoint_begins_at_another(envoy: ForeignEnvoy, upstream: Upstream, size: int) -> None:
    """A replica that was stopped: no request notices."""
    model = upstream.script(chat.answer())
    with httpx2.Client(base_url=envoy.url(HALF_GONE), timeout=DEADLINE) as client:
        for _ in range(10):  # twenty exchanges: one in a million runs meets only the living
            response = client.post("/responses", json=asking(model, instructions="x" * size))
            assert response.status_code == 200
            assert client.get(f"/responses/{response.json()['id']}").status_code == 200


def test_a_bare_filter_keeps_and_continues(envoy: ForeignEnvoy, upstream: Upstream) -> None:
    """Everything that needs no model call is answered without the upstream's route."""
    with httpx2.Client(base_url=envoy.url("bare"), timeout=DEADLINE) as client:
        conversation = client.post("/conversations", json={"metadata": {"a": "b"}}).json()
        asked = asking(upstream.script(chat.answer("First."), chat.answer("Second.")), conversation=conversation["id"])
        first = client.post("/responses", json=asked).json()
        second = client.post("/responses", json={**asked, "stream": True})
        assert events_of(second.text)[-1]["response"]["output"][0]["content"][0]["text"] == "Second."
        items = client.get(f"/conversations/{conversation['id']}/items").json()["data"]
        assert [item["role"] for item in items] == ["assistant", "user"] * 2
        assert client.get(f"/responses/{first['id']}").json() == first
        assert client.delete(f"/responses/{first['id']}").json()["deleted"]
        assert client.delete(f"/conversations/{conversation['id']}").json()["deleted"]


def test_a_bare_filter_calls_models_for_itself(envoy: ForeignEnvoy, upstream: Upstream) -> None:
    upstream.script([chat.JSON, chat.encoded({"data": [{"id": "m"}]})], key="/v1/models")
    condensing = upstream.script([chat.JSON, chat.completion(content="They greeted.")])
    with httpx2.Client(base_url=envoy.url("bare"), timeout=DEADLINE) as client:
        assert [model["id"] for model in client.get("/models").json()["data"]] == ["m"]
        compacted = client.post("/responses/compact", json=asking(condensing)).json()
        assert [item["type"] for item in compacted["output"]] == ["message", "compaction"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/responses", 405, "method_not_allowed"),
        ("PATCH", "/conversations/conv_1", 405, "method_not_allowed"),
        ("POST", "/responses/resp_1/nothing", 404, "unknown_url"),
        ("GET", "/responses/resp_1", 404, None),
    ],
)
def test_a_bare_filter_answers_for_its_own_paths(envoy: ForeignEnvoy, method: str, path: str, status: int, code: str | None) -> None:
    response = httpx2.request(method, f"{envoy.url('bare')}{path}", timeout=DEADLINE)
    assert (response.status_code, error_of(response)["code"]) == (status, code)


def test_a_bare_filter_has_no_websocket(envoy: ForeignEnvoy) -> None:
    """Without a route that upgrades, Envoy says no before the processor is asked."""
    upgrade = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13", "sec-websocket-key": "x" * 22 + "=="}
    response = httpx2.get(f"{envoy.url('bare')}/responses", headers=upgrade, timeout=DEADLINE)
    assert response.status_code == 403


def test_other_streams_pass_piece_by_piece(envoy: ForeignEnvoy, upstream: Upstream) -> None:
    gate = Gate()
    key = upstream.script([chat.EVENTS, b"data: 1\n\n", gate, b"data: 2\n\n", Trailers({"x-t": "1"})])
    asked = {"model": key, "messages": []}
    with httpx2.stream("POST", f"{envoy.url('bare')}/chat/completions", json=asked, timeout=DEADLINE) as response:
        pieces = response.iter_raw()
        assert next(pieces) == b"data: 1\n\n"
        gate.open()
        assert b"".join(pieces) == b"data: 2\n\n"


@pytest.mark.parametrize("listener", WRONG)
def test_a_wrong_mode_is_refused_and_says_what_to_set(envoy: ForeignEnvoy, upstream: Upstream, listener: str) -> None:
    model = upstream.script(chat.answer())
    for _ in range(2):
        response = httpx2.post(f"{envoy.url(listener)}/responses", json=asking(model, stream=True), timeout=DEADLINE)
        error = error_of(response)
        assert (response.status_code, error["code"]) == (500, "gateway_misconfigured")
        assert "FULL_DUPLEX_STREAMED" in error["message"]
    assert upstream.count(model) == 0
    assert envoy.processor.log().count("FULL_DUPLEX_STREAMED") == 1


def test_skipped_response_headers_do_not_hang(envoy: ForeignEnvoy, upstream: Upstream) -> None:
    model = upstream.script(chat.answer())
    with pytest.raises(httpx2.TransportError):
        httpx2.post(f"{envoy.url('skipping')}/responses", json=asking(model, stream=True), timeout=DEADLINE)


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_with_trailers(envoy: ForeignEnvoy, upstream: Upstream, *, stream: bool) -> None:
    model = upstream.script([chat.EVENTS, *chat.text("Hi"), chat.finish(), Trailers({"x-cost": "1"})])
    response = httpx2.post(f"{envoy.url('bare')}/responses", json=asking(model, stream=stream), timeout=DEADLINE)
    answer = events_of(response.text)[-1]["response"] if stream else response.json()
    assert answer["output"][0]["content"][0]["text"] == "Hi"


@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_of_trailers_alone(envoy: ForeignEnvoy, upstream: Upstream, status: int) -> None:
    model = upstream.script([Head(status), Trailers({"x-cost": "1"})])
    response = httpx2.post(f"{envoy.url('bare')}/responses", json=asking(model), timeout=DEADLINE)
    assert response.status_code == (502 if status == 200 else status)
    assert error_of(response)["type"] == "server_error"


def test_a_request_with_trailers_reaches_the_upstream_once(envoy: ForeignEnvoy, upstream: Upstream) -> None:
    """Its trailers go, and nothing follows the body that was announced."""
    model = upstream.script(chat.answer())
    body = chat.encoded(asking(model))
    chunks = b"%x\r\n%b\r\n0\r\nx-sum: 1\r\n\r\n" % (len(body), body)
    for _ in range(2):
        with sent(envoy.ports["bare"], chunks, "transfer-encoding: chunked", "trailer: x-sum") as connection:
            assert received(connection)[0] == 200
        request = upstream.received(model)
        assert request.headers["content-length"] == str(len(request.body))
        assert "trailer" not in request.headers
    assert upstream.count(model) == 0
