"""Laws: any split gives the same bytes, streamed equals buffered, any JSON is survived, the SDK's accumulator agrees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx2
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openai import APIError, OpenAI

from .answers import SAID_DONE, Json, answer, called, chunk, completion, cut, event, function, piece, said, stream, usage
from .lawful import check

TOOLS = [
    function("f"),
    {"type": "custom", "name": "c"},
    {"type": "apply_patch"},
    {"type": "shell"},
    {"type": "tool_search", "execution": "client"},
    {"type": "namespace", "name": "n", "description": "", "tools": [function("g")]},
]
REQUESTS: list[Json] = [
    {},
    {"tools": TOOLS, "reasoning": {"summary": "auto"}, "include": ["message.output_text.logprobs"]},
    {"tools": TOOLS, "profile": "open-responses"},
]

TEXTS = st.text(alphabet=st.sampled_from('a é🙂\n<>/\\"[1]'), max_size=12) | st.sampled_from(
    ["<think>", "</think>", "<think>a</think>b", "\n"]
)
NAMES = st.sampled_from(["f", "c", "n__g", "shell", "apply_patch", "tool_search", "unknown"])
ARGUMENTS = st.sampled_from(
    [
        "{}",
        "",
        '{"a": 1}',
        '{"input": "a\\n\\ud83d\\ude42\\d"}',
        '{"commands": ["ls", "pwd"]}',
        '{"operation": {"type": "delete_file", "path": "a"}}',
        '{"query": "q"}',
        '{"cut',
        "[]",
    ]
)
CALLS = st.lists(st.tuples(NAMES, ARGUMENTS), max_size=3)
REASONS = st.sampled_from(["stop", "tool_calls", "length", "content_filter"])
CUTS = st.lists(st.integers(0, 4000), max_size=12)


def pieces(text: str, at: Sequence[int]) -> list[str]:
    return [
        part.decode("utf-32-le") for part in cut(text.encode("utf-32-le"), [place * 4 for place in at if place * 4 <= len(text) * 4])
    ]


def deltas(reasoning: str, content: str, calls: Sequence[tuple[str, str]], at: Sequence[int]) -> list[Json]:
    """The answer as chunks, cut at these places; the pieces of the calls interleave."""
    made = [chunk({"reasoning_content": text}) for text in pieces(reasoning, at)]
    for text in pieces(content, at):
        made += said(text)
        made[-1]["choices"][0]["logprobs"] = {"content": tokens(text)}
    made += [called(*(piece(index, f"id{index}", name, "") for index, (name, _) in enumerate(calls)))] if calls else []
    grown = [[(index, text) for text in pieces(arguments, at)] for index, (_, arguments) in enumerate(calls)]
    while any(grown):
        made += [called(*(piece(index, arguments=text) for index, text in [each.pop(0) for each in grown if each]))]
    return made


def tokens(text: str) -> list[Json]:
    return [{"token": char, "logprob": -1.0, "bytes": list(char.encode()), "top_logprobs": []} for char in text]


@given(TEXTS, TEXTS, CALLS, REASONS, CUTS, st.sampled_from(REQUESTS))
@example("", "<think>a</think>b", [], "stop", [8], REQUESTS[1])
@example("hm", "\n", [("tool_search", "{}")], "length", [], REQUESTS[1])
def test_streamed_equals_buffered(
    reasoning: str, content: str, calls: list[tuple[str, str]], reason: str, at: list[int], request: Json
) -> None:
    entries = [piece(id=f"id{index}", name=name, arguments=arguments) for index, (name, arguments) in enumerate(calls)]
    message = {"reasoning_content": reasoning, "content": content or None, "tool_calls": entries}
    whole = orjson.loads(completion(message, reason))
    whole["choices"][0]["logprobs"] = {"content": tokens(content)}
    buffered = answer(orjson.dumps(whole), **request)
    streamed = answer(stream(*deltas(reasoning, content, calls, at), chunk(finish=reason), usage(), finish=None), **request)
    assert check(streamed.wire) == check(buffered.wire) == streamed.response == buffered.response


@given(TEXTS, TEXTS, CALLS, st.none() | REASONS, CUTS, st.binary(max_size=8), st.booleans())
def test_any_split_gives_the_same_bytes(
    reasoning: str, content: str, calls: list[tuple[str, str]], reason: str | None, at: list[int], tail: bytes, crlf: bool
) -> None:
    body = stream(*deltas(reasoning, content, calls, at), usage(), finish=reason) + tail
    if crlf:
        body = body.replace(b"\n", b"\r\n")
    whole = answer(body, tools=TOOLS)
    check(whole.wire)
    assert answer(cut(body, at), tools=TOOLS) == whole
    assert answer([body[place : place + 1] for place in range(len(body))], tools=TOOLS) == whole


FIELDS = [
    "choices",
    "delta",
    "message",
    "content",
    "text",
    "thinking",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "refusal",
    "tool_calls",
    "function_call",
    "function",
    "name",
    "arguments",
    "id",
    "index",
    "type",
    "finish_reason",
    "usage",
    "prompt_tokens",
    "completion_tokens",
    "prompt_tokens_details",
    "cached_tokens",
    "logprobs",
    "token",
    "bytes",
    "top_logprobs",
    "annotations",
    "url_citation",
    "url",
    "start_index",
    "citations",
    "search_results",
    "model",
    "service_tier",
    "x_groq",
    "error",
    "code",
    "status",
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", " ", "a", "[1]", "f", "c", "shell", "thinking", "text", "url_citation", "stop", "length", "{}", "<think>"])
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4), max_leaves=12
)


def mostly(shape: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 9).flatmap(lambda chance: shape if chance else ANYTHING)


def likely(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly an object with some of these fields, each mostly of the right shape."""
    return mostly(st.fixed_dictionaries({}, optional={name: mostly(values) for name, values in fields.items()}))


