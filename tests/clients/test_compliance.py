"""The 17 Open Responses compliance cases, all at once as the official runner starts them; then what it does not ask for.

Through Envoy and alone, in both wire profiles.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from tests.clients.runner import (
    Answer,
    Turn,
    check_call,
    check_response,
    check_schema,
    check_stream,
    post,
    runner_events,
    take_turn,
    websocket,
)
from tests.events import Json

URLS = ("envoy", "alone", "open_responses_envoy", "open_responses_alone")


def png(size: int) -> str:
    """A red square as a data URL."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\xff\0\0" * size) * size
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def message(role: str, content: Any, **more: str) -> Json:
    return {"type": "message", "role": role, "content": content, **more}


WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the current weather for a location",
    "parameters": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
}
ASK_WEATHER: Json = {"input": [message("user", "What is the weather like in San Francisco?")], "tools": [WEATHER]}
IMAGE = [{"type": "input_text", "text": "What is in this image?"}, {"type": "input_image", "image_url": png(32)}]

UNKNOWN = "resp_" + "0" * 48


def whole(url: str, body: Json) -> Json:
    answer = post(url, {"model": "demo", **body})
    response = read_object(answer)
    check_response(response)
    assert response["output"]
    if "tools" not in body:
        assert response["status"] == "completed"
    return response


def read_object(answer: Answer) -> Json:
    assert answer.status == 200
    assert "application/json" in answer.content_type
    found: Json = json.loads(b"".join(answer.pieces))
    return found


def tool_calling(url: str) -> None:
    assert "function_call" in [item["type"] for item in whole(url, ASK_WEATHER)["output"]]


def streamed(url: str, body: Json) -> list[Json]:
    answer = post(url, {"model": "demo", "stream": True, **body})
    assert answer.status == 200
    events = list(runner_events(answer.pieces))
    check_stream(answer, events)
    assert events[-1]["response"]["status"] == "completed"
    return events


def tool_calling_streaming(url: str) -> None:
    check_call(
        [event for event in streamed(url, ASK_WEATHER) if event["type"].startswith(("response.function_call", "response.output_item"))]
    )


def compacted(url: str, input: list[Json]) -> Json:
    found = read_object(post(url, {"model": "demo", "input": input, "prompt_cache_key": "cache"}, "/responses/compact"))
    check_schema("CompactResource", found)
    assert found["object"] == "response.compaction"
    assert "compaction" in [item["type"] for item in found["output"]]
    return found


def compact(url: str) -> None:
    compacted(url, [message("user", "Remember 17."), message("assistant", "I will.")])


def compact_missing_model(url: str) -> None:
    assert post(url, {"input": "Hello"}, "/responses/compact").status in (400, 422)


def completed(turn: Turn) -> str:
    assert turn.response["status"] == "completed"
    assert turn.response["output"]
    return str(turn.response["id"])


def websocket_response(url: str) -> None:
    with websocket(url) as connection:
        completed(take_turn(connection, input=[message("user", "Count from 1 to 5.")]))


def websocket_sequential(url: str) -> None:
    with websocket(url) as connection:
        for text in ("Say one.", "Say two."):
            completed(take_turn(connection, input=text, store=False))


def websocket_continuation(url: str) -> None:
    with websocket(url) as connection:
        first = completed(take_turn(connection, input="My name is Alice.", store=False))
        second = take_turn(connection, input="What is my name?", previous_response_id=first, store=False)
        completed(second)
        assert second.response["previous_response_id"] == first


def websocket_reconnect(url: str) -> None:
    with websocket(url) as connection:
        first = completed(take_turn(connection, input="Hello", store=False))
    with websocket(url) as connection:
        not_found(take_turn(connection, input="And?", previous_response_id=first, store=False))
        completed(take_turn(connection, input="Hello", store=False))


def websocket_not_found(url: str) -> None:
    with websocket(url) as connection:
        not_found(take_turn(connection, input="And?", previous_response_id=UNKNOWN, store=False))


def not_found(turn: Turn) -> None:
    assert turn.error is not None
    assert (turn.error["error"]["code"], turn.error["status"]) == ("previous_response_not_found", 404)


def websocket_eviction(url: str) -> None:
    with websocket(url) as connection:
        first = completed(take_turn(connection, input="Hello", store=False))
        nothing = {"type": "function_call_output", "call_id": "call_that_never_was", "output": "x"}
        failed = take_turn(connection, input=[nothing], previous_response_id=first, store=False)
        assert failed.error is not None
        assert 400 <= failed.error["status"] < 500
        not_found(take_turn(connection, input="And?", previous_response_id=first, store=False))


