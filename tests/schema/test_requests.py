"""Parameters of CreateResponse: ranges, closed lists, and null as good as absent."""

from __future__ import annotations

import pytest

from gw_extproc.schema.items import MOST_ITEMS
from gw_extproc.schema.requests import CreateResponse

from .refusals import accept, refusal, refuse, request

EVERY_PARAMETER = request(
    input="hello",
    instructions="be brief",
    previous_response_id="resp_1",
    conversation={"id": "conv_1"},
    prompt={"id": "pmpt_1", "version": "2", "variables": {"name": {"type": "input_text", "text": "Ada"}}},
    tools=[],
    tool_choice="auto",
    parallel_tool_calls=True,
    max_tool_calls=1,
    max_output_tokens=1,
    temperature=2,
    top_p=0.5,
    presence_penalty=-2.0,
    frequency_penalty=2,
    top_logprobs=20,
    reasoning={
        "effort": "xhigh",
        "summary": "auto",
        "generate_summary": "concise",
        "context": "all_turns",
        "mode": "pro",
    },
    text={"format": {"type": "json_object"}, "verbosity": "low"},
    include=["reasoning.encrypted_content", "message.output_text.logprobs"],
    stream=True,
    stream_options={"include_obfuscation": False},
    store=False,
    background=False,
    context_management=[{"type": "compaction", "compact_threshold": 1000}],
    truncation="disabled",
    service_tier="a tier of tomorrow",
    metadata={"k" * 64: "v" * 512},
    safety_identifier="s" * 128,
    prompt_cache_key="key",
    prompt_cache_retention="24h",
    user="user",
)


def test_every_parameter_is_accepted() -> None:
    assert set(EVERY_PARAMETER) == set(CreateResponse.model_fields)
    accept(**EVERY_PARAMETER)


@pytest.mark.parametrize("name", sorted(set(CreateResponse.model_fields) - {"model"}))
def test_null_is_as_good_as_absent(name: str) -> None:
    accept(**EVERY_PARAMETER | {name: None})


def test_nulls_inside_of_objects_are_as_good_as_absent() -> None:
    accept(
        prompt={"id": "pmpt_1", "version": None, "variables": None},
        reasoning=dict.fromkeys(("effort", "summary", "generate_summary", "context", "mode")),
        text={"format": None, "verbosity": None},
        stream_options={"include_obfuscation": None},
    )


def test_unknown_fields_are_accepted_at_every_level() -> None:
    accept(client_metadata={"a": 1}, reasoning={"later": 1}, text={"format": {"type": "text", "later": 1}, "later": 1})


@pytest.mark.parametrize(
    ("prompt", "param", "code"),
    [
        ({}, "prompt.id", "missing_required_parameter"),
        ({"id": "pmpt_1", "version": 2}, "prompt.version", "invalid_type"),
        ({"id": "pmpt_1", "variables": ["a"]}, "prompt.variables", "invalid_type"),
        ({"id": "pmpt_1", "variables": {"a": 5}}, "prompt.variables.a", "invalid_type"),
        ({"id": "pmpt_1", "variables": {"a": None}}, "prompt.variables.a", "missing_required_parameter"),
        ({"id": "pmpt_1", "variables": {"a": {"type": "input_image"}}}, "prompt.variables.a.image_url", "missing_required_parameter"),
        ({"id": "pmpt_1", "variables": {"a": {"type": "refusal"}}}, "prompt.variables.a.type", "invalid_value"),
        ({"id": "pmpt_1", "variables": dict.fromkeys(map(str, range(257)), "")}, "prompt.variables", "object_above_max_properties"),
    ],
)
def test_a_prompt_that_is_none_is_refused(prompt: object, param: str, code: str) -> None:
    assert refuse(prompt=prompt) == (param, code)


@pytest.mark.parametrize(
    ("given", "param", "code"),
    [
        ({}, "context_management", "invalid_type"),
        ([], "context_management", "empty_array"),
        ([{"type": "other", "compact_threshold": 1000}], "context_management[0].type", "invalid_value"),
        ([{"type": "compaction"}], "context_management[0].compact_threshold", "missing_required_parameter"),
        ([{"type": "compaction", "compact_threshold": None}], "context_management[0].compact_threshold", "missing_required_parameter"),
        ([{"type": "compaction", "compact_threshold": 999}], "context_management[0].compact_threshold", "integer_below_min_value"),
    ],
)
def test_a_context_management_that_is_none_is_refused(given: object, param: str, code: str) -> None:
    assert refuse(context_management=given) == (param, code)


def test_variables_of_every_kind_are_taken() -> None:
    picture, file = {"type": "input_image", "image_url": "data:,"}, {"type": "input_file", "file_data": "data:,"}
    accept(
        prompt={
            "id": "pmpt_1",
            "version": "2",
            "variables": {"a": "x", "b": {"type": "input_text", "text": ""}, "c": picture, "d": file},
        }
    )
    accept(prompt={"id": "pmpt_1", "version": None, "variables": None})


