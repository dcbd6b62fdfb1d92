"""The upstream's errors, and Envoy's own, reach the caller as error objects with their status: through Envoy and without it."""

from __future__ import annotations

import gzip
from collections.abc import Sequence

import pytest

from tests.events import events_of
from tests.gateway_process import Gateway
from tests.real import chat
from tests.real.callers import error_of, post
from tests.real.upstream import Head, Step, Stop, Upstream

HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"

streamed_and_buffered = pytest.mark.parametrize("stream", [True, False], ids=["streamed", "buffered"])


@streamed_and_buffered
@pytest.mark.parametrize(
    ("status", "type_"), [(401, "authentication_error"), (429, "rate_limit_error"), (500, "server_error"), (503, "server_error")]
)
@pytest.mark.parametrize("bodiless", [{"content-length": "0"}, {}], ids=["no body", "an empty body"])
def test_a_status_alone(
    either: Gateway, upstream: Upstream, bodiless: dict[str, str], status: int, type_: str, *, stream: bool
) -> None:
    response = post(either, upstream.script([Head(status, bodiless | {"retry-after": "9"})]), stream=stream)
    assert response.status_code == status
    assert response.headers["retry-after"] == "9"
    assert error_of(response) == {
        "message": f"The upstream answered with status {status} and no message.",
        "type": type_,
        "param": None,
        "code": None,
    }


@streamed_and_buffered
def test_a_status_with_an_error_object(either: Gateway, upstream: Upstream, *, stream: bool) -> None:
    error = {"message": "Wait.", "type": "tokens", "param": "input", "code": "rate_limit_exceeded"}
    response = post(either, upstream.script(chat.refusal(429, {"error": error}, retry_after="11", x_ratelimit="0")), stream=stream)
    assert (response.status_code, error_of(response)) == (429, error)
    assert (response.headers["retry-after"], response.headers["x-ratelimit"]) == ("11", "0")


@streamed_and_buffered
def test_an_html_page(either: Gateway, upstream: Upstream, *, stream: bool) -> None:
    head = Head(502, {"content-type": "text/html", "content-length": str(len(HTML))})
    response = post(either, upstream.script([head, HTML]), stream=stream)
    assert response.status_code == 502
    assert "502 Bad Gateway" in error_of(response)["message"]


@streamed_and_buffered
@pytest.mark.parametrize("head", [Head(200, {"content-length": "0"}), Head(204, {"content-length": "0"}), Head(302, {"location": "/"})])
def test_an_answer_that_is_none(either: Gateway, upstream: Upstream, head: Head, *, stream: bool) -> None:
    """Envoy says that there is no body; without it there is one that ends at once."""
    response = post(either, upstream.script([head]), stream=stream)
    assert response.status_code == 502
    assert error_of(response)["code"] in ("bad_upstream_answer", "upstream_stream_ended")


@streamed_and_buffered
@pytest.mark.parametrize("end", [Stop.RESET, Stop.CLOSE])
def test_a_connection_that_ends_before_the_answer(either: Gateway, upstream: Upstream, end: Stop, *, stream: bool) -> None:
    """The model call is not repeated: it may have been paid for. Envoy does not say that it was made."""
    model = upstream.script([end])
    response = post(either, model, stream=stream)
    assert response.status_code in (502, 503)
    assert error_of(response)["type"] == "server_error"
    assert upstream.count(model) == 1


@streamed_and_buffered
@pytest.mark.parametrize(
    "steps",
    [
        [chat.JSON, chat.encoded({"error": {"message": "Broken.", "code": "broken", "status": 503}})],
        [
            Head(200, {"content-type": "application/octet-stream"}),
            chat.event({"error": {"message": "Broken.", "code": "broken", "status": 503}}),
        ],
    ],
    ids=["an object", "a first event"],
)
def test_an_error_in_a_200_becomes_a_status(either: Gateway, upstream: Upstream, steps: Sequence[Step], *, stream: bool) -> None:
    response = post(either, upstream.script(steps), stream=stream)
    assert (response.status_code, error_of(response)["code"]) == (503, "broken")


def test_an_error_in_a_promised_stream_is_an_event(either: Gateway, upstream: Upstream) -> None:
    model = upstream.script([chat.EVENTS, chat.event({"error": {"message": "Slow down.", "code": 429}})])
    failed = events_of(post(either, model, stream=True).text)[-1]
    assert failed["response"]["error"] == {"code": "rate_limit_exceeded", "message": "Slow down."}
    response = post(either, model)
    assert (response.status_code, error_of(response)["message"]) == (429, "Slow down.")


@streamed_and_buffered
def test_a_compressed_answer_that_nobody_asked_for(either: Gateway, upstream: Upstream, *, stream: bool) -> None:
    body = gzip.compress(chat.completion(content="Hello!"))
    head = Head(200, {"content-type": "application/json", "content-encoding": "gzip", "content-length": str(len(body))})
    response = post(either, upstream.script([head, body]), stream=stream)
    assert "content-encoding" not in response.headers
    answer = events_of(response.text)[-1]["response"] if stream else response.json()
    assert answer["output"][0]["content"][0]["text"] == "Hello!"


@streamed_and_buffered
@pytest.mark.parametrize("status", [200, 500])
def test_a_compression_that_cannot_be_read(either: Gateway, upstream: Upstream, status: int, *, stream: bool) -> None:
    head = Head(status, {"content-type": "application/json", "content-encoding": "br"})
    response = post(either, upstream.script([head, b"\x0b\x02"]), stream=stream)
    assert (response.status_code, error_of(response)["code"]) == (502, "bad_upstream_answer")
