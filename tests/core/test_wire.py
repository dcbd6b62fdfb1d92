"""Every event is valid by the SDK's types and by both standards' documents, in both profiles."""

from __future__ import annotations

import orjson
import pytest

from gw_extproc.core.events import PROFILES
from tests.beside import needs_spec
from tests.events import Json

from .answers import Answer, answer, called, chunk, completion, event, function, piece, said, stream, usage
from .lawful import check
from .schemas import DOCUMENTS, faults, required

TOOLS: list[Json] = [
    function("f"),
    {"type": "function", "name": "h", "description": "d", "parameters": None, "strict": None},
    {"type": "custom", "name": "c"},
    {"type": "custom", "name": "d", "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"}},
    {"type": "apply_patch"},
    {"type": "shell"},
    {"type": "local_shell"},
    {"type": "tool_search", "execution": "client"},
    {"type": "namespace", "name": "n", "description": "d", "tools": [function("g"), {"type": "custom", "name": "c"}]},
]
LOGPROBS = {"content": [{"token": "a", "logprob": -0.5, "bytes": None, "top_logprobs": [{"token": "b", "logprob": -1, "bytes": [98]}]}]}
LIMIT = {"error": {"message": "slow down", "type": "t", "param": "p", "code": 429}}
CITED = {"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "t", "start_index": 0, "end_index": 1}}


def calls(**given: str) -> Json:
    return called(*(piece(index, f"c{index}", name, arguments) for index, (name, arguments) in enumerate(given.items())))


def patch(type: str) -> Json:
    return calls(apply_patch=orjson.dumps({"operation": {"type": type, "path": "a", "diff": "+a"}}).decode())


EVERYTHING = [chunk({"reasoning": "hm"}), *said("a"), calls(f="{}", c='{"input":"a"}', shell='{"commands":["ls"]}'), *said("b")]

BODIES: dict[str, bytes] = {
    "text": stream(*said("a", "b"), usage()),
    "estimated usage": stream(*said("a")),
    "refusal": stream(*said("a"), chunk({"refusal": "no"})),
    "reasoning": stream(chunk({"reasoning": "hm"}), *said("a")),
    "logprobs": completion({"content": "a"}).replace(b'"index":0', b'"index":0,"logprobs":%b' % orjson.dumps(LOGPROBS)),
    "citations": stream(*said("a"), chunk({"annotations": [CITED]})),
    "functions": stream(calls(f="{}", h="", unknown='{"a":1}')),
    "namespaced": stream(calls(n__g="{}", n__c='{"input":"a"}')),
    "custom": stream(calls(c='{"input":"a"}', d="plain")),
    "create_file": stream(patch("create_file")),
    "update_file": stream(patch("update_file")),
    "delete_file": stream(patch("delete_file")),
    "shell": stream(calls(shell='{"commands":["ls","pwd"],"timeout_ms":5}')),
    "local_shell": stream(calls(local_shell='{"command":["ls"],"env":{"A":"b"},"timeout_ms":5,"working_directory":"/","user":"u"}')),
    "tool_search": stream(calls(tool_search='{"query":"q"}')),
    "length": stream(*EVERYTHING, finish="length"),
    "length in a call": stream(calls(f="{}", h='{"a'), finish="length"),
    "length after a patch": stream(patch("create_file"), finish="length"),
    "content_filter": stream(*EVERYTHING, finish="content_filter"),
    "length of nothing": stream(finish="length"),
    "empty": stream(),
    "broken off": stream(*EVERYTHING, finish=None, done=False),
    "error": stream(*EVERYTHING, LIMIT),
    "error at once": event(LIMIT),
    "message at the end": stream(*said("a"), {"choices": [{"message": {"content": "a", "tool_calls": [piece(0, "c", "f", {})]}}]}),
    "cloudflare": b'{"result":{"response":"a","tool_calls":[{"name":"f","arguments":{}}]},"success":true,"errors":[]}',
    "no JSON": b"<html>",
    "bad arguments": stream(calls(shell="{}")),
    "tier": stream(chunk({"content": "a"}, service_tier="on_demand")),
}
REQUESTS: dict[str, Json] = {
    "plain": {},
    "all": {
        "tools": TOOLS,
        "instructions": "be brief",
        "metadata": {"a": "b"},
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["message.output_text.logprobs"],
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}, "verbosity": "low"},
        "temperature": 0.5,
        "max_output_tokens": 99,
        "tool_choice": "auto",
        "safety_identifier": "s",
        "prompt_cache_key": "k",
        "user": "u",
        "service_tier": "auto",
    },
    "tools": {"tools": TOOLS, "tool_choice": {"type": "function", "name": "f"}, "parallel_tool_calls": False},
}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_every_event_is_valid(body: bytes, request_: Json, profile: str) -> None:
    got = answer(body, profile=profile, **request_)
    check(got.wire)
    assert faults(got.events, profile) == []


def told(*names: str) -> set[str]:
    answers: list[Answer] = [answer(BODIES[name], **REQUESTS["all"]) for name in names]
    return {event["type"] for each in answers for event in each.events}


def test_the_cases_give_rise_to_all_events_that_there_are() -> None:
    plain = {event["type"] for event in answer(BODIES["reasoning"]).events}
    assert {type.removeprefix("response.") for type in plain | told(*BODIES)} == {
        *("created", "in_progress", "completed", "incomplete", "failed", "error"),
        *("output_item.added", "output_item.done", "content_part.added", "content_part.done"),
        *("output_text.delta", "output_text.done", "output_text.annotation.added", "refusal.delta", "refusal.done"),
        *("reasoning_text.delta", "reasoning_text.done"),
        *("reasoning_summary_part.added", "reasoning_summary_part.done", "reasoning_summary_text.delta", "reasoning_summary_text.done"),
        *("function_call_arguments.delta", "function_call_arguments.done"),
        *("custom_tool_call_input.delta", "custom_tool_call_input.done"),
        *("shell_call_command.added", "shell_call_command.delta", "shell_call_command.done"),
    }


@needs_spec
def test_every_response_object_has_every_field_that_either_standard_requires() -> None:
    fields = required("openai") | required("open-responses")
    assert (len(required("open-responses")), len(fields)) == (31, 31)
    for body in BODIES.values():
        for told in answer(body).events:
            assert fields <= told.get("response", dict.fromkeys(fields)).keys()


@needs_spec
@pytest.mark.parametrize("profile", DOCUMENTS)
def test_what_is_invalid_is_found(profile: str) -> None:
    created, *_, completed = answer(BODIES["text"], profile=profile).events
    del created["response"]["model"]
    completed["response"]["output"][0]["status"] = "over"
    assert len(faults([created, {"type": "response.unheard", "sequence_number": 1}, completed], profile)) >= 3