@pytest.mark.parametrize("model", [{}, {"model": None}, {"model": ""}])
def test_a_request_without_a_model_is_refused(model: dict[str, object]) -> None:
    error = refusal({"input": "hello", **model})
    assert (error.param, error.code) == ("model", "missing_required_parameter")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", 5),
        ("input", 5),
        ("input", {}),
        ("instructions", ["be brief"]),
        ("previous_response_id", 1),
        ("conversation", ["conv_1"]),
        ("prompt", "pmpt_1"),
        ("tools", {}),
        ("tool_choice", True),
        ("parallel_tool_calls", "true"),
        ("max_tool_calls", 1.5),
        ("max_output_tokens", "100"),
        ("max_output_tokens", True),
        ("max_output_tokens", 100.0),
        ("temperature", "0.5"),
        ("temperature", True),
        ("temperature", 10**400),
        ("top_logprobs", 2.5),
        ("reasoning", "high"),
        ("text", "json"),
        ("include", "reasoning.encrypted_content"),
        ("stream", 1),
        ("stream_options", True),
        ("store", "no"),
        ("truncation", 1),
        ("service_tier", 1),
        ("metadata", [["a", "b"]]),
        ("user", {"id": 1}),
    ],
)
def test_nothing_is_coerced(name: str, value: object) -> None:
    assert refuse(**{name: value}) == (name, "invalid_type")


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("temperature", -0.1, 2.1),
        ("top_p", -0.1, 1.1),
        ("presence_penalty", -2.1, 2.1),
        ("frequency_penalty", -3, 3),
    ],
)
def test_numbers_have_a_range(name: str, low: float, high: float) -> None:
    assert refuse(**{name: low}) == (name, "decimal_below_min_value")
    assert refuse(**{name: high}) == (name, "decimal_above_max_value")
    assert refuse(**{name: float("nan")}) == (name, "invalid_value")
    assert refuse(**{name: float("inf")}) == (name, "invalid_value")


def test_whole_numbers_have_a_range() -> None:
    assert refuse(max_output_tokens=0) == ("max_output_tokens", "integer_below_min_value")
    assert refuse(max_tool_calls=0) == ("max_tool_calls", "integer_below_min_value")
    assert refuse(top_logprobs=-1) == ("top_logprobs", "integer_below_min_value")
    assert refuse(top_logprobs=21) == ("top_logprobs", "integer_above_max_value")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"truncation": "middle"}, "truncation"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"reasoning": {"summary": "none"}}, "reasoning.summary"),
        ({"text": {"verbosity": "loud"}}, "text.verbosity"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"include": ["reasoning.encrypted_content", "everything"]}, "include[1]"),
    ],
)
def test_closed_lists_are_closed(fields: dict[str, object], param: str) -> None:
    assert refuse(**fields) == (param, "invalid_value")


def test_metadata_is_sixteen_short_strings() -> None:
    accept(metadata={str(key): "" for key in range(16)})
    assert refuse(metadata={str(key): "" for key in range(17)}) == ("metadata", "object_above_max_properties")
    assert refuse(metadata={"k" * 65: ""})[1] == "string_above_max_length"
    assert refuse(metadata={"k": "v" * 513}) == ("metadata.k", "string_above_max_length")
    assert refuse(metadata={"k": 1}) == ("metadata.k", "invalid_type")
    assert refuse(safety_identifier="s" * 129) == ("safety_identifier", "string_above_max_length")


def test_a_conversation_is_an_id_or_an_object_with_one() -> None:
    accept(conversation="conv_1")
    assert refuse(conversation={}) == ("conversation.id", "missing_required_parameter")
    assert refuse(prompt={"variables": {}}) == ("prompt.id", "missing_required_parameter")


def test_json_schema_formats_need_a_name_and_a_schema() -> None:
    good = {"type": "json_schema", "name": "Answer-1", "schema": {"$schema": "x"}, "strict": None, "description": None}
    accept(text={"format": good})
    assert refuse(text={"format": good | {"name": "an answer"}}) == ("text.format.name", "invalid_value")
    assert refuse(text={"format": good | {"name": "n" * 65}}) == ("text.format.name", "string_above_max_length")
    assert refuse(text={"format": good | {"schema": None}}) == ("text.format.schema", "missing_required_parameter")
    assert refuse(text={"format": good | {"schema": []}}) == ("text.format.schema", "invalid_type")
    assert refuse(text={"format": good | {"strict": "yes"}}) == ("text.format.strict", "invalid_type")
    assert refuse(text={"format": {}}) == ("text.format.type", "missing_required_parameter")


def test_a_json_schema_format_of_chat_completions_is_explained() -> None:
    error = refusal(request(text={"format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}}))
    assert error.param == "text.format.name"
    assert error.message.endswith("it belongs beside 'type', not inside 'json_schema' as in Chat Completions.")


def test_the_models_make_a_json_schema() -> None:
    schema = CreateResponse.model_json_schema()
    assert "required" not in schema, "the model may be the prompt's"
    assert "<" not in str(schema), "the tags of unions are ours alone"


def test_an_input_has_no_more_items_than_a_worker_can_take_in_its_stride() -> None:
    assert refuse(input=[{"role": "user", "content": ""}] * (MOST_ITEMS + 1)) == ("input", "array_above_max_length")