def websocket_compact(url: str) -> None:
    """After condensing, a new chain: its window instead of an id."""
    said = [
        message("user", [{"type": "input_text", "text": "Remember 17."}]),
        message("assistant", [{"type": "output_text", "text": "I will."}]),
        message("user", [{"type": "input_text", "text": "Thanks."}]),
    ]
    window = compacted(url, said)["output"]
    with websocket(url) as connection:
        completed(take_turn(connection, input=[*window, message("user", "Which number?")], tools=[]))


CASES: Mapping[str, Callable[[str], object]] = {
    "basic-response": partial(whole, body={"input": [message("user", "Say hello in exactly 3 words.")]}),
    "assistant-phase": partial(
        whole,
        body={
            "input": [
                message("assistant", "I will look.", phase="commentary"),
                message("assistant", "It is 4.", phase="final_answer"),
                message("user", "Are you sure?"),
            ]
        },
    ),
    "streaming-response": partial(streamed, body={"input": [message("user", "Count from 1 to 5.")]}),
    "system-prompt": partial(whole, body={"input": [message("system", "You are a pirate."), message("user", "Say hello.")]}),
    "tool-calling": tool_calling,
    "image-input": partial(whole, body={"input": [message("user", IMAGE)]}),
    "multi-turn": partial(
        whole,
        body={
            "input": [message("user", "My name is Alice."), message("assistant", "Hello Alice!"), message("user", "What is my name?")]
        },
    ),
    "compact-response": compact,
    "compact-missing-model": compact_missing_model,
    "websocket-response": websocket_response,
    "websocket-sequential-responses": websocket_sequential,
    "websocket-continuation": websocket_continuation,
    "websocket-reconnect-store-false-recovery": websocket_reconnect,
    "websocket-previous-response-not-found": websocket_not_found,
    "websocket-failed-continuation-evicts-cache": websocket_eviction,
    "websocket-compact-new-chain": websocket_compact,
    "tool-calling-streaming": tool_calling_streaming,
}
"""By the runner's names: one of its 17 (response-output-phase-schema) asks no server; the last one here it does not have yet."""


@pytest.fixture(scope="module", params=URLS)
def outcomes(request: pytest.FixtureRequest) -> Mapping[str, Future[object]]:
    """What became of the cases."""
    url = str(request.getfixturevalue(request.param))
    with ThreadPoolExecutor(len(CASES)) as pool:
        return {name: pool.submit(case, url) for name, case in CASES.items()}


@pytest.mark.parametrize("case", CASES)
def test_case(outcomes: Mapping[str, Future[object]], case: str) -> None:
    outcomes[case].result()


@pytest.mark.parametrize("url", URLS[2:])
@pytest.mark.parametrize("summary", [None, "auto"])
def test_a_thought_has_the_standard_s_events(request: pytest.FixtureRequest, url: str, summary: str | None) -> None:
    """No case of the runner asks for it, but a model may think unasked. (The profile `openai` has OpenAI's events.)"""
    events = streamed(request.getfixturevalue(url), {"input": "Think", "reasoning": {"effort": "low", "summary": summary}})
    delta = "response.reasoning_summary_text.delta" if summary else "response.reasoning.delta"
    assert delta in [event["type"] for event in events]


@pytest.mark.parametrize("url", URLS)
def test_a_failed_turn_ends_with_one_frame(request: pytest.FixtureRequest, url: str) -> None:
    """A second one would be taken for the next turn."""
    with websocket(request.getfixturevalue(url)) as connection:
        for wrong in ({"input": 3}, {"input": "Hello", "stream": False}, {"input": "Hello", "temperature": 9}):
            error = take_turn(connection, **wrong).error
            assert error is not None
            assert error["status"] == 400
        completed(take_turn(connection, input="Hello", max_output_tokens=200))


def test_the_reader_is_as_weak_as_the_runner_s() -> None:
    assert list(runner_events([b'data: {"a":1}\n\n', b'data: {"b":2}\n', b'\ndata: {"c":3}\n\n'])) == [{"a": 1}, {"c": 3}]
    assert list(runner_events([b'data: {"a":1}\r\n\r\n'])) == []
