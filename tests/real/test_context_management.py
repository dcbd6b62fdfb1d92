"""`context_management`: a context over its threshold is condensed before the model answers, through Envoy and alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx2
import pytest
from openai import OpenAI

from tests.events import events_of
from tests.gateway_process import Gateway
from tests.real import chat
from tests.real.callers import error_of, post
from tests.real.upstream import Step, Upstream
from tests.waiting import DEADLINE

AT_1000: Any = [{"type": "compaction", "compact_threshold": 1000}]
SUMMARY: Sequence[Step] = [chat.JSON, chat.completion(content="Ada likes tea.")]
HELLO: Sequence[Step] = [chat.JSON, chat.completion(content="Hello!")]
TITLE = "Summary of the conversation so far:\nAda likes tea."


def long_talk() -> list[dict[str, Any]]:
    """About 1500 tokens by the gateway's estimate, and a question."""
    said = [{"role": role, "content": f"{role} {number} {'x' * 700}"} for number in range(4) for role in ("user", "assistant")]
    return [{"role": "developer", "content": "Be kind."}, *said, {"role": "user", "content": "What do I like?"}]


def told(upstream: Upstream, model: str) -> list[tuple[str, str]]:
    """Role and beginning of each message that the model gets next."""
    messages: Any = upstream.received(model).chat["messages"]
    return [(message["role"], message.get("content", "")[:60]) for message in messages]


def read(gateway: Gateway, path: str, **query: Any) -> Any:
    return httpx2.get(f"{gateway.url}/responses/{path}", params=query, timeout=DEADLINE)


NEXT = [("system", "Be kind."), ("user", TITLE), ("user", "What do I like?")]


@pytest.mark.parametrize("stream", [False, True])
def test_the_output_begins_with_what_the_context_became(either: Gateway, upstream: Upstream, *, stream: bool) -> None:
    model = upstream.script(SUMMARY, chat.answer() if stream else HELLO)
    answer = post(either, model, stream=stream, input=long_talk(), context_management=AT_1000)
    response = events_of(answer.text)[-1]["response"] if stream else answer.json()
    compaction, message = response["output"]
    assert compaction.keys() == {"id", "type", "status", "encrypted_content"}
    assert (compaction["type"], compaction["status"], compaction["id"][:4]) == ("compaction", "completed", "cmp_")
    assert "Ada" not in compaction["encrypted_content"]
    assert message["content"][0]["text"] == "Hello!"
    assert response["usage"]["total_tokens"] == 2 * chat.USAGE["total_tokens"], "both model calls count"
    asked = told(upstream, model)
    assert (asked[0][1][:12], asked[-1]) == ("You condense", ("user", "Write the summary now."))
    assert len(asked) == 11
    assert told(upstream, model) == NEXT
    assert read(either, response["id"]).json() == response


def test_its_events_and_that_they_can_be_told_again(either: Gateway, upstream: Upstream) -> None:
    model = upstream.script(SUMMARY, chat.answer())
    answer = post(either, model, stream=True, input=long_talk(), context_management=AT_1000)
    found = events_of(answer.text)
    assert [event["type"] for event in found[:5]] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_item.added",
    ]
    assert (found[2]["item"]["status"], found[3]["item"]["status"]) == ("in_progress", "completed")
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    again = read(either, found[0]["response"]["id"], stream="true").text
    assert again == answer.text


def test_later_turns_have_it_in_place_of_what_came_before(either: Gateway, upstream: Upstream) -> None:
    """By id, and by who carries its history itself, whole or from the item on."""
    model = upstream.script(SUMMARY, HELLO)
    asked = long_talk()
    first = post(either, model, input=asked, context_management=AT_1000).json()
    following = [*NEXT, ("assistant", "Hello!"), ("user", "And now?")]
    question = {"role": "user", "content": "And now?"}
    for fields in (
        {"previous_response_id": first["id"], "input": "And now?"},
        {"input": [*asked, *first["output"], question]},
    ):
        later = upstream.script(HELLO)
        post(either, later, **fields, context_management=AT_1000)
        assert told(upstream, later) == following
        assert upstream.count(later) == 0, "it is not over the threshold any more"
    later = upstream.script(HELLO)
    post(either, later, input=[*first["output"], question])
    assert told(upstream, later) == [following[1], *following[3:]]
    listed = read(either, f"{first['id']}/input_items", limit=100).json()["data"]
    assert len(listed) == len(asked), "the record is whole"


