"""The other bodies than that of a response: the same checks, the same words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from gw_extproc.core.errors import CallerError
from gw_extproc.schema.conversations import CreateConversation, CreateItems, UpdateConversation
from gw_extproc.schema.prompts import CreatePrompt, UpdatePrompt
from gw_extproc.schema.requests import CompactResponse, CountTokens
from gw_extproc.schema.validation import validate

HELLO = {"role": "user", "content": "hello"}


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (CreateConversation, {}),
        (CreateConversation, {"items": [HELLO] * 20, "metadata": {"a": "b"}}),
        (UpdateConversation, {"metadata": None}),
        (CreateItems, {"items": [{"type": "item_reference", "id": "msg_1"}]}),
        (CountTokens, {}),
        (CountTokens, {"model": None, "input": [HELLO], "conversation": {"id": "conv_1"}}),
        (CompactResponse, {"model": "m", "input": "hello", "previous_response_id": None}),
        (CreatePrompt, {}),
        (CreatePrompt, {"name": None, "instructions": "{{a}}", "model": "m", "temperature": 0.5, "metadata": {}}),
        (CreatePrompt, {"instructions": [HELLO, {"type": "message", "role": "assistant", "content": None}], "tools": []}),
        (UpdatePrompt, {"text": {"format": {"type": "text"}}, "reasoning": None}),
    ],
)
def test_it_is_returned_as_it_is(model: type[BaseModel], body: dict[str, Any]) -> None:
    assert validate(body, model) is body


@pytest.mark.parametrize(
    ("model", "body", "param", "code", "message"),
    [
        (
            CreateItems,
            {"items": [HELLO] * 21},
            "items",
            "array_above_max_length",
            "Invalid value for 'items': expected at most 20 elements, but got more.",
        ),
        (CreateItems, {}, "items", "missing_required_parameter", "Missing required parameter: 'items'."),
        (UpdateConversation, {}, "metadata", "missing_required_parameter", "Missing required parameter: 'metadata'."),
        (
            CreateConversation,
            {"metadata": {str(number): "" for number in range(17)}},
            "metadata",
            "object_above_max_properties",
            "Invalid value for 'metadata': expected at most 16 properties, but got more.",
        ),
        (CompactResponse, {"input": "hello"}, "model", "missing_required_parameter", "Missing required parameter: 'model'."),
        (CreatePrompt, {"input": "hello"}, "input", "unknown_parameter", "Unknown parameter: 'input'."),
        (
            UpdatePrompt,
            {"temperature": 3},
            "temperature",
            "decimal_above_max_value",
            "Invalid value for 'temperature': expected at most 2.0, but got 3.",
        ),
        (
            CreatePrompt,
            {"instructions": [HELLO, {"type": "function_call", "role": "user", "content": ""}]},
            "instructions[1].type",
            "invalid_value",
            "Invalid value for 'instructions[1].type': expected 'message', but got 'function_call'.",
        ),
        (
            CreatePrompt,
            {"name": "x" * 257},
            "name",
            "string_above_max_length",
            f"Invalid value for 'name': expected at most 256 characters, but got '{'x' * 64}...'.",
        ),
        (CountTokens, {"model": ""}, "model", "missing_required_parameter", "Missing required parameter: 'model', which is empty."),
    ],
)
def test_what_is_wrong_is_told_by_its_path(model: type[BaseModel], body: dict[str, Any], param: str, code: str, message: str) -> None:
    with pytest.raises(CallerError) as caught:
        validate(body, model)
    assert (caught.value.param, caught.value.code, caught.value.message) == (param, code, message)
