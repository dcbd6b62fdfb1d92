"""Which rule of the dialect gave a request its form is told with it: each rule, and none where the dialect had no part in it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args

import pytest

from gw_extproc.core.dialects import Dialect
from gw_extproc.core.notices import Shaped
from gw_extproc.core.rules import RULES, Rule
from tests.core.translated import FUNCTION, HELLO, PICTURE, plan

THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]}
CALL = {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "sunny"}
REFUSED = {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
TEXT_FILE = {"type": "input_file", "filename": "a.txt", "file_data": "data:text/plain,hello"}
DEVELOPER = {"role": "developer", "content": "Be brief."}


def test_each_is_a_field_of_a_dialect_and_says_what_it_does() -> None:
    assert tuple(RULES) == get_args(Rule)
    assert set(RULES) <= {field.name for field in fields(Dialect)}


SHAPED: list[tuple[Rule, str, dict[str, Any], str]] = [
    ("max_tokens", "generic", {"max_output_tokens": 50}, "max_output_tokens"),
    ("include_usage", "generic", {"stream": True}, "stream"),
    ("efforts", "generic", {"reasoning": {"effort": "xhigh"}}, "reasoning.effort"),
    ("developer_role", "generic", {"input": [DEVELOPER, HELLO]}, "input[].role"),
    ("system", "generic", {"input": [HELLO, {"role": "system", "content": "Be brief."}]}, "input"),
    ("replay", "generic", {"input": [HELLO, THOUGHT, CALL, OUTPUT]}, "input[].reasoning"),
    ("replay", "vllm", {"input": [HELLO, THOUGHT, CALL, OUTPUT]}, "input[].reasoning"),
    ("replay_empty", "deepseek", {"input": [HELLO, CALL, OUTPUT]}, "input[].reasoning"),
    ("empty_content", "deepseek", {"input": [HELLO, CALL, OUTPUT]}, "input"),
    ("media", "generic", {"input": [{"role": "user", "content": [TEXT_FILE]}]}, "input[].content"),
    ("named_tool_choice", "llamacpp", {"tools": [FUNCTION], "tool_choice": {"type": "function", "name": "look"}}, "tool_choice"),
    ("refusal_parts", "generic", {"input": [HELLO, REFUSED, HELLO]}, "input[].content"),
    ("between_tool_and_user", "mistral", {"input": [HELLO, CALL, OUTPUT, HELLO]}, "input"),
    ("call_ids", "mistral", {"input": [HELLO, CALL, OUTPUT]}, "input[].call_id"),
    ("first_call_extra", "gemini", {"input": [HELLO, CALL, OUTPUT]}, "input"),
]


@pytest.mark.parametrize(("rule", "dialect", "given", "field"), SHAPED, ids=[f"{rule} of {dialect}" for rule, dialect, *_ in SHAPED])
def test_a_rule_that_loses_nothing_is_told_with_what_it_shaped(rule: Rule, dialect: str, given: dict[str, Any], field: str) -> None:
    notices = plan(dialect, **given).notices
    assert Shaped(rule, field) in notices.shaped()
    assert notices.header() is None


LEFT_OUT: list[tuple[Rule | None, str, dict[str, Any], str]] = [
    ("hints", "generic", {"metadata": {"run": "7"}}, "not sent: metadata"),
    ("hints", "generic", {"text": {"verbosity": "low"}}, "not sent: text.verbosity"),
    ("hints", "ollama", {"tools": [FUNCTION], "parallel_tool_calls": False}, "not sent: parallel_tool_calls"),
    ("hints", "mistral", {"reasoning": {"effort": "high"}}, "not sent: reasoning.effort"),
    ("efforts", "generic", {"reasoning": {"effort": "none"}}, "not sent: reasoning.effort"),
    ("image_detail", "generic", {"input": [{"role": "user", "content": [{**PICTURE, "detail": "high"}]}]}, "not sent: image detail"),
    (None, "generic", {"tools": [{"type": "web_search"}]}, "tools left out: web_search"),
    (None, "openai", {"input": [HELLO, CALL]}, "calls without output: call_1"),
]


@pytest.mark.parametrize(("rule", "dialect", "given", "said"), LEFT_OUT)
def test_a_notice_names_its_rule_where_it_is_the_dialects(rule: Rule | None, dialect: str, given: dict[str, Any], said: str) -> None:
    (notice,) = plan(dialect, **given).notices
    assert (f"{notice.treatment}: {notice.name}", notice.rule) == (said, rule)


def test_what_every_server_takes_needs_no_rule() -> None:
    given: dict[str, Any] = {"instructions": "Be brief.", "temperature": 0.5, "tools": [FUNCTION], "tool_choice": "auto"}
    notices = plan("openai", input=[DEVELOPER, HELLO, CALL, OUTPUT, REFUSED], reasoning={"effort": "high"}, **given).notices
    assert (list(notices), list(notices.shaped())) == ([], [])
