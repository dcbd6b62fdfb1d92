"""The demo model: what it answers, when it calls tools, and that it speaks Chat Completions."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import jsonschema
import openai
import pytest
from starlette.testclient import TestClient

from gw_extproc.local.demo_answers import Answer, answer
from gw_extproc.local.demo_model import build_app
from gw_extproc.local.demo_values import mapping, sequence

LOCATION = {
    "type": "object",
    "properties": {"location": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}},
    "required": ["location", "unit"],
    "additionalProperties": False,
}
QUESTION = "What's the weather in San Francisco?"


def tool(name: str, parameters: dict[str, object] | None = None) -> dict[str, object]:
    return {"type": "function", "function": {"name": name, "parameters": parameters or {"type": "object"}}}


WEATHER, LIST_ORDERS = tool("get_weather", LOCATION), tool("list_orders")
TEXT_TOOL = tool("run_code", {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]})


def chat(said: object, **more: object) -> dict[str, object]:
    return {"model": "demo", "messages": [{"role": "user", "content": said}], **more}


def calls_of(said: str, *tools: dict[str, object], **more: object) -> list[tuple[str, object]]:
    made = answer(chat(said, tools=list(tools), **more))
    assert (made.finish_reason == "tool_calls") == bool(made.calls)
    return [(call.name, json.loads(call.arguments)) for call in made.calls]


def document(schema: dict[str, object]) -> object:
    wanted = {"type": "json_schema", "json_schema": {"name": "it", "schema": schema}}
    made: object = json.loads(answer(chat("a question from Oslo", response_format=wanted)).text)
    jsonschema.validate(made, schema, format_checker=jsonschema.FormatChecker())
    return made


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(build_app(pace=0, clock=lambda: 7.9)) as client:
        yield client


def stream(client: TestClient, request: dict[str, object]) -> list[dict[str, object]]:
    """The chunks of a streamed answer."""
    lines = client.post("/v1/chat/completions", json={**request, "stream": True}).text.split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]


def deltas(chunks: list[dict[str, object]]) -> list[dict[str, object]]:
    return [dict(mapping(mapping(sequence(chunk["choices"])[0])["delta"])) for chunk in chunks if chunk["choices"]]


def test_it_says_that_it_is_a_stand_in_and_quotes_the_user() -> None:
    said = answer(chat("Tell me\na story " + "x" * 200)).text
    assert "a stand-in: I do not think" in said
    assert 'You said: "Tell me a story xxx' in said
    assert "…" in said
    assert "--upstream" in said


def test_it_sees_instructions_images_and_what_was_said_before() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    request = chat([{"type": "text", "text": "Compare these."}, image, image])
    before = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    said = answer({**request, "messages": [*before, *sequence(request["messages"])]}).text
    assert "I saw instructions" in said
    assert "I was given 2 images." in said
    assert 'Before, you said: "Hello". You said: "Compare these."' in said


@pytest.mark.parametrize(("effort", "thinks"), [("low", True), ("none", False), (None, False)])
def test_it_thinks_when_asked_to(effort: str | None, thinks: bool) -> None:
    assert bool(answer(chat("Hello", reasoning_effort=effort)).thought) is thinks


def test_it_stops_at_the_limit() -> None:
    assert answer(chat("Hello", max_completion_tokens=4)) == Answer("", "I am the gateway's", (), "length")
    assert answer(chat("Hello", max_tokens=2, reasoning_effort="high")) == Answer("The user", "", (), "length")
    assert answer(chat("Hello", max_tokens=500)).finish_reason == "stop"


@pytest.mark.parametrize("said", [QUESTION, "please get weather for San Francisco", "use get_weather, I am in San Francisco"])
def test_a_question_that_fits_a_tool_calls_it(said: str) -> None:
    assert calls_of(said, LIST_ORDERS, WEATHER) == [("get_weather", {"location": "San Francisco", "unit": "celsius"})]


def test_a_question_that_fits_no_tool_is_answered_in_text() -> None:
    assert calls_of("Tell me a story.", WEATHER, LIST_ORDERS) == []


def test_tool_choice_decides() -> None:
    function = {"type": "function", "function": {"name": "list_orders"}}
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [function]}}
    assert calls_of(QUESTION, WEATHER, tool_choice="none") == []
    assert calls_of("Hello", LIST_ORDERS, WEATHER, tool_choice="required") == [("list_orders", {})]
    assert calls_of(QUESTION, WEATHER, LIST_ORDERS, tool_choice=function) == [("list_orders", {})]
    assert calls_of(QUESTION, WEATHER, LIST_ORDERS, tool_choice=allowed) == []


def test_arguments_can_be_dictated_and_several_tools_called() -> None:
    said = 'Call get_weather with {"location": "list_orders"}, `list_orders` and get_weather {"location": "Rome"}.'
    made = [("get_weather", {"location": "list_orders"}), ("list_orders", {}), ("get_weather", {"location": "Rome"})]
    assert calls_of(said, WEATHER, LIST_ORDERS) == made
    assert calls_of(said, WEATHER, LIST_ORDERS, parallel_tool_calls=False) == made[:1]


def test_what_is_not_json_after_a_name_is_not_the_arguments() -> None:
    assert calls_of("call list_orders with {today}", LIST_ORDERS) == [("list_orders", {})]
    assert calls_of("call list_orders with " + '{"a":' * 5000, LIST_ORDERS) == [("list_orders", {})]


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ('Use run_code to evaluate "1 + 1", please', "1 + 1"),
        ("run_code: print(2)", "print(2)"),
        ("`run_code` with ```python\nprint(3)\nprint(4)\n``` now", "print(3)\nprint(4)"),
        ('run_code\n*** Begin\n+say("hi")\n*** End', '*** Begin\n+say("hi")\n*** End'),
        ("some code please", "some code please"),
    ],
)
def test_a_tool_that_takes_text_gets_the_users_text(said: str, text: str) -> None:
    assert calls_of(said, TEXT_TOOL) == [("run_code", {"input": text})]


def test_after_a_tools_result_it_quotes_it() -> None:
    called = {"role": "assistant", "tool_calls": [{"id": "call_1", "function": {"name": "get_weather"}}]}
    results = [{"role": "tool", "tool_call_id": "call_1", "content": text} for text in ("17 degrees", "rain")]
    messages = [{"role": "user", "content": QUESTION}, called, *results]
    made = answer({"model": "demo", "messages": messages, "tools": [WEATHER], "tool_choice": "required"})
    assert 'The tools answered: "17 degrees", "rain".' in made.text
    assert made.calls == ()


def test_a_document_obeys_its_schema() -> None:
    number = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
    properties = {
        "city": {"$ref": "#/$defs/city"},
        "share": number,
        "count": {"type": "integer", "minimum": 10, "multipleOf": 4},
        "few": {"type": "integer", "maximum": -3},
        "maybe": {"anyOf": [{"type": "null"}, {"type": "boolean"}]},
        "kind": {"const": "demo"},
        "level": {"type": ["null", "string"], "enum": [None, "high"]},
        "tags": {"type": "array", "items": {"type": "string", "minLength": 6, "maxLength": 8}, "minItems": 2},
        "pair": {"type": "array", "prefixItems": [number, {"type": "null"}], "items": False, "maxItems": 2},
        "mail": {"type": "string", "format": "email"},
        "user": {"type": "string", "pattern": "^@[a-z]+$"},
        "query": {"type": "string"},
        "both": {"allOf": [{"properties": {"a": {"items": {}}}}, {"required": ["a"]}], "type": "object"},
        "any": True,
    }
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    made = mapping(document({**schema, "$defs": {"city": {"type": "string"}}}))
    assert made["city"] == "Oslo"
    assert made["query"] == "a question from Oslo"
    assert made["maybe"] is False
    assert document({"type": "object", "properties": {"answer": {"type": "string"}}}) == {"answer": "demo"}


def test_recursive_schemas_come_to_an_end() -> None:
    tree = {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#"}}}}
    document({**tree, "required": ["children"]})
    following = {"anyOf": [{"$ref": "#"}, {"type": "null"}]}
    document({"type": "object", "properties": {"next": following}, "required": ["next"]})
    endless = {"type": "json_schema", "json_schema": {"schema": {"$ref": "#"}}}
    assert answer(chat("Hello", response_format=endless)).text == '"demo"'


def test_a_pattern_that_python_cannot_read_is_passed_over() -> None:
    parameters: dict[str, object] = {"properties": {"odd": {"pattern": "(?<a>demo)"}}, "required": ["odd"]}
    assert calls_of("call run_code", tool("run_code", parameters)) == [("run_code", {"odd": "demo"})]


def test_json_mode_gives_an_object() -> None:
    said = json.loads(answer(chat("Hello", response_format={"type": "json_object"})).text)
    assert said == {"demo": True, "you_said": "Hello"}


def test_a_completion_has_the_known_shape(client: TestClient) -> None:
    request = chat("Hello", reasoning_effort="low")
    body = client.post("/v1/chat/completions", json=request).json()
    again = client.post("/v1/chat/completions", json=request).json()
    made = answer(request)
    assert body == again
    assert (body["object"], body["created"], body["model"]) == ("chat.completion", 7, "demo")
    assert body["id"].startswith("chatcmpl-")
    message = {"role": "assistant", "content": made.text, "reasoning_content": made.thought}
    assert body["choices"][0]["message"].items() >= message.items()
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] == len(made.thought.split())
    assert body["usage"]["completion_tokens"] == len(f"{made.thought} {made.text}".split())
    assert body["usage"]["prompt_tokens"] == 1
    assert body["usage"]["prompt_tokens_details"] == {"cached_tokens": 0}


def test_a_stream_is_the_same_answer_in_pieces(client: TestClient) -> None:
    request = chat("Hello", reasoning_effort="low", stream_options={"include_usage": True})
    chunks, made = stream(client, request), answer(request)
    parts = deltas(chunks)
    assert parts[0]["role"] == "assistant"
    assert "".join(str(part.get("reasoning_content", "")) for part in parts) == made.thought
    assert "".join(str(part.get("content", "")) for part in parts) == made.text
    assert parts[-1] == {}
    assert (chunks[-2]["usage"], chunks[-1]["choices"]) == (None, [])
    assert mapping(chunks[-1]["usage"])["total_tokens"] == 1 + len(f"{made.thought} {made.text}".split())


def test_streamed_arguments_come_in_pieces(client: TestClient) -> None:
    chunks = stream(client, chat(QUESTION, tools=[WEATHER]))
    calls = [mapping(sequence(part["tool_calls"])[0]) for part in deltas(chunks) if "tool_calls" in part]
    pieces = [str(mapping(call["function"])["arguments"]) for call in calls]
    assert calls[0].keys() >= {"index", "id", "type"}
    assert (pieces[0], len(pieces)) == ("", 5)
    jsonschema.validate(json.loads("".join(pieces)), LOCATION)
    assert mapping(sequence(chunks[-1]["choices"])[0])["finish_reason"] == "tool_calls"
    assert "usage" not in chunks[-1]


def test_the_models_are_listed(client: TestClient) -> None:
    assert [model["id"] for model in client.get("/v1/models").json()["data"]] == ["demo"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ("{", None),
        ("[]", None),
        ('{"messages": [{}]}', "model"),
        ('{"model": "demo", "messages": []}', "messages"),
        ('{"model": "demo", "messages": [{}], "tools": [{"type": "custom"}]}', "tools[0]"),
    ],
)
def test_a_request_it_cannot_read_is_a_400(client: TestClient, body: str, param: str | None) -> None:
    answered = client.post("/v1/chat/completions", content=body)
    assert answered.status_code == 400
    error = answered.json()["error"]
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, None)


def test_unknown_paths_and_methods_are_refused_with_an_error_object(client: TestClient) -> None:
    assert client.post("/v1/embeddings", json={}).status_code == 404
    answered = client.get("/v1/chat/completions")
    assert answered.status_code == 405
    assert answered.json()["error"]["message"] == "Method Not Allowed: GET /v1/chat/completions"


@pytest.fixture
def process() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The demo model as a process, and its base URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-m", "gw_extproc.local.demo_model", "--fd", str(listener.fileno())]
        started = subprocess.Popen(command, pass_fds=(listener.fileno(),), stderr=subprocess.PIPE)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    with started:
        yield started, url
        started.kill()


def test_the_sdk_talks_to_the_process(process: tuple[subprocess.Popen[bytes], str]) -> None:
    model, url = process
    messages: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": QUESTION}]
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=10) as sdk:
        weather: openai.types.chat.ChatCompletionToolParam = {
            "type": "function",
            "function": {"name": "get_weather", "parameters": dict(LOCATION)},
        }
        with sdk.chat.completions.stream(model="demo", messages=messages, tools=[weather]) as events:
            calls = events.get_final_completion().choices[0].message.tool_calls
        assert calls is not None
        jsonschema.validate(json.loads(calls[0].function.arguments), LOCATION)
        said = sdk.chat.completions.create(model="demo", messages=messages).choices[0].message.content
        assert said is not None
        assert QUESTION in said
    model.send_signal(signal.SIGINT)
    assert model.wait(5) == 0
    assert model.stderr is not None
    assert model.stderr.read() == b""


def test_a_signal_ends_it_within_a_second_or_so(process: tuple[subprocess.Popen[bytes], str]) -> None:
    model, url = process
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=10) as sdk:
        messages: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": QUESTION}]
        with sdk.chat.completions.create(model="demo", messages=messages, stream=True) as open_stream:
            next(open_stream)
            asked = time.monotonic()
            model.send_signal(signal.SIGTERM)
            assert model.wait(5) == -signal.SIGTERM
            assert time.monotonic() - asked < 2
