"""The unmodified openai SDK: texts, streams, reasoning, images, errors, headers. Its tools are in test_openai_sdk_tools."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.responses import Response, ResponseCompletedEvent, ResponseReasoningItem, ResponseStreamEvent
from pydantic import BaseModel

PNG = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="

FILE = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjQ="}
"""Servers that nobody has described (the dialect "generic") are not sent files."""


class Trip(BaseModel):
    city: str
    days: int


def test_a_text(client: OpenAI) -> None:
    response = client.responses.create(model="demo", input="Hello there")
    assert response.status == "completed"
    assert 'You said: "Hello there".' in response.output_text
    assert response.model == "demo"
    assert response.error is None
    assert response.incomplete_details is None


async def test_a_text_async(async_client: AsyncOpenAI) -> None:
    response = await async_client.responses.create(model="demo", input="Hello there")
    assert 'You said: "Hello there".' in response.output_text


def test_usage(client: OpenAI) -> None:
    usage = client.responses.create(model="demo", input="one two three", reasoning={"effort": "low"}).usage
    assert usage is not None
    assert usage.input_tokens == 3
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    assert 0 < usage.output_tokens_details.reasoning_tokens < usage.output_tokens
    assert usage.input_tokens_details.cached_tokens == 0


def test_what_was_asked_for_is_echoed(client: OpenAI) -> None:
    response = client.responses.create(
        model="demo",
        input="Hello",
        instructions="Be brief.",
        metadata={"order": "17"},
        temperature=0.5,
        max_output_tokens=200,
        prompt_cache_key="cache",
        safety_identifier="somebody",
        store=True,
    )
    assert "I saw instructions" in response.output_text
    assert response.instructions == "Be brief."
    assert response.metadata == {"order": "17"}
    assert response.temperature == 0.5
    assert response.max_output_tokens == 200
    assert response.prompt_cache_key == "cache"
    assert response.safety_identifier == "somebody"
    assert response.to_dict()["store"] is True


def test_several_turns_by_input_list(client: OpenAI) -> None:
    context: list[Any] = [{"role": "user", "content": "My name is Ada."}]
    context += client.responses.create(model="demo", input=context).output
    context.append({"role": "user", "content": "What is my name?"})
    second = client.responses.create(model="demo", input=context)
    assert 'Before, you said: "My name is Ada.".' in second.output_text


def test_an_answer_that_is_too_long_is_incomplete(client: OpenAI) -> None:
    response = client.responses.create(model="demo", input="Hello", max_output_tokens=16)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"


def test_a_stream(client: OpenAI) -> None:
    with client.responses.create(model="demo", input="Hello", stream=True) as stream:
        events = list(stream)
    check_order(events)
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == final(events).output_text


async def test_a_stream_async(async_client: AsyncOpenAI) -> None:
    async with await async_client.responses.create(model="demo", input="Hello", stream=True) as stream:
        events = [event async for event in stream]
    check_order(events)
    assert 'You said: "Hello".' in final(events).output_text


def test_the_stream_helper(client: OpenAI) -> None:
    with client.responses.stream(model="demo", input="Hello") as stream:
        deltas = [event for event in stream if event.type == "response.output_text.delta"]
        response = stream.get_final_response()
    assert deltas[-1].snapshot == response.output_text == "".join(event.delta for event in deltas)
    assert response.status == "completed"


async def test_the_stream_helper_async(async_client: AsyncOpenAI) -> None:
    async with async_client.responses.stream(model="demo", input="Hello") as stream:
        response = await stream.get_final_response()
    assert 'You said: "Hello".' in response.output_text


def test_parse(client: OpenAI) -> None:
    response = client.responses.parse(model="demo", input="A weekend in Paris", text_format=Trip)
    assert response.output_parsed == Trip(city="Paris", days=1)


async def test_parse_async(async_client: AsyncOpenAI) -> None:
    response = await async_client.responses.parse(model="demo", input="A weekend in Paris", text_format=Trip)
    assert response.output_parsed == Trip(city="Paris", days=1)


def test_parse_a_stream(client: OpenAI) -> None:
    with client.responses.stream(model="demo", input="A weekend in Paris", text_format=Trip) as stream:
        done = [event for event in stream if event.type == "response.output_text.done"]
        response = stream.get_final_response()
    assert [event.parsed for event in done] == [Trip(city="Paris", days=1)]
    assert response.output_parsed == Trip(city="Paris", days=1)


def test_json_object(client: OpenAI) -> None:
    response = client.responses.create(model="demo", input="Say it in JSON", text={"format": {"type": "json_object"}})
    assert response.output_text == '{"demo": true, "you_said": "Say it in JSON"}'


def test_reasoning_text(client: OpenAI) -> None:
    with client.responses.stream(model="demo", input="Think", reasoning={"effort": "low"}) as stream:
        thought = "".join(event.delta for event in stream if event.type == "response.reasoning_text.delta")
        item = stream.get_final_response().output[0]
    assert isinstance(item, ResponseReasoningItem)
    assert item.content is not None
    assert [part.text for part in item.content] == [thought]
    assert item.summary == []


def test_reasoning_summary(client: OpenAI) -> None:
    with client.responses.stream(model="demo", input="Think", reasoning={"effort": "low", "summary": "auto"}) as stream:
        summary = "".join(event.delta for event in stream if event.type == "response.reasoning_summary_text.delta")
        item = stream.get_final_response().output[0]
    assert isinstance(item, ResponseReasoningItem)
    assert item.content is not None
    assert [part.text for part in item.summary] == [part.text for part in item.content] == [summary]


def test_reasoning_is_fed_back(client: OpenAI) -> None:
    first = client.responses.create(model="demo", input="Think", reasoning={"effort": "low"}, include=["reasoning.encrypted_content"])
    context: list[Any] = [{"role": "user", "content": "Think"}, *first.output, {"role": "user", "content": "And now?"}]
    second = client.responses.create(model="demo", input=context)
    assert 'You said: "And now?".' in second.output_text


def test_images(client: OpenAI) -> None:
    content: list[Any] = [{"type": "input_text", "text": "What are these?"}]
    content += [{"type": "input_image", "image_url": PNG}, {"type": "input_image", "image_url": PNG, "detail": "low"}]
    response = client.responses.create(model="demo", input=[{"role": "user", "content": content}])
    assert "I was given 2 images." in response.output_text


def test_log_probabilities_may_be_asked_for(client: OpenAI) -> None:
    response = client.responses.create(model="demo", input="Hello", include=["message.output_text.logprobs"], top_logprobs=3)
    assert response.status == "completed"
    assert response.top_logprobs == 3


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"temperature": 3}, "temperature"),
        ({"max_output_tokens": -1}, "max_output_tokens"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.name"),
        ({"input": [{"role": "nobody", "content": "Hello"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": 3}]}]}, "input[0].content[0].image_url"),
        ({"input": [{"role": "user", "content": [FILE]}]}, "input[0].content[0].file_data"),
        ({"metadata": {"key": "x" * 513}}, "metadata.key"),
        ({"background": True, "store": False}, "background"),
        ({"tool_choice": {"type": "web_search"}, "tools": [{"type": "web_search"}]}, "tool_choice"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_request_names_the_field(client: OpenAI, wrong: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.create(**({"model": "demo", "input": "Hello"} | wrong))
    assert raised.value.param == param
    assert raised.value.type == "invalid_request_error"
    assert param in raised.value.message


async def test_a_bad_request_async(async_client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        await async_client.responses.create(model="demo", input="Hello", top_p=2, stream=True)
    assert raised.value.param == "top_p"


def test_what_is_not_there_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_1")
    with pytest.raises(openai.NotFoundError):
        client.post("/nothing", cast_to=object)


def test_other_endpoints_pass_through(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["demo"]
    chat = client.chat.completions.create(model="demo", messages=[{"role": "user", "content": "Hello"}])
    assert 'You said: "Hello".' in (chat.choices[0].message.content or "")


def test_the_raw_response_has_the_headers(client: OpenAI) -> None:
    raw = client.responses.with_raw_response.create(model="demo", input="Hello", extra_headers={"x-request-id": "mine"})
    assert raw.headers["content-type"] == "application/json"
    assert "x-gateway-notice" not in raw.headers
    assert raw.parse().status == "completed"


def test_the_notice_names_what_was_left_out(client: OpenAI) -> None:
    raw = client.responses.with_raw_response.create(
        model="demo", input="Hello", tools=[{"type": "web_search"}], extra_body={"client_metadata": {"editor": "none"}}
    )
    assert "web_search" in raw.headers["x-gateway-notice"]
    assert "client_metadata" in raw.headers["x-gateway-notice"]


def test_a_stream_as_lines(client: OpenAI) -> None:
    with client.responses.with_streaming_response.create(model="demo", input="Hello", stream=True) as raw:
        assert raw.headers["content-type"].startswith("text/event-stream")
        lines = list(raw.iter_lines())
    assert lines[0] == "event: response.created"
    assert lines[-2:] == ["data: [DONE]", ""]


def test_a_body_as_it_comes(client: OpenAI) -> None:
    with client.responses.with_streaming_response.create(model="demo", input="Hello") as raw:
        assert raw.headers["content-type"] == "application/json"
        assert raw.parse().object == "response"


def check_order(events: list[ResponseStreamEvent]) -> None:
    """Numbered from 0 without gaps, begun and ended as every stream is."""
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
    assert [event.type for event in events].count("response.completed") == 1


def final(events: list[ResponseStreamEvent]) -> Response:
    assert isinstance(events[-1], ResponseCompletedEvent)
    return events[-1].response
