"""Envoy's access log has the ids by which the gateway's own line is found."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import pytest

from tests.gateway_process import Gateway, running
from tests.waiting import DEADLINE, until

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with running("--log-level", "debug") as gateway:
        yield gateway


def test_a_call_through_envoy(gateway: Gateway) -> None:
    answer = _post(gateway, "through-envoy", {"stream": True}, {"traceparent": TRACEPARENT})
    line = _line(gateway, "ingress", "through-envoy")
    assert line["response_id"] == answer.headers["x-gateway-response-id"]
    assert line["response_id"].startswith("resp_")
    assert line["response_id"] in answer.text
    assert line["traceparent"] == TRACEPARENT
    assert (line["route"], line["cluster"], line["status"], line["flags"]) == ("/v1/responses", "model", 200, "-")
    assert line["upstream"].startswith("127.0.0.1:")
    assert 0 <= line["upstream_first_byte_ms"] <= line["first_byte_ms"] <= line["duration_ms"]
    until(lambda: any(line["response_id"] in text for text in _own_lines(gateway, "through-envoy")), "the gateway's own line")


def test_an_answer_that_the_processor_makes(gateway: Gateway) -> None:
    answer = _post(gateway, "made-here", {"background": True})
    assert _line(gateway, "ingress", "made-here")["response_id"] == answer.json()["id"]


def test_a_refusal_has_no_response(gateway: Gateway) -> None:
    assert _post(gateway, "refused", {"temperature": "warm"}).status_code == 400
    line = _line(gateway, "ingress", "refused")
    assert line["status"] == 400
    assert "response_id" not in line


def test_no_query_and_no_key_is_written(gateway: Gateway) -> None:
    url = f"{gateway.url}/models?key=a-secret"
    httpx2.get(url, headers={"x-request-id": "asks", "authorization": "Bearer sk-secret"}, timeout=DEADLINE)
    assert _line(gateway, "ingress", "asks")["path"] == "/v1/models"
    assert "a-secret" not in "".join(line for line in gateway.log().splitlines() if line.startswith("{"))
    assert "sk-secret" not in gateway.log()


def _own_lines(gateway: Gateway, name: str) -> list[str]:
    return [text for text in gateway.log().splitlines() if name in text and not text.startswith('{"attempts"')]


def _post(gateway: Gateway, name: str, body: Mapping[str, object], headers: Mapping[str, str] | None = None) -> httpx2.Response:
    request = {"model": "demo", "input": "Hi", **body}
    return httpx2.post(f"{gateway.url}/responses", json=request, headers={"x-request-id": name, **(headers or {})}, timeout=DEADLINE)


def _line(gateway: Gateway, listener: str, request: str) -> Any:
    """Envoy's line of that request."""

    def found() -> list[Any]:
        lines = [json.loads(line) for line in gateway.log().splitlines() if line.startswith('{"') and line.endswith("}")]
        return [line for line in lines if (line.get("listener"), line.get("request_id")) == (listener, request)]

    until(lambda: len(found()) == 1, f"one line of {request}")
    return found()[0]
