"""What is kept of answers, seen from outside: what the model sees of them, and whose they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests import gateway_process as gateways
from tests.gateway_process import Gateway
from tests.real import chat
from tests.real.callers import asking, error_of, post
from tests.real.upstream import Upstream
from tests.waiting import DEADLINE

PNG = "data:image/png;base64,iVBORw0KGgo="
WEATHER = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}


@pytest.fixture(scope="module")
def told(upstream: Upstream) -> Iterator[Gateway]:
    """It is told by a header whose requests are whose."""
    options = ("--tenant-header", "x-tenant", "--model-aliases", "fast=small")
    with gateways.running("--upstream", f"{upstream.url}/v1", *options) as gateway:
        yield gateway


def test_a_header_says_whose_it_is(told: Gateway, upstream: Upstream) -> None:
    asked = asking(upstream.script(chat.answer()))
    with httpx2.Client(base_url=told.url, timeout=DEADLINE) as client:
        nameless = client.post("/responses", json=asked)
        assert (nameless.status_code, error_of(nameless)["code"]) == (401, "missing_tenant")
        made = client.post("/responses", json=asked, headers={"x-tenant": "a", "authorization": "Bearer one"}).json()
        path = f"/responses/{made['id']}"
        assert client.get(path, headers={"x-tenant": "a", "authorization": "Bearer two"}).json() == made
        assert client.get(path, headers={"x-tenant": "b", "authorization": "Bearer one"}).status_code == 404
        assert client.get(path).status_code == 401


def test_who_gives_two_names_is_neither(told: Gateway, upstream: Upstream) -> None:
    """Whether the processor answers itself or Envoy makes the model call."""
    asked, both = asking(upstream.script(chat.answer())), [("x-tenant", "a"), ("x-tenant", "b")]
    with httpx2.Client(base_url=told.url, timeout=DEADLINE) as client:
        path = f"/responses/{client.post('/responses', json=asked, headers=both).json()['id']}"
        assert client.get(path, headers=both).status_code == 200
        for name in ("a", "b"):
            assert client.get(path, headers={"x-tenant": name}).status_code == 404
            made = client.post("/conversations", json={}, headers={"x-tenant": name}).json()
            assert client.get(f"/conversations/{made['id']}", headers=both).status_code == 404


def test_a_model_by_another_name(told: Gateway, upstream: Upstream) -> None:
    upstream.script([chat.JSON, chat.completion(content="Hi")], key="small")
    headers = {"x-tenant": "a"}
    made = httpx2.post(f"{told.url}/responses", json=asking("fast"), headers=headers, timeout=DEADLINE)
    assert made.json()["output"][0]["content"][0]["text"] == "Hi"
    upstream.script([chat.JSON, chat.encoded({"data": [{"id": "small"}]})], key="/v1/models")
    listed = httpx2.get(f"{told.url}/models", headers=headers, timeout=DEADLINE).json()
    assert [model["id"] for model in listed["data"]] == ["small", "fast"]


def test_what_the_model_sees_of_earlier_turns(either: Gateway, upstream: Upstream) -> None:
    """Everything but the instructions: pictures, calls and their outputs, what it refused."""
    called = chat.completion("tool_calls", content="Let me see.", tool_calls=[chat.call("get_weather", "{}")])
    model = upstream.script([chat.JSON, called], [chat.JSON, chat.completion(content=None, refusal="No.")], chat.answer())
    picture = {"role": "user", "content": [{"type": "input_image", "image_url": PNG}]}
    first = post(either, model, input=[picture], tools=[WEATHER], instructions="Be brief.").json()
    output = {"type": "function_call_output", "call_id": first["output"][1]["call_id"], "output": "rain"}
    second = post(either, model, input=[output], tools=[WEATHER], previous_response_id=first["id"]).json()
    post(either, model, input="Why?", previous_response_id=second["id"], instructions="Be kind.")
    messages: Any = [upstream.received(model).chat["messages"] for _ in range(3)][-1]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "tool", "assistant", "user"]
    assert messages[0]["content"] == "Be kind."
    assert messages[1]["content"] == [{"type": "image_url", "image_url": {"url": PNG}}]
    assert messages[2]["tool_calls"][0]["function"] == {"name": "get_weather", "arguments": "{}"}
    assert messages[3]["content"] == "rain"
    assert "No." in json.dumps(messages[4])
    assert messages[5]["content"] == "Why?"
