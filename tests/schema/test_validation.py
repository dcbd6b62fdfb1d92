"""The entry: the caller's own mapping or one clear error, whatever the JSON; never another exception."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gw_extproc.core.errors import CallerError
from gw_extproc.schema.requests import CreateResponse
from gw_extproc.schema.validation import caller_error, prepare, unknown_fields, validate
from tests.beside import codex_requests, needs_recordings
from tests.core.anything import with_one_change

from .refusals import accept, refusal, refuse, request
from .test_items import ACCEPTED
from .test_requests import EVERY_PARAMETER

GOOD = EVERY_PARAMETER | {
    "input": ACCEPTED,
    "tools": [{"type": "function", "name": "f", "parameters": {}}, {"type": "namespace", "name": "n", "tools": []}],
    "tool_choice": {"type": "allowed_tools", "tools": [{"type": "function", "name": "f"}]},
    "text": {"format": {"type": "json_schema", "name": "a", "schema": {}}},
}
# Any text and any number, also what only some decoders let pass: NaN, integers of 5000 digits.
ANY_TEXT = st.text(max_size=8) | st.sampled_from(("type", "message", "<message>", "[key]", "function"))
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.builds(pow, st.just(10), st.just(5000)) | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)


def is_accepted_or_refused(payload: object) -> None:
    """The law: the same mapping comes back, or an error that can be sent."""
    error = None
    try:
        assert validate(payload) is payload
    except CallerError as caught:
        error = caught
    if error is not None:
        assert isinstance(error.message, str)
        assert isinstance(error.param, str | None)
        assert isinstance(error.code, str)
        assert len(error.body()) < 4096


@given(ANY_JSON)
def test_any_json_is_accepted_or_refused(payload: object) -> None:
    is_accepted_or_refused(payload)


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), ANY_JSON))
def test_any_parameters_are_accepted_or_refused(fields: dict[str, object]) -> None:
    is_accepted_or_refused(request(**fields))


@given(st.data())
def test_a_good_request_with_one_value_changed_is_accepted_or_refused(data: st.DataObject) -> None:
    payload: Any = copy.deepcopy(GOOD)
    is_accepted_or_refused(with_one_change(payload, data, ANY_JSON))


@pytest.mark.parametrize("field", ["input", "tools", "tool_choice", "metadata", "text", "reasoning", "unknown"])
def test_deep_nesting_is_accepted_or_refused(field: str) -> None:
    deep: object = "bottom"
    for _ in range(100_000):
        deep = {"type": [deep]}
    is_accepted_or_refused(request(**{field: deep}))
    is_accepted_or_refused(request(**{field: [deep]}))


def test_the_request_is_neither_copied_nor_changed() -> None:
    payload = copy.deepcopy(GOOD)
    assert validate(payload) is payload
    assert payload == GOOD


@pytest.mark.parametrize("payload", [None, True, 1, 1.5, "text", [], [{"model": "m"}]])
def test_a_body_that_is_no_object_is_refused(payload: object) -> None:
    error = refusal(payload)
    assert error.param is None
    assert error.message.startswith("Invalid type for the request body: expected an object, but got ")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"temperature": "hot"}, "Invalid type for 'temperature': expected a number, but got a string."),
        ({"temperature": 3}, "Invalid value for 'temperature': expected at most 2.0, but got 3."),
        ({"max_output_tokens": 0}, "Invalid value for 'max_output_tokens': expected at least 1, but got 0."),
        (
            {"max_output_tokens": -(10**5000)},
            "Invalid value for 'max_output_tokens': expected at least 1, but got an integer.",
        ),
        ({"truncation": "x"}, "Invalid value for 'truncation': expected 'auto' or 'disabled', but got 'x'."),
        ({"truncation": False}, "Invalid value for 'truncation': expected 'auto' or 'disabled', but got a boolean."),
        ({"input": 1}, "Invalid type for 'input': expected a string or an array, but got an integer."),
        ({"metadata": {"a": None}}, "Missing required parameter: 'metadata.a', which is null."),
        ({"model": ""}, "Missing required parameter: 'model', which is empty."),
        ({"input": [{}]}, "Missing required parameter: 'input[0].type'."),
        (
            {"text": {"format": {"type": "xml"}}},
            "Invalid value for 'text.format.type': expected 'text', 'json_object', 'json_schema', but got 'xml'.",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
            "Missing required parameter: 'input[0].content[0].image_url' (one of image_url or file_id is needed).",
        ),
    ],
)
def test_messages_name_the_field_and_say_what_was_expected(fields: dict[str, object], message: str) -> None:
    assert refusal(request(**fields)).message == message


def test_the_first_of_several_errors_is_told() -> None:
    assert refuse(user=1, temperature="hot", tools=5) == ("tools", "invalid_type")


def test_long_names_and_values_are_shortened() -> None:
    error = refusal(request(metadata={"k" * 100_000: 5}, truncation=None))
    assert error.param == f"metadata.{'k' * 64}..."
    assert "x" * 65 not in refusal(request(truncation="x" * 100_000)).message


def test_an_error_that_pydantic_may_add_is_told_in_its_words() -> None:
    error = caller_error({"type": "new_error", "loc": ("user",), "msg": "Input should be kind", "input": object()})
    assert error.message == "Invalid value for 'user': Input should be kind."
    assert error.code == "invalid_value"


@pytest.mark.parametrize(
    "fields",
    [
        {"input": [5, 5]},
        {"input": [{"role": "user", "content": [5, 5]}]},
        {"input": [{"type": "reasoning", "summary": [5, 5]}]},
        {"input": [{"type": "shell_call", "call_id": "c", "action": {"commands": [5, 5]}}]},
        {"tools": [5, 5]},
        {"tools": [{"type": "namespace", "name": "n", "tools": [5, 5]}]},
        {"tool_choice": {"type": "allowed_tools", "tools": [5, 5]}},
        {"metadata": dict.fromkeys(map(str, range(17)), 5)},
        {"include": [5, 5]},
    ],
)
def test_validation_stops_at_the_first_wrong_element(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        CreateResponse.model_validate(request(**fields))
    assert caught.value.error_count() == 1


def test_unknown_fields_are_named_in_the_order_sent() -> None:
    payload = request(zeta=1, input="hello", client_metadata={}, text={}, alpha=False, omega=None)
    assert unknown_fields(payload) == ["zeta", "client_metadata", "alpha"]


def test_unknown_options_are_named_by_their_paths() -> None:
    form = {"type": "json_schema", "name": "a", "schema": {"anything": 1}, "description": "d", "strict": True, "note": 1}
    payload = request(
        stream_options={"include_usage": True, "include_obfuscation": False},
        text={"format": form, "verbosity": "low", "foo": 1, "bar": None},
        reasoning={"effort": "low", "summary": "auto", "generate_summary": None, "context": "auto", "mode": "pro", "budget": 5},
        client_metadata={},
    )
    expected = ["client_metadata", "text.foo", "reasoning.budget", "stream_options.include_usage", "text.format.note"]
    assert unknown_fields(payload) == expected
    assert unknown_fields(request(text=None, reasoning=None, stream_options={})) == []
    assert unknown_fields(request(text={"format": None})) == []


@needs_recordings
def test_the_requests_of_a_real_coding_agent_are_accepted() -> None:
    for recorded in codex_requests().values():
        body = recorded["body"]
        accept(**body)
        assert unknown_fields(body) == ["client_metadata"]


def test_the_validator_of_requests_can_be_built_before_the_first_of_them() -> None:
    prepare()
    assert CreateResponse.__pydantic_complete__