def test_in_a_conversation_too(either: Gateway, upstream: Upstream) -> None:
    made = httpx2.post(f"{either.url}/conversations", json={"items": long_talk()[:-1]}, timeout=DEADLINE).json()["id"]
    fields: Any = {"conversation": made, "context_management": AT_1000}
    post(either, upstream.script(SUMMARY, HELLO), input="What do I like?", **fields)
    later = upstream.script(HELLO)
    post(either, later, input="And now?", **fields)
    assert told(upstream, later) == [*NEXT, ("assistant", "Hello!"), ("user", "And now?")]
    items = httpx2.get(f"{either.url}/conversations/{made}/items", params={"limit": 100}, timeout=DEADLINE).json()["data"]
    (compaction,) = [item for item in items if item["type"] == "compaction"]
    assert compaction.keys() == {"id", "type", "status", "encrypted_content"}


def test_a_run_of_an_agent_keeps_its_last_step(either: Gateway, upstream: Upstream) -> None:
    """The calls whose outputs are new are told with them."""
    steps: list[dict[str, Any]] = [{"role": "user", "content": "Look around."}]
    for number in range(8):
        steps.append({"type": "function_call", "call_id": f"call_{number}", "name": "look", "arguments": "{}"})
        steps.append({"type": "function_call_output", "call_id": f"call_{number}", "output": "y" * 600})
    model = upstream.script(SUMMARY, HELLO)
    tools = [{"type": "function", "name": "look", "parameters": {"type": "object"}}]
    assert post(either, model, input=steps, tools=tools, context_management=AT_1000).status_code == 200
    told(upstream, model)
    messages: Any = upstream.received(model).chat["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool"]
    assert messages[1]["tool_calls"][0]["id"] == messages[2]["tool_call_id"] == "call_7"


@pytest.mark.parametrize(
    "asked", [long_talk()[-1:], [{"role": "user", "content": "x" * 9000}], long_talk()[:3]], ids=["short", "one question", "small"]
)
def test_what_is_below_or_cannot_be_condensed_is_sent_as_it_is(either: Gateway, upstream: Upstream, asked: Any) -> None:
    model = upstream.script(HELLO)
    response = post(either, model, input=asked, context_management=AT_1000).json()
    assert [item["type"] for item in response["output"]] == ["message"]
    assert len(told(upstream, model)) == len(asked)
    assert upstream.count(model) == 0


@pytest.mark.parametrize("stream", [False, True])
def test_what_goes_wrong_while_it_is_condensed_is_the_answer(either: Gateway, upstream: Upstream, *, stream: bool) -> None:
    model = upstream.script(chat.refusal(429, {"error": {"message": "Slow down.", "type": "tokens", "code": "rate"}}, retry_after="7"))
    answer = post(either, model, stream=stream, input=long_talk(), context_management=AT_1000)
    assert (answer.status_code, answer.headers["retry-after"], error_of(answer)["code"]) == (429, "7", "rate")
    assert upstream.count(model) == 1
    silent = upstream.script([chat.JSON, chat.completion(content=" ")])
    assert post(either, silent, stream=stream, input=long_talk(), context_management=AT_1000).status_code == 502


def test_an_estimate_of_its_tokens_says_so(either: Gateway, upstream: Upstream) -> None:
    uncounted = chat.encoded({"choices": [{"index": 0, "message": {"content": "Ada likes tea."}, "finish_reason": "stop"}]})
    model = upstream.script([chat.JSON, uncounted], HELLO)
    answer = post(either, model, input=long_talk(), context_management=AT_1000)
    assert answer.headers["x-gateway-notice"] == "estimated: usage"
    assert answer.json()["usage"]["input_tokens"] > 1000


def test_it_is_not_somebody_elses(either: Gateway, upstream: Upstream) -> None:
    first = post(either, upstream.script(SUMMARY, HELLO), input=long_talk(), context_management=AT_1000).json()
    body = {"model": "m", "input": [*first["output"], {"role": "user", "content": "And?"}]}
    stranger = httpx2.post(f"{either.url}/responses", json=body, headers={"authorization": "Bearer other"}, timeout=DEADLINE)
    assert (stranger.status_code, error_of(stranger)["code"]) == (400, "invalid_encrypted_content")


def test_the_sdk(client: OpenAI, upstream: Upstream) -> None:
    model = upstream.script(SUMMARY, chat.answer(), HELLO)
    asked: Any = long_talk()
    with client.responses.stream(model=model, input=asked, context_management=AT_1000) as stream:
        first = stream.get_final_response()
    assert [item.type for item in first.output] == ["compaction", "message"]
    carried: Any = [item.to_dict() for item in first.output]
    again = client.responses.create(model=model, input=[*carried, {"role": "user", "content": "And now?"}])
    assert again.output_text == "Hello!"
