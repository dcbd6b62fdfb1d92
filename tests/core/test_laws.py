"""Laws: any split gives the same bytes, streamed equals buffered, any JSON is survived, the SDK's accumulator agrees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import httpx2
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openai import APIError, OpenAI

from gw_extproc.core.chunks import REASONING_FIELDS
from gw_extproc.core.repetition import Repetition
from gw_extproc.core.sse import Piece
from tests.events import Json

from .answers import SAID_DONE, answer, assembler, called, chunk, completion, cut, event, function, piece, said, stream, told, usage
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
        "{}\n",
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


def whole(arguments: str) -> bool:
    """Whether these are arguments that say something and end."""
    try:
        return orjson.loads(arguments) is not None
    except orjson.JSONDecodeError:
        return False


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


SPOKEN = ("content", "reasoning_content", "reasoning", "refusal")


def parsed(piece: Piece) -> Piece:
    return piece.chunk() if isinstance(piece, Repetition) else piece


@given(
    st.lists(
        st.tuples(st.sampled_from(["content", "reasoning_content", "reasoning", "refusal"]), TEXTS, st.integers(1, 3)), max_size=8
    ),
    CALLS,
    REASONS,
    CUTS,
    st.sampled_from(REQUESTS),
    st.sampled_from([{}, {"role": "assistant"}, {"annotations": [{"type": "url_citation", "url": "u"}]}, {"content": ""}]),
    st.sampled_from([{}, {"usage": {"prompt_tokens": 5, "completion_tokens": 1}}, {"citations": ["http://a"]}]),
)
def test_a_repetition_is_worth_its_chunk(
    texts: list[tuple[str, str, int]], calls: list[tuple[str, str]], reason: str, at: list[int], request: Json, beside: Json, top: Json
) -> None:
    chunks = [chunk({**beside, name: text}, **top) for name, text, times in texts for _ in range(times)]
    body = stream(*chunks, *deltas("", "", calls, []), *chunks, chunk(finish=reason), usage(), finish=None)
    told_so = told(assembler(**request), event_by_event(body))
    assert told_so.wire == told(assembler(**request), cut(body, at), parsed).wire == answer(body, **request).wire


def event_by_event(body: bytes) -> list[bytes]:
    return [event + b"\n\n" for event in body.split(b"\n\n")[:-1]]


def written(delta: Json, name: str, **otherwise: Any) -> Json:
    """The delta with that field written otherwise; where it says nothing it stays away."""
    said = delta.get(name)
    return {key: value for key, value in delta.items() if key != name} | (otherwise if said else {})


def entries(delta: Json, write: Callable[[Json], Json]) -> Json:
    return {**delta, "tool_calls": [write(entry) for entry in delta["tool_calls"]]} if "tool_calls" in delta else delta


def parameters(entry: Json) -> Json:
    return {**entry, "function": {"parameters" if name == "arguments" else name: each for name, each in entry["function"].items()}}


def flat(entry: Json) -> Json:
    outer = {name: each for name, each in entry.items() if name != "function"}
    return {**outer, **entry["function"]}


def renamed(field: str, delta: Json) -> Json:
    return written(delta, "reasoning_content", **{field: delta.get("reasoning_content")})


DELTAS: dict[str, Callable[[Json], Json]] = {
    **{field: partial(renamed, field) for field in REASONING_FIELDS},
    "reasoning as an object": lambda delta: written(delta, "reasoning_content", reasoning={"content": delta.get("reasoning_content")}),
    "reasoning details": lambda delta: written(
        delta, "reasoning_content", reasoning_details=[{"type": "reasoning.text", "content": delta.get("reasoning_content")}]
    ),
    "content in parts": lambda delta: written(delta, "content", content=[{"type": "text", "text": delta.get("content")}]),
    "content as a part": lambda delta: written(delta, "content", content={"type": "text", "text": delta.get("content")}),
    "bare texts": lambda delta: written(delta, "content", content=[delta.get("content")]),
    "text for content": lambda delta: written(delta, "content", text=delta.get("content")),
    "flat calls": lambda delta: entries(delta, flat),
    "parameters for arguments": lambda delta: entries(delta, parameters),
    "parts that say nothing": lambda delta: {"role": "assistant", "refusal": None, "audio": None, "annotations": [], **delta},
}
CHUNKS: dict[str, Callable[[Json], list[Json]]] = {
    "no error": lambda each: [{**each, "error": {"code": 0, "message": ""}, "base_resp": {"status_code": 0}}],
    "wrapped": lambda each: [{"result": each, "success": True, "errors": []}],
    "pings": lambda each: [{"type": "ping"}, each, {"status": "processing"}],
    "usage all along": lambda each: [{**each, "usage": {"prompt_tokens": 5, "completion_tokens": 1}}],
    "another choice": lambda each: [
        {**each, "choices": [*each["choices"], {"index": 1, "delta": {"content": "other"}, "finish_reason": "length"}]}
    ],
}


def message(chunks: list[Json]) -> Json:
    """What the deltas came to, as a message."""
    found = [each["choices"][0]["delta"] for each in chunks]
    return {name: "".join(delta.get(name) or "" for delta in found) for name in ("reasoning_content", "content")}


def choices(chunks: list[Json], **fields: Any) -> list[Json]:
    return [{**each, "choices": [{**each["choices"][0], **fields}]} for each in chunks]


OWN_INDEX = "an index of its own"
WHOLES: dict[str, Callable[[list[Json]], list[Json]]] = {
    OWN_INDEX: lambda chunks: choices(chunks, index="x"),
    "no index": lambda chunks: choices(chunks, index=None),
    "null as a reason": lambda chunks: choices(chunks, finish_reason="null"),
    "the message beside an empty delta": lambda chunks: [*chunks, *choices([chunk()], message=message(chunks))] if chunks else chunks,
    "the message in place of a delta": lambda chunks: (
        [*chunks, *choices([chunk()], delta=None, message=message(chunks))] if chunks else chunks
    ),
}


@pytest.mark.parametrize("request_", [{}, {"tools": TOOLS}], ids=["plain", "tools"])
@given(TEXTS, TEXTS, CALLS, REASONS, CUTS, st.sampled_from([*DELTAS, *CHUNKS, *WHOLES]))
def test_however_a_server_says_it_the_answer_is_the_same(
    request_: Json, reasoning: str, content: str, calls: list[tuple[str, str]], reason: str, at: list[int], way: str
) -> None:
    plain = deltas(reasoning, content, calls, at)
    if way in DELTAS:
        other = [choices([each], delta=DELTAS[way](each["choices"][0]["delta"]))[0] for each in plain]
    elif way in CHUNKS:
        other = [made for each in plain for made in CHUNKS[way](each)]
    else:
        other = WHOLES[way](plain)
    end = [chunk(finish=reason)]
    told = answer(stream(*other, *(WHOLES[way](end) if way == OWN_INDEX else end), usage(), finish=None), **request_)
    assert check(told.wire) == answer(stream(*plain, *end, usage(), finish=None), **request_).response


@given(st.lists(st.tuples(NAMES, ARGUMENTS.filter(whole)), max_size=3), CUTS)
def test_calls_said_again_at_the_end_or_after_placeholders_are_the_same(calls: list[tuple[str, str]], at: list[int]) -> None:
    plain = deltas("", "", calls, at)
    again = [called(*(piece(index, f"id{index}", name, arguments) for index, (name, arguments) in enumerate(calls)))]
    first = [called(*(piece(index, arguments="{}") for index, _ in enumerate(calls)))]
    for other in ([*plain, *again], [*plain[:1], *first, *plain[1:]], [*plain[:1], *first, *plain[1:], *again]):
        assert check(answer(stream(*other), tools=TOOLS).wire)["output"] == answer(stream(*plain), tools=TOOLS).output


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
    "errors",
    "detail",
    "message",
    "loc",
    "base_resp",
    "code",
    "status",
    "status_code",
    "object",
    "result",
    "response",
    "thought",
    "thoughts",
    "reasoningContent",
    "reasoningText",
    "audio",
    "transcript",
    "parameters",
    "tokens",
    "token_logprobs",
    "link",
    "title",
    "input_tokens",
    "output_tokens",
    "total_tokens",
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
FLAT = {"name": NAMES, "arguments": ARGUMENTS | ANYTHING, "parameters": ARGUMENTS | ANYTHING}
ENTRY = likely(index=st.integers(0, 2), id=st.sampled_from(["", "a", "b"]), function=FUNCTION, **FLAT)
PART = likely(
    type=st.sampled_from(["text", "thinking", "refusal"]),
    text=TEXTS,
    thinking=st.lists(ANYTHING, max_size=2),
    refusal=TEXTS,
    thought=st.booleans(),
    reasoningContent=likely(reasoningText=likely(text=TEXTS)),
)
CITATION = likely(type=st.just("url_citation"), url_citation=likely(url=TEXTS, title=TEXTS), url=TEXTS)
DELTA = likely(
    content=TEXTS | st.lists(PART | ANYTHING, max_size=3) | PART | st.floats(allow_nan=False, allow_infinity=False),
    text=TEXTS,
    audio=likely(transcript=TEXTS),
    reasoning=TEXTS | PART,
    thinking=TEXTS | PART,
    reasoning_details=st.lists(PART, max_size=2),
    refusal=TEXTS,
    tool_calls=st.lists(ENTRY, max_size=3) | ENTRY,
    function_call=FUNCTION,
    annotations=st.lists(CITATION, max_size=2),
)
TOKEN = likely(token=TEXTS, logprob=st.floats(-9, 0), bytes=st.lists(ANYTHING, max_size=2), top_logprobs=st.lists(ANYTHING, max_size=2))
CHOICE = likely(
    index=st.integers(0, 1),
    delta=DELTA,
    message=DELTA,
    text=TEXTS,
    finish_reason=REASONS,
    usage=likely(input_tokens=st.integers(0, 9), output_tokens=st.sampled_from(["3", "x", 0])),
    logprobs=likely(content=st.lists(TOKEN, max_size=2), tokens=st.lists(TEXTS, max_size=2), token_logprobs=st.lists(ANYTHING)),
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
            "error": st.sampled_from([None, "", {}, {"code": 0}]),
        },
    )
)
WRAPPED = st.fixed_dictionaries({"result": CHUNK | likely(response=ANYTHING, tool_calls=st.lists(ENTRY, max_size=2))})
ERROR = likely(
    error=ANYTHING, errors=ANYTHING, detail=ANYTHING, base_resp=ANYTHING, message=TEXTS, code=ANYTHING, object=st.just("error")
)


@settings(max_examples=100)
@given(st.lists(CHUNK | CHUNK | WRAPPED | ERROR, max_size=4), st.sampled_from(["done", "cut", "json"]), st.sampled_from(REQUESTS))
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
        b'"reasoning":%b',
        b'"reasoning_details":[%b]',
        b'"tool_calls":%b',
    ):
        check(answer(b'{"choices":[{"message":{%b}}]}' % (field % deep)).wire)
    for body in (
        b'{"error":%b}' % deep,
        b'{"error":[%b]}' % deep,
        b'{"error":{"message":"no","loc":[%b]}}' % deep,
        b'{"result":%b}' % deep,
        b'{"response":%b}' % deep,
        b'{"detail":%b}' % deep.replace(b'"a"', b'"detail"'),
        b'{"choices":[],"usage":%b,"citations":[%b]}' % (deep, deep),
        deep,
    ):
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
