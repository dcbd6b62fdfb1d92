"""The line of an exchange in the log of the processes that users start, and what must not be in it."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from gw_extproc.telemetry import redaction
from tests.events import events_of
from tests.gateway_process import Gateway
from tests.real import chat
from tests.real.callers import streaming
from tests.real.test_websocket import create as begin_turn
from tests.real.test_websocket import socket
from tests.real.upstream import Gate, Upstream
from tests.telemetry.collector import Collector
from tests.telemetry.test_traces import CALLERS_KEY, ROLL, create
from tests.tools.mcp_server import McpServer
from tests.tools.talk import calling, server_tool
from tests.waiting import until


def lines(gateway: Gateway, **facts: object) -> list[dict[str, Any]]:
    """Those of exchanges with these facts; each line of the log is JSON, whoever wrote it."""
    found = [json.loads(line) for line in gateway.log().splitlines()]
    return [line for line in found if line["event"] == "exchange" and all(line.get(name) == fact for name, fact in facts.items())]


def line_of(gateway: Gateway, **facts: object) -> dict[str, Any]:
    until(lambda: bool(lines(gateway, **facts)), f"a line with {facts}")
    (line,) = lines(gateway, **facts)
    return line


def test_an_inline_exchange(traced: Gateway, upstream: Upstream, collector: Collector) -> None:
    model = upstream.script(chat.answer())
    answer = create(traced, model, {"x-request-id": "11111111-2222-4333-8444-555555555555"}, stream=True, metadata={"a": "b"})
    response = events_of(answer.text)[-1]["response"]
    line = line_of(traced, response_id=response["id"])
    expected = {
        "level": "info",
        "logger": "gw_extproc.exchange",
        "door": "inline",
        "method": "POST",
        "route": "/v1/responses",
        "http_status": 200,
        "model": model,
        "status": "completed",
        "stream": True,
        "stored": True,
        "model_calls": 1,
        "input_tokens": 11,
        "output_tokens": 7,
    }
    assert {name: line.get(name) for name in expected} == expected
    assert 0 < line["first_token_seconds"] <= line["seconds"]
    assert len(line["tenant"]) == 8
    assert line["notices"] == ["not sent: metadata"]
    assert line["trace_id"] == collector.trace_of(response["id"])[0].trace_id
    assert line["request_id"] == upstream.received(model).headers["x-request-id"]


def test_one_line_for_each_exchange(traced: Gateway, upstream: Upstream, dice: McpServer) -> None:
    model = upstream.script(calling(ROLL), chat.answer())
    hosted = events_of(create(traced, model, stream=True, tools=[server_tool(dice)]).text)[-1]["response"]
    line = line_of(traced, response_id=hosted["id"])
    assert (line["door"], line["model_calls"], line["tools"], line["output_tokens"]) == ("hosted", 2, ["mcp"], 14)
    queued = create(traced, upstream.script(chat.answer()), background=True).json()
    made = line_of(traced, response_id=queued["id"], door="background")
    assert (made["status"], made["background"], made["output_tokens"]) == ("completed", True, 7)
    line_of(traced, response_id=queued["id"], door="hosted", background=True)
    assert len(lines(traced, response_id=queued["id"])) == 2


def test_what_is_refused_and_who_leaves(traced: Gateway, upstream: Upstream) -> None:
    model = upstream.script(chat.answer())
    create(traced, model, temperature="warm")
    line = line_of(traced, http_status=400)
    assert (line["error"], line["route"], "response_id" in line) == ("invalid_type", "/v1/responses", False)
    assert (line["error_type"], line["error_param"]) == ("invalid_request_error", "temperature")
    assert "warm" not in json.dumps(line)
    busy = upstream.script([chat.EVENTS, *chat.text("Hel"), Gate()])
    with streaming(traced, busy) as events:
        assert any("delta" in event for event in events)
    line = line_of(traced, model=busy)
    assert (line["left"], line["status"], line["reason"]) == ("answering", "incomplete", "interrupted")


def test_a_turn_of_a_websocket_says_what_was_left_out(talkative: Gateway, upstream: Upstream) -> None:
    model = upstream.script(chat.answer())
    with socket(talkative) as connection:
        list(begin_turn(connection, model, metadata={"run": "7"}))
    assert line_of(talkative, model=model)["notices"] == ["not sent: metadata"]
    assert "not sent: metadata" not in [json.loads(line)["event"] for line in talkative.log().splitlines()]


def test_the_text_of_a_refusal_is_a_body(talkative: Gateway) -> None:
    """It quotes what was sent."""
    create(talkative, "m", truncation="warm")
    line = line_of(talkative, error_param="truncation")
    assert "warm" in json.loads(line["answer"])["error"]["message"]


def test_probes_leave_no_line(talkative: Gateway) -> None:
    assert httpx2.get(f"{talkative.origin}/healthz").status_code == 200
    httpx2.get(f"{talkative.origin}/v1/responses/resp_none")
    line_of(talkative, route="/v1/responses/{response_id}")
    assert lines(talkative, route="/healthz") == []


def test_bodies_where_they_are_asked_for(talkative: Gateway, upstream: Upstream) -> None:
    model = upstream.script([chat.JSON, chat.completion(content="a secret answer")])
    image = {"type": "input_image", "image_url": "data:image/png;base64,aaaa"}
    question = [{"role": "user", "content": [{"type": "input_text", "text": "x" * 5000}, image]}]
    response = create(talkative, model, input=question).json()
    line = line_of(talkative, response_id=response["id"])
    asked, answered = json.loads(line["request"]), json.loads(line["answer"])
    text, shown = asked["input"][0]["content"]
    assert text["text"] == "x" * 1000 + "<4000 more>"
    assert shown["image_url"] == redaction.REDACTED
    assert answered["output"][0]["content"][0]["text"] == "a secret answer"
    assert CALLERS_KEY not in talkative.log()


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", None),
        (b'{"a": 1, "b": null}', '{"a":1,"b":null}'),
        (b'{"tools": [{"type": "mcp", "authorization": "t", "headers": {"k": "v"}, "server_url": "https://h/key"}]}', None),
        (b'{"cut off', "<9 bytes that are no whole JSON>"),
        (b"[" + b"1," * 60 + b"1]", "[" + "1," * 50 + '"<11 more>"]'),
        (b"[" * 40 + b"]" * 40, "[" * 32 + '"<deeper>"' + "]" * 32),
    ],
)
def test_what_is_shown_of_a_body(body: bytes, shown: str | None) -> None:
    found = redaction.shown(body)
    if b"mcp" in body:
        marked = {"type": "mcp", **dict.fromkeys(("authorization", "headers", "server_url"), redaction.REDACTED)}
        assert json.loads(found or "") == {"tools": [marked]}
    else:
        assert found == shown


def test_a_body_has_an_end() -> None:
    found = redaction.shown(json.dumps([["x" * 900] * 50] * 50).encode()) or ""
    assert len(found) < redaction.LONGEST_BODY + 30
    assert found.endswith(" more>")
