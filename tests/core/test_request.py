"""Parameters: each is sent, or echoed only and named in the notice, or refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from gw_extproc.core.conversation import Items
from gw_extproc.core.dialects import DIALECTS
from gw_extproc.core.errors import CallerError
from gw_extproc.core.request import translate

from .translated import FUNCTION, HELLO, Fields, chat, notice, plan, refusal, refused, request

EVERY_DIALECT = pytest.mark.parametrize("dialect", sorted(DIALECTS))
SCHEMA: Fields = {"type": "json_schema", "name": "answer", "schema": {"$schema": "x", "type": "object"}, "strict": None}

EVERYTHING: Fields = {
    "temperature": 0.5,
    "top_p": 0.9,
    "max_output_tokens": 50,
    "parallel_tool_calls": False,
    "tools": [FUNCTION],
    "reasoning": {"effort": "xhigh", "summary": "auto"},
    "text": {"format": {"type": "json_object"}, "verbosity": "low"},
    "user": "me",
    "safety_identifier": "me",
    "prompt_cache_key": "key",
    "prompt_cache_retention": "24h",
    "service_tier": "flex",
    "metadata": {"a": "b"},
    "stream": True,
    "store": True,
    "include": ["reasoning.encrypted_content"],
    "truncation": "disabled",
    "background": False,
    "max_tool_calls": 3,
}
COMMON: Fields = {"temperature": 0.5, "top_p": 0.9, "response_format": {"type": "json_object"}, "stream": True}
USAGE: Fields = {"stream_options": {"include_usage": True}}
CAUTIOUS: Fields = {"max_tokens": 50, "parallel_tool_calls": False, "reasoning_effort": "high", **USAGE}
MANY: Fields = {
    "parallel_tool_calls": False,
    "reasoning_effort": "xhigh",
    "user": "me",
    "safety_identifier": "me",
    "prompt_cache_key": "key",
    "service_tier": "flex",
    "verbosity": "low",
    **USAGE,
}
SENT: dict[str, Fields] = {
    "generic": CAUTIOUS,
    "openai": MANY | {"max_completion_tokens": 50, "prompt_cache_retention": "24h"},
    "azure": {name: value for name, value in MANY.items() if name not in ("service_tier", "safety_identifier")}
    | {"max_completion_tokens": 50},
    "vllm": {"max_completion_tokens": 50, "parallel_tool_calls": False, "reasoning_effort": "high", "user": "me", **USAGE},
    "sglang": {"max_completion_tokens": 50, "parallel_tool_calls": False, "reasoning_effort": "high", "user": "me", **USAGE},
    "ollama": {"max_tokens": 50, "reasoning_effort": "high", **USAGE},
    "llamacpp": CAUTIOUS,
    "deepseek": {"max_tokens": 50, "reasoning_effort": "high", **USAGE},
    "mistral": {"max_tokens": 50, "parallel_tool_calls": False},
    "groq": {
        "max_completion_tokens": 50,
        "parallel_tool_calls": False,
        "reasoning_effort": "high",
        "service_tier": "flex",
        "user": "me",
        **USAGE,
    },
    "openrouter": MANY | {"max_tokens": 50},
    "gemini": {"max_tokens": 50, "reasoning_effort": "high", **USAGE},
}
NAMES = {
    "reasoning_effort": "reasoning.effort",
    "verbosity": "text.verbosity",
}


@EVERY_DIALECT
def test_every_parameter_is_sent_or_named(dialect: str) -> None:
    sent = chat(dialect, **EVERYTHING)
    assert {name: value for name, value in sent.items() if name not in ("model", "messages", "tools")} == COMMON | SENT[dialect]
    hints = {"parallel_tool_calls", "reasoning_effort", "verbosity", "user", "safety_identifier", "prompt_cache_key"}
    left = {NAMES.get(name, name) for name in (hints | {"prompt_cache_retention", "service_tier"}) - sent.keys()} | {"metadata"}
    said = notice(dialect, **EVERYTHING)
    assert said.startswith("not sent: ")
    assert set(said.removeprefix("not sent: ").split(", ")) == left


@EVERY_DIALECT
def test_a_bare_request_is_the_least_one(dialect: str) -> None:
    bare = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
    assert chat(dialect) == bare
    nulls = dict.fromkeys([*EVERYTHING, "tool_choice", "top_logprobs", "presence_penalty", "frequency_penalty", "instructions"])
    assert chat(dialect, **nulls) == bare
    empty: Fields = {"tools": [], "include": [], "reasoning": {}, "text": {}, "metadata": {}, "user": "", "stream_options": None}
    assert chat(dialect, **empty) == bare
    assert notice(dialect, **empty, service_tier="auto") == ""


def test_instructions_come_first() -> None:
    assert chat(instructions="be brief")["messages"][0] == {"role": "system", "content": "be brief"}
    assert chat("openai", instructions="be brief")["messages"][0] == {"role": "developer", "content": "be brief"}


@pytest.mark.parametrize("given", [None, "", [], [{"type": "web_search_call"}], [{"role": "user", "content": ""}]])
def test_an_input_without_content_is_refused(given: object) -> None:
    assert refused(input=given) == ("input", "missing_required_parameter")
    assert chat(input=given, instructions="hello")["messages"] == [{"role": "system", "content": "hello"}]


def test_unknown_fields_are_accepted_and_named() -> None:
    assert notice(client_metadata={"a": 1}, moderation={}, text={"foo": 1}) == "fields not sent: client_metadata, moderation, text.foo"
    assert notice(moderation=None) == ""
    assert "client_metadata" not in chat(client_metadata={"a": 1})


# Sampling


@pytest.mark.parametrize("name", ["presence_penalty", "frequency_penalty"])
def test_penalties_are_sent_or_refused_and_zero_says_nothing(name: str) -> None:
    some: Fields = {name: 1.5}
    none: Fields = {name: 0}
    assert chat(**some)[name] == 1.5
    assert chat(**none)[name] == 0
    assert name not in chat("gemini", **none)
    assert refused("gemini", **some) == (name, "unsupported_parameter")


def test_the_first_of_several_parameters_is_refused() -> None:
    error = refusal("gemini", frequency_penalty=1, presence_penalty=1, top_logprobs=1)
    assert error.message == "Unsupported value for 'presence_penalty': the upstream (dialect gemini) does not know it."


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({}, {}),
        ({"include": ["message.output_text.logprobs"]}, {"logprobs": True}),
        ({"include": ["message.output_text.logprobs"], "top_logprobs": 0}, {"logprobs": True}),
        ({"top_logprobs": 3}, {"logprobs": True, "top_logprobs": 3}),
        ({"top_logprobs": 0}, {}),
    ],
)
def test_log_probabilities(fields: Fields, sent: Fields) -> None:
    got = chat(**fields)
    assert {name: got[name] for name in ("logprobs", "top_logprobs") if name in got} == sent
    assert plan(**fields).logprobs is bool(sent)


@pytest.mark.parametrize("dialect", ["mistral", "groq", "gemini"])
def test_log_probabilities_that_the_upstream_does_not_know_are_refused(dialect: str) -> None:
    assert refused(dialect, top_logprobs=1) == ("top_logprobs", "unsupported_parameter")
    assert refused(dialect, include=["message.output_text.logprobs"]) == ("include", "unsupported_parameter")


# Text and reasoning


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, {"type": "json_object"}),
        (SCHEMA | {"description": ""}, {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}),
        (
            SCHEMA | {"strict": False, "description": "d", "note": 1},
            {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": False, "description": "d", "schema": {"type": "object"}},
            },
        ),
    ],
)
def test_text_formats(given: Fields, sent: object) -> None:
    assert chat(text={"format": given}).get("response_format") == sent


def test_a_format_that_the_upstream_does_not_know_is_refused() -> None:
    error = refusal("deepseek", text={"format": SCHEMA})
    assert (error.param, error.code) == ("text.format", "unsupported_parameter")
    assert error.message == "Unsupported value for 'text.format': the upstream (dialect deepseek) does not know json_schema."


def test_a_format_and_a_named_tool_go_together() -> None:
    sent = chat(text={"format": SCHEMA}, tools=[FUNCTION], tool_choice={"type": "function", "name": "look"})
    assert sent["response_format"]["json_schema"]["name"] == "answer"
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "look"}}


@pytest.mark.parametrize(
    ("dialect", "effort", "sent"),
    [
        ("generic", "minimal", "low"),
        ("generic", "max", "high"),
        ("generic", "none", None),
        ("openai", "xhigh", "xhigh"),
        ("openai", "none", "none"),
        ("vllm", "none", "none"),
        ("deepseek", "max", "max"),
        ("mistral", "high", None),
    ],
)
def test_efforts_go_by_the_names_of_the_dialect(dialect: str, effort: str, sent: str | None) -> None:
    fields = {"reasoning": {"effort": effort}}
    assert chat(dialect, **fields).get("reasoning_effort") == sent
    assert notice(dialect, **fields) == ("" if sent else "not sent: reasoning.effort")


@pytest.mark.parametrize(
    ("reasoning", "said"),
    [
        ({"context": "auto", "mode": "standard"}, ""),
        ({"context": "all_turns"}, "not sent: reasoning.context"),
        ({"mode": "pro"}, "not sent: reasoning.mode"),
    ],
)
def test_options_of_reasoning_that_chat_does_not_have_are_named(reasoning: Fields, said: str) -> None:
    assert notice("openai", reasoning=reasoning) == said


@pytest.mark.parametrize(
    ("reasoning", "asked"),
    [(None, False), ({}, False), ({"summary": None}, False), ({"summary": "auto"}, True), ({"generate_summary": "concise"}, True)],
)
def test_a_summary_is_remembered_for_the_answer(reasoning: Any, asked: bool) -> None:
    assert plan(reasoning=reasoning).summary is asked


# What has no place in a Chat request


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"store": True}, ""),
        ({"stream": True, "stream_options": {"include_obfuscation": True}}, "not sent: stream_options.include_obfuscation"),
        ({"stream": True, "stream_options": {"include_obfuscation": False}}, ""),
        ({"stream": True, "stream_options": {"include_usage": True}}, "fields not sent: stream_options.include_usage"),
        ({"include": ["reasoning.encrypted_content", "web_search_call.results", "file_search_call.results"]}, ""),
    ],
)
def test_what_has_no_place_is_named_unless_there_can_be_nothing_of_it(fields: Fields, said: str) -> None:
    assert notice(**fields) == said


# Stream and tools


@pytest.mark.parametrize("dialect", ["generic", "mistral"])
def test_usage_is_asked_for_where_the_dialect_knows_it(dialect: str) -> None:
    options = {"stream_options": {"include_usage": True}} if dialect == "generic" else {}
    sent = chat(dialect, stream=True, stream_options={"include_obfuscation": False})
    assert sent == {**chat(dialect), "stream": True, **options}
    assert plan(dialect, stream=True).stream
    assert not plan(dialect, stream=False).stream
    assert "stream" not in chat(dialect, stream=False)


@pytest.mark.parametrize(
    ("dialect", "parallel", "said"),
    [("ollama", False, "not sent: parallel_tool_calls"), ("ollama", True, ""), ("generic", False, "")],
)
def test_one_call_at_a_time_is_named_where_it_cannot_be_asked_for(dialect: str, parallel: bool, said: str) -> None:
    assert notice(dialect, tools=[FUNCTION], parallel_tool_calls=parallel) == said


def test_nothing_is_said_of_calls_where_there_are_no_tools() -> None:
    sent = chat(parallel_tool_calls=False, tool_choice="auto", input=[HELLO, {"type": "additional_tools", "tools": []}])
    assert sent.keys() == {"model", "messages"}


# More than one model call


@pytest.mark.parametrize(
    ("fields", "needs"),
    [
        ({}, False),
        ({"background": True}, True),
        ({"truncation": "auto"}, True),
        ({"context_management": [{"type": "compaction", "compact_threshold": 1000}]}, True),
        ({"context_management": None, "truncation": "disabled", "background": False}, False),
    ],
)
def test_what_one_model_call_cannot_answer(fields: Fields, *, needs: bool) -> None:
    assert plan(**fields).needs_engine is needs


def test_the_lowest_threshold_counts() -> None:
    entries = [{"type": "compaction", "compact_threshold": threshold} for threshold in (3000, 2000)]
    assert plan(context_management=entries).compact_at == 2000


# What came before


def test_the_history_comes_before_the_input_and_its_instructions_do_not_last() -> None:
    history = [HELLO, {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]}]
    sent = chat(history=history, instructions="be brief", previous_response_id="resp_1")
    assert [(message["role"], message["content"]) for message in sent["messages"]] == [
        ("system", "be brief"),
        ("user", "hello"),
        ("assistant", "hi"),
        ("user", "hello"),
    ]


def test_a_prompts_messages_come_before_the_history() -> None:
    """They stand where instructions do."""
    instructions = [{"role": "developer", "content": "be brief"}, {"role": "user", "content": "hi"}]
    body = request(input=[HELLO], instructions=instructions)
    items = Items([HELLO], [{"type": "message", "role": "assistant", "content": "yes"}], "previous_response_id")
    sent = translate(body, items, DIALECTS["generic"], reject_unsupported=False).chat
    assert [message["content"] for message in sent["messages"]] == ["be brief", "hi", "yes", "hello"]


def test_what_a_prompts_messages_cannot_hold_is_named_by_the_prompt() -> None:
    body = request(instructions=[HELLO, {"role": "user", "content": [{"type": "input_image", "file_id": "file_1"}]}])
    with pytest.raises(CallerError) as caught:
        translate(body, Items([HELLO]), DIALECTS["generic"], reject_unsupported=False)
    assert caught.value.param == "prompt.instructions[1].content[0].file_id"


def test_tools_that_the_history_added_are_offered_and_named_by_it() -> None:
    found = {"type": "additional_tools", "role": "developer", "tools": [FUNCTION]}
    assert plan(history=[HELLO, found]).chat["tools"][0]["function"]["name"] == "look"
    strange = {**found, "tools": [{"type": "web_search"}]}
    assert refused(reject=True, history=[HELLO, strange]) == ("previous_response_id.tools[0]", "unsupported_tool")


# What one model call cannot do


def test_what_outlives_its_request_needs_the_engine() -> None:
    assert plan(background=True).needs_engine
    assert not plan(background=False).needs_engine


def test_what_is_not_stored_cannot_be_made_in_the_background() -> None:
    assert refused(background=True, store=False) == ("background", "invalid_value")
