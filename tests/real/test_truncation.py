"""`truncation`: what becomes of a context that the model server finds too long, through Envoy and alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI

from tests.events import events_of
from tests.gateway_process import Gateway
from tests.real import chat
from tests.real.callers import error_of, post
from tests.real.upstream import Step, Upstream
from tests.waiting import DEADLINE

MESSAGE = "This model's maximum context length is 50 tokens. However, your messages resulted in 100 tokens."
TOO_LONG = chat.refusal(400, {"error": {"message": MESSAGE, "type": "invalid_request_error", "code": "context_length_exceeded"}})
ERROR = {"message": MESSAGE, "type": "invalid_request_error", "param": "input", "code": "context_length_exceeded"}
WHOLE: Sequence[Step] = [chat.JSON, chat.completion(content="Hello!")]


def turns(count: int) -> list[dict[str, Any]]:
    asked = [{"role": "user", "content": f"question {number} {'x' * 500}"} for number in range(count)]
    said = [{"role": "assistant", "content": f"answer {number} {'y' * 500}"} for number in range(count)]
    return [message for pair in zip(asked, said, strict=True) for message in pair]


def sent(upstream: Upstream, model: str) -> list[str]:
    """The first words of each message that the model gets next."""
    messages: Any = upstream.received(model).chat["messages"]
    return [" ".join(message["content"].split()[:2]) for message in messages]


@pytest.mark.parametrize("stream", [False, True])
def test_the_oldest_go_until_it_fits(either: Gateway, upstream: Upstream, *, stream: bool) -> None:
    model = upstream.script(TOO_LONG, TOO_LONG, chat.answer() if stream else WHOLE)
    asked = [*turns(4), {"role": "user", "content": "Go on."}]
    answer = post(either, model, stream=stream, input=asked, instructions="Be brief.", truncation="auto")
    assert answer.status_code == 200
    assert answer.headers["x-gateway-notice"] == "left out to fit the context: the oldest input"
    response = events_of(answer.text)[-1]["response"] if stream else answer.json()
    assert (response["status"], response["truncation"]) == ("completed", "auto")
    assert len(sent(upstream, model)) == 10
    assert sent(upstream, model) == ["Be brief.", "question 3", "answer 3", "Go on."]
    assert sent(upstream, model) == ["Be brief.", "Go on."]
    stored = httpx2.get(f"{either.url}/responses/{response['id']}/input_items", timeout=DEADLINE).json()
    assert len(stored["data"]) == len(asked), "what is left out of the call is not left out of the record"


@pytest.mark.parametrize("stream", [False, True])
def test_when_nothing_more_may_go_it_is_the_error(either: Gateway, upstream: Upstream, *, stream: bool) -> None:
    model = upstream.script(TOO_LONG)
    answer = post(either, model, stream=stream, input=[*turns(1), {"role": "user", "content": "Go on."}], truncation="auto")
    assert (answer.status_code, error_of(answer)) == (400, ERROR)
    assert upstream.count(model) == 2


@pytest.mark.parametrize("fields", [{}, {"truncation": "disabled"}, {"truncation": None}], ids=str)
def test_without_it_nothing_is_left_out(either: Gateway, upstream: Upstream, fields: dict[str, Any]) -> None:
    model = upstream.script(TOO_LONG)
    answer = post(either, model, input=[*turns(2), {"role": "user", "content": "Go on."}], **fields)
    assert (answer.status_code, error_of(answer)) == (400, ERROR)
    assert upstream.count(model) == 1


def test_another_error_is_no_reason(either: Gateway, upstream: Upstream) -> None:
    model = upstream.script(chat.refusal(429, {"error": {"message": "Slow down: reduce the length of the messages."}}))
    answer = post(either, model, input=[*turns(2), {"role": "user", "content": "Go on."}], truncation="auto")
    assert answer.status_code == 429
    assert upstream.count(model) == 1


def test_one_that_comes_in_a_stream_ends_it(either: Gateway, upstream: Upstream) -> None:
    """Something was said already, so nothing can be said anew."""
    model = upstream.script([chat.EVENTS, *chat.text("He"), chat.event({"error": {"message": MESSAGE, "code": 400}})])
    events = events_of(post(either, model, stream=True, input=turns(2), truncation="auto").text)
    error, failed = events[-2:]
    assert (error["type"], error["code"], error["message"]) == ("error", "context_length_exceeded", MESSAGE)
    assert failed["response"]["error"] == {"code": "context_length_exceeded", "message": MESSAGE}
    assert upstream.count(model) == 1


def test_a_conversation_goes_on_whole(either: Gateway, upstream: Upstream) -> None:
    """A turn that was shortened leaves its history as it is."""
    first = post(either, upstream.script(WHOLE), input=[*turns(3), {"role": "user", "content": "Well?"}]).json()["id"]
    model = upstream.script(TOO_LONG, WHOLE)
    second = post(either, model, input="Go on.", previous_response_id=first, truncation="auto").json()
    assert len(sent(upstream, model)) == 9
    assert sent(upstream, model)[-1] == "Go on."
    third = upstream.script(WHOLE)
    post(either, third, input="And?", previous_response_id=second["id"])
    assert len(sent(upstream, third)) == 11


def test_the_sdk_gets_the_answer_or_the_error(client: OpenAI, upstream: Upstream) -> None:
    asked: Any = [*turns(2), {"role": "user", "content": "Go on."}]
    response = client.responses.create(model=upstream.script(TOO_LONG, WHOLE), input=asked, truncation="auto")
    assert (response.output_text, response.truncation) == ("Hello!", "auto")
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.create(model=upstream.script(TOO_LONG), input=asked)
    assert (raised.value.code, raised.value.param) == ("context_length_exceeded", "input")