FUNCTION = likely(name=NAMES, arguments=ARGUMENTS)
ENTRY = likely(index=st.integers(0, 2), id=st.sampled_from(["", "a", "b"]), function=FUNCTION)
PART = likely(type=st.sampled_from(["text", "thinking", "refusal"]), text=TEXTS, thinking=st.lists(ANYTHING, max_size=2))
CITATION = likely(type=st.just("url_citation"), url_citation=likely(url=TEXTS, title=TEXTS), url=TEXTS)
DELTA = likely(
    content=TEXTS | st.lists(PART, max_size=3) | PART,
    reasoning=TEXTS,
    reasoning_details=st.lists(PART, max_size=2),
    refusal=TEXTS,
    tool_calls=st.lists(ENTRY, max_size=3),
    function_call=FUNCTION,
    annotations=st.lists(CITATION, max_size=2),
)
TOKEN = likely(token=TEXTS, logprob=st.floats(-9, 0), bytes=st.lists(ANYTHING, max_size=2), top_logprobs=st.lists(ANYTHING, max_size=2))
CHOICE = likely(
    index=st.just(0), delta=DELTA, message=DELTA, finish_reason=REASONS, logprobs=likely(content=st.lists(TOKEN, max_size=2))
)
CHUNK = mostly(
    st.fixed_dictionaries(
        {"choices": mostly(st.lists(CHOICE, min_size=1, max_size=2))},
        optional={
            "usage": likely(prompt_tokens=st.integers(0, 9), prompt_tokens_details=likely(cached_tokens=st.integers(0, 9))),
            "citations": ANYTHING,
            "search_results": mostly(st.lists(likely(url=TEXTS, title=TEXTS), max_size=2)),
            "model": ANYTHING,
            "x_groq": ANYTHING,
        },
    )
)


