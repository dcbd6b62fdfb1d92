"""The response object: every field that either standard requires, with the values in effect."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gw_extproc.core.errors import TooDeep
from gw_extproc.core.lifecycle import Status
from gw_extproc.core.response import ResponseObject
from tests.response_fields import MAY_BE_NULL, NEVER_NULL

Fields = dict[str, Any]

REQUIRED = MAY_BE_NULL | NEVER_NULL


def snapshot(status: Status = Status.IN_PROGRESS, output: list[Fields] | None = None, /, **body: object) -> Fields:
    made: Fields = orjson.loads(ResponseObject("resp_1", 7, {"model": "m", **body}).snapshot(status, fragments(output), store=False))
    return made


def fragments(output: list[Fields] | None) -> list[orjson.Fragment]:
    return [orjson.Fragment(orjson.dumps(item)) for item in output or ()]


def test_every_required_field_is_there_and_null_only_where_it_may_be() -> None:
    made = snapshot()
    assert len(REQUIRED) == 31
    assert set(made) == REQUIRED
    assert {name for name, value in made.items() if value is None} == MAY_BE_NULL


def test_a_bare_request_is_answered_with_the_defaults() -> None:
    made = snapshot()
    assert (made["id"], made["object"], made["created_at"], made["status"]) == ("resp_1", "response", 7, "in_progress")
    assert (made["temperature"], made["top_p"], made["tool_choice"], made["tools"]) == (1.0, 1.0, "auto", [])
    assert (made["text"], made["service_tier"], made["truncation"]) == ({"format": {"type": "text"}}, "default", "disabled")


def test_what_the_caller_set_is_echoed() -> None:
    given: Fields = {
        "instructions": "be brief",
        "max_output_tokens": 9,
        "max_tool_calls": 2,
        "metadata": {"a": "b"},
        "parallel_tool_calls": False,
        "prompt_cache_key": "key",
        "safety_identifier": "who",
        "temperature": 0,
        "tool_choice": {"type": "function", "name": "look"},
        "top_logprobs": 3,
        "user": "me",
        "prompt_cache_retention": "24h",
    }
    made = snapshot(**given)
    assert {name: made[name] for name in given} == given


def test_null_is_as_good_as_absent() -> None:
    names = REQUIRED - {"id", "object", "created_at", "model"} | {"user"}
    assert snapshot(**dict.fromkeys(names)) == snapshot()


def test_whether_it_is_stored_is_for_the_gateway_to_say() -> None:
    assert snapshot(store=True)["store"] is False


@pytest.mark.parametrize("given", ["conv_1", {"id": "conv_1"}])
def test_a_conversation_is_named_as_an_object(given: str | Fields) -> None:
    assert snapshot(conversation=given)["conversation"] == {"id": "conv_1"}
    assert "conversation" not in snapshot()


@pytest.mark.parametrize(
    ("given", "echoed"),
    [
        (None, None),
        ({}, {"effort": None, "summary": None}),
        ({"effort": "low", "context": "auto"}, {"effort": "low", "summary": None}),
        ({"summary": "auto"}, {"effort": None, "summary": "auto"}),
        ({"generate_summary": "concise"}, {"effort": None, "summary": "concise"}),
    ],
)
def test_reasoning_has_both_fields_or_is_null(given: Fields | None, echoed: Fields | None) -> None:
    assert snapshot(reasoning=given)["reasoning"] == echoed


@pytest.mark.parametrize(
    ("given", "echoed"),
    [
        ({"format": None, "verbosity": None}, {"format": {"type": "text"}}),
        ({"format": {"type": "json_object"}, "verbosity": "low"}, {"format": {"type": "json_object"}, "verbosity": "low"}),
        (
            {"format": {"type": "json_schema", "name": "n", "schema": {"a": None}, "strict": None, "description": None}},
            {"format": {"type": "json_schema", "name": "n", "schema": {"a": None}, "strict": False}},
        ),
        (
            {"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": True}},
            {"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": True}},
        ),
    ],
)
def test_text_is_echoed_without_nulls(given: Fields, echoed: Fields) -> None:
    assert snapshot(text=given)["text"] == echoed


def test_functions_are_echoed_with_all_their_fields_and_other_tools_as_they_came() -> None:
    custom = {"type": "custom", "name": "free"}
    assert snapshot(tools=[{"type": "function", "name": "look", "strict": True}, custom])["tools"] == [
        {"type": "function", "name": "look", "description": None, "parameters": None, "strict": True},
        custom,
    ]


def test_a_choice_is_echoed_with_the_mode_that_holds() -> None:
    allowed = {"type": "allowed_tools", "tools": [{"type": "function", "name": "look"}]}
    assert snapshot(tool_choice=allowed)["tool_choice"] == {**allowed, "mode": "auto"}
    assert snapshot(tool_choice={**allowed, "mode": None})["tool_choice"] == {**allowed, "mode": "auto"}
    assert snapshot(tool_choice={**allowed, "mode": "required"})["tool_choice"] == {**allowed, "mode": "required"}
    assert snapshot(tool_choice={"type": "apply_patch"})["tool_choice"] == {"type": "apply_patch"}
    assert snapshot(tool_choice="none")["tool_choice"] == "none"


def test_what_changes_stands_beside_what_does_not() -> None:
    made = orjson.loads(
        ResponseObject("resp_1", 7, {"model": "m"}).snapshot(
            Status.COMPLETED, fragments([{"type": "message"}]), store=True, completed_at=9, model="m-2026", service_tier="flex"
        )
    )
    assert set(made) == REQUIRED
    assert (made["status"], made["completed_at"], made["output"]) == ("completed", 9, [{"type": "message"}])
    assert (made["model"], made["service_tier"], made["store"]) == ("m-2026", "flex", True)


def test_what_is_nested_too_deeply_cannot_be_written() -> None:
    deep: Fields = {}
    for _ in range(400):
        deep = {"a": deep}
    with pytest.raises(TooDeep):
        ResponseObject("resp_1", 7, {"model": "m", "tools": [{"type": "x", "a": deep}]})