@settings(max_examples=300)
@given(st.lists(CHUNK, max_size=4), st.sampled_from(["done", "cut", "json"]), st.sampled_from(REQUESTS))
def test_any_json_from_the_upstream_is_survived(chunks: list[Json], ending: str, request: Json) -> None:
    body = orjson.dumps(chunks) if ending == "json" else b"".join(map(event, chunks)) + (SAID_DONE if ending == "done" else b"")
    check(answer(body, **request).wire)


@given(ANYTHING)
def test_any_json_at_all_is_survived(value: Any) -> None:
    for body in (orjson.dumps(value), b"data: " + orjson.dumps(value) + b"\n\n" + SAID_DONE):
        check(answer(body).wire)


@pytest.mark.parametrize("depth", [100, 240, 250, 252, 254, 260, 1000, 1020])
def test_any_depth_is_survived(depth: int) -> None:
    deep = b'{"a":' * depth + b"1" + b"}" * depth
    for field in (
        b'"content":%b',
        b'"content":[%b]',
        b'"tool_calls":[{"id":"a","function":{"name":"f","arguments":%b}}]',
        b'"annotations":[%b]',
    ):
        check(answer(b'{"choices":[{"message":{%b}}]}' % (field % deep)).wire)
    for body in (b'{"error":%b}' % deep, b'{"choices":[],"usage":%b,"citations":[%b]}' % (deep, deep), deep):
        check(answer(body).wire)


def accumulated(wire: bytes) -> Any:
    """The response that the openai SDK makes of the stream: accumulated, and the one of the last event."""

    def serve(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=wire)

    with (
        OpenAI(api_key="key", base_url="http://gateway/v1", http_client=httpx2.Client(transport=httpx2.MockTransport(serve))) as client,
        client.responses.stream(model="m", input="hi") as given,
    ):
        *_, last = given
        # It accumulates nothing for a response that is not completed.
        return given.get_final_response() if last.type == "response.completed" else getattr(last, "response", None)


SAID = [*deltas("hm", "Hello", [], [1, 3]), chunk({"refusal": "no"})]
CALLED = deltas(
    "",
    "",
    [
        ("f", '{"a": 1}'),
        ("c", '{"input": "x"}'),
        ("n__g", ""),
        ("f", ""),
        ("shell", '{"commands": ["ls"]}'),
        ("apply_patch", '{"operation": {"type": "delete_file", "path": "a"}}'),
        ("tool_search", '{"query": "q"}'),
    ],
    [4],
)


@pytest.mark.parametrize("request_", REQUESTS[:2], ids=["plain", "summary"])
@pytest.mark.parametrize("reason", ["stop", "length"])
@pytest.mark.parametrize(
    "body", [SAID, [*SAID, *CALLED, *said("more")], [*CALLED, *said("more"), *SAID], []], ids=["text", "calls", "both", "none"]
)
def test_the_accumulator_of_the_sdk_agrees(body: list[Json], reason: str, request_: Json) -> None:
    got = answer(stream(*body, chunk(finish=reason), usage(), finish=None), **request_ | {"tools": TOOLS})
    final = accumulated(got.wire)
    assert without_parsed(final.to_dict(mode="json")) == got.response
    assert final.output_text == got.text


def without_parsed(value: Any) -> Any:
    """The SDK adds the parsed form of texts and arguments."""
    if isinstance(value, dict):
        return {name: without_parsed(each) for name, each in value.items() if name not in ("parsed", "parsed_arguments")}
    return [without_parsed(each) for each in value] if isinstance(value, list) else value


def test_the_sdk_raises_the_error_of_a_failed_stream() -> None:
    got = answer(stream(*said("a"), {"error": {"message": "slow down", "code": 429}}))
    assert accumulated(got.wire).error.message == "slow down"
    with pytest.raises(APIError, match="slow down"):
        accumulated(answer(stream({"error": {"message": "slow down"}}), profile="open-responses").wire)
