"""Items to messages: one assistant message a turn, outputs directly after their calls, and every dialect's own wishes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw_extproc.core.conversation import NO_OUTPUT, SUMMARY_TITLE, legal_call_id
from gw_extproc.core.dialects import DIALECTS, CallIds
from gw_extproc.core.errors import CallerError, TooDeep

from .anything import CALL_IDS
from .translated import (
    FUNCTION,
    HELLO,
    PICTURE,
    Fields,
    assistant,
    called,
    chat,
    function_call,
    messages,
    notice,
    output,
    plan,
    refused,
    told,
)

USER: Fields = {"role": "user", "content": "hello"}
THOUGHT: Fields = {
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "short"}],
    "content": None,
    "encrypted_content": None,
}
NINE = CallIds(longest=9, exact=True, plain=True)


def words(*items: Fields) -> str:
    return notice(input=[HELLO, *items])


def after_hello(*items: Fields, dialect: str = "generic", **fields: Any) -> list[Fields]:
    first, *rest = messages(HELLO, *items, dialect=dialect, **fields)
    assert first == USER
    return rest


def continued(*history: Fields, **fields: Any) -> list[Fields]:
    """The messages of a request that continues that history."""
    sent: list[Fields] = chat(history=history, **fields)["messages"]
    return sent


# Laws


@given(st.lists(st.tuples(CALL_IDS, st.booleans()), max_size=8))
def test_every_call_is_answered_once_and_in_order(given_items: list[tuple[str, bool]]) -> None:
    items = [function_call(call_id) if is_call else output(call_id, f"of {call_id}") for call_id, is_call in given_items]
    got = after_hello(*items)
    calls = [call for message in got for call in message.get("tool_calls", ())]
    assert len(calls) == sum(is_call for _, is_call in given_items)
    assert [message["tool_call_id"] for message in got if message["role"] == "tool"] == [call["id"] for call in calls]


@given(st.text(max_size=60), st.sampled_from([dialect.call_ids for dialect in DIALECTS.values()]))
def test_a_call_id_becomes_legal_and_always_the_same(call_id: str, rule: CallIds) -> None:
    legal = legal_call_id(call_id, rule)
    assert 0 < len(legal) <= rule.longest
    assert len(legal) == rule.longest or not rule.exact
    assert (legal.isalnum() and legal.isascii()) or not rule.plain
    assert legal_call_id(call_id, rule) == legal == legal_call_id(legal, rule)


# One conversation of everything, for dialects that differ

EVERYTHING: list[Fields] = [
    {"type": "message", "role": "system", "content": "be kind"},
    {"role": "developer", "content": [{"type": "input_text", "text": "be exact"}]},
    {"role": "user", "content": [{"type": "input_text", "text": "hello"}]},
    {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "I should look."}], "summary": []},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Wait.", "annotations": []}], "id": "msg_1"},
    function_call("call_a", arguments='{"at": "x"}', status="completed"),
    function_call("c" * 50),
    output("c" * 50, "two"),
    output("call_a", [{"type": "input_text", "text": "one"}]),
    THOUGHT,
    assistant([{"type": "output_text", "text": "Well."}, {"type": "refusal", "refusal": "I will not."}]),
    {"role": "developer", "content": "be quick"},
    {"role": "user", "content": "go on"},
]
LONG = legal_call_id("c" * 50, CallIds())


def everything(dialect: str) -> list[Fields]:
    return messages(*EVERYTHING, dialect=dialect, instructions="be brief", tools=[FUNCTION])


def turn(**fields: object) -> Fields:
    return {"role": "assistant", "content": "Wait.", "tool_calls": [called("call_a", arguments='{"at": "x"}'), called(LONG)], **fields}


SYSTEM_FIRST: Fields = {"role": "system", "content": "be brief\n\nbe kind\n\nbe exact\n\nbe quick"}
OUTPUTS = [told("call_a", "one"), told(LONG, "two")]
GO_ON: Fields = {"role": "user", "content": "go on"}
REFUSED: Fields = {"role": "assistant", "content": "Well.\nI will not."}
SIGNATURE = {"extra_content": {"google": {"thought_signature": "skip_thought_signature_validator"}}}
SIGNED = [called("call_a", arguments='{"at": "x"}') | SIGNATURE, called(LONG)]
CAUTIOUS = [SYSTEM_FIRST, USER, turn(), *OUTPUTS, REFUSED, GO_ON]
OPENAI = [
    {"role": "developer", "content": "be brief"},
    {"role": "system", "content": "be kind"},
    {"role": "developer", "content": "be exact"},
    USER,
    turn(),
    *OUTPUTS,
    {"role": "assistant", "content": [{"type": "text", "text": "Well."}, {"type": "refusal", "refusal": "I will not."}]},
    {"role": "developer", "content": "be quick"},
    GO_ON,
]
OPENROUTER = [
    *({"role": "system", "content": text} for text in ("be brief", "be kind", "be exact")),
    USER,
    turn(reasoning="I should look."),
    *OUTPUTS,
    {**REFUSED, "reasoning": "short"},
    {"role": "system", "content": "be quick"},
    GO_ON,
]


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        *((name, CAUTIOUS) for name in ("generic", "groq")),
        ("gemini", [SYSTEM_FIRST, USER, turn(tool_calls=SIGNED), *OUTPUTS, REFUSED, GO_ON]),
        *((name, OPENAI) for name in ("openai", "azure")),
        ("openrouter", OPENROUTER),
        *(
            (name, [SYSTEM_FIRST, USER, turn(reasoning_content="I should look."), *OUTPUTS, REFUSED, GO_ON])
            for name in ("sglang", "llamacpp", "deepseek")
        ),
        *((name, [SYSTEM_FIRST, USER, turn(reasoning="I should look."), *OUTPUTS, REFUSED, GO_ON]) for name in ("vllm", "ollama")),
    ],
)
def test_a_whole_conversation(dialect: str, expected: list[Fields]) -> None:
    assert everything(dialect) == expected


def test_a_whole_conversation_with_mistral_has_its_call_ids() -> None:
    first, second = (legal_call_id(call_id, NINE) for call_id in ("call_a", "c" * 50))
    assert everything("mistral")[2:5] == [
        turn(tool_calls=[called(first, arguments='{"at": "x"}'), called(second)]),
        told(first, "one"),
        told(second, "two"),
    ]
    assert after_hello(function_call("abcDEF123"), output("abcDEF123"), dialect="mistral")[1] == told("abcDEF123")


# Turns


@pytest.mark.parametrize("content", [None, "", [], [{"type": "output_text", "text": ""}], [{"type": "refusal", "refusal": ""}]])
def test_an_empty_assistant_message_is_left_out(content: object) -> None:
    assert after_hello(assistant(content), GO_ON) == [GO_ON]
    assert "content" not in after_hello(assistant(content), function_call("a"), output("a"), dialect="openai")[0]


def test_assistant_messages_in_a_row_are_one() -> None:
    assert after_hello({**assistant("Wait."), "phase": "commentary"}, assistant("Done.")) == [assistant("Wait.\nDone.")]


def test_an_empty_system_message_is_left_out() -> None:
    for dialect in ("generic", "openai"):
        assert (
            after_hello({"role": "system", "content": ""}, {"role": "developer", "content": []}, dialect=dialect, instructions="") == []
        )
        nothing: list[Fields] = [{"role": role, "content": None} for role in ("system", "developer", "user")]
        assert after_hello(*nothing, dialect=dialect) == []


def test_a_message_between_a_call_and_its_output_joins_the_turn() -> None:
    got = after_hello(function_call("a"), assistant("Working."), output("a"))
    assert got == [{"role": "assistant", "content": "Working.", "tool_calls": [called("a")]}, told("a")]


def test_a_message_of_the_user_between_a_call_and_its_output_comes_after_both() -> None:
    assert after_hello(function_call("a"), GO_ON, output("a")) == [
        {"role": "assistant", "tool_calls": [called("a")]},
        told("a"),
        GO_ON,
    ]


def test_calls_one_after_the_other_are_turns_of_their_own() -> None:
    got = after_hello(function_call("a"), output("a", "1"), function_call("b"), output("b", "2"))
    assert [message["role"] for message in got] == ["assistant", "tool", "assistant", "tool"]


def test_outputs_that_come_before_their_calls_or_late_stand_in_call_order() -> None:
    got = after_hello(output("b", "2"), function_call("a"), function_call("b"), assistant("Well."), GO_ON, output("a", "1"))
    assert got[1:] == [told("a", "1"), told("b", "2"), GO_ON]


def test_the_same_id_in_every_turn_answers_in_order() -> None:
    got = after_hello(function_call("call_0"), output("call_0", "1"), GO_ON, function_call("call_0"), output("call_0", "2"))
    assert [message["content"] for message in got if message["role"] == "tool"] == ["1", "2"]


def test_the_same_id_twice_in_a_turn_is_told_apart() -> None:
    got = after_hello(
        function_call("a_2"), function_call("a"), function_call("a"), output("a", "1"), output("a", "2"), output("a_2", "0")
    )
    assert [call["id"] for call in got[0]["tool_calls"]] == ["a_2", "a", "a_3"]
    assert got[1:] == [told("a_2", "0"), told("a", "1"), told("a_3", "2")]


def test_an_output_without_its_call_is_left_out_and_named() -> None:
    assert after_hello(output("gone"), GO_ON) == [GO_ON]
    assert words(output("gone")) == "outputs left out for want of their call: gone"


def test_a_call_without_output_gets_one_that_says_so_and_is_named() -> None:
    assert after_hello(function_call("a"), GO_ON)[1] == told("a", NO_OUTPUT)
    assert words(function_call("a")) == "calls without output: a"


def test_an_output_may_name_the_item_of_its_call() -> None:
    assert after_hello(function_call("a", id="fc_1"), output("fc_1"))[1]["content"] == "done"
    local = {"type": "local_shell_call", "id": "lsh_1", "call_id": "a", "action": {"type": "exec", "command": ["ls"], "env": {}}}
    for answer in ({"id": "lsh_1"}, {"call_id": "a"}, {"id": "lsh_9", "call_id": "a"}):
        assert after_hello(local, {"type": "local_shell_call_output", "output": "x", **answer})[1]["content"] == "x"


@pytest.mark.parametrize("role", ["system", "developer"])
def test_only_instructions_are_enough(role: str) -> None:
    assert messages({"role": role, "content": "be kind"}) == [{"role": "system", "content": "be kind"}]


# Arguments and outputs


@pytest.mark.parametrize(
    ("given_arguments", "sent", "repaired"),
    [
        ('{"a": 1}', '{"a": 1}', False),
        ("", "{}", False),
        (" ", "{}", False),
        ('{"a": ', '{"input":"{\\"a\\": "}', True),
        ("[1]", '{"input":"[1]"}', True),
        ("null", '{"input":"null"}', True),
    ],
)
def test_arguments_are_always_an_object(given_arguments: str, sent: str, repaired: bool) -> None:
    call = function_call("a", arguments=given_arguments)
    assert after_hello(call, output("a"))[0]["tool_calls"] == [called("a", arguments=sent)]
    assert words(call, output("a")) == ("arguments repaired: a" if repaired else "")


def test_images_of_an_output_follow_all_outputs_in_a_message_of_the_user() -> None:
    shown = [{"type": "input_text", "text": "see"}, PICTURE]
    got = after_hello(function_call("a"), function_call("b"), output("a", shown), output("b", [PICTURE]), GO_ON)
    image = {"type": "image_url", "image_url": {"url": PICTURE["image_url"]}}
    assert got[1:] == [
        told("a", "see\n(see the next message of the user)"),
        told("b", "(see the next message of the user)"),
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Output of the call a:"},
                image,
                {"type": "text", "text": "Output of the call b:"},
                image,
            ],
        },
        GO_ON,
    ]


def test_media_of_an_output_are_refused_by_their_path() -> None:
    items = [HELLO, function_call("a"), output("a", [{"type": "input_text", "text": "x"}, PICTURE])]
    assert refused("deepseek", input=items) == ("input[2].output[1]", "unsupported_content")


@pytest.mark.parametrize("empty", [None, "", [], [{"type": "input_text", "text": ""}]])
def test_an_empty_output_is_an_output(empty: object) -> None:
    assert after_hello(function_call("a"), output("a", empty))[1] == told("a", "")
    custom: Fields = {"type": "custom_tool_call", "call_id": "a", "name": "free", "input": "x"}
    assert after_hello(custom, output("a", empty, type="custom_tool_call_output"))[1] == told("a", "")


# Tools of other kinds

DELETE: Fields = {"type": "delete_file", "path": "a"}
RESULT: Fields = {"stdout": "a", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}


@pytest.mark.parametrize(
    ("call", "answer", "name", "arguments", "content"),
    [
        (
            {"type": "custom_tool_call", "call_id": "a", "name": "apply_patch", "input": "*** Begin\n"},
            {"type": "custom_tool_call_output", "call_id": "a", "output": "ok"},
            "apply_patch",
            {"input": "*** Begin\n"},
            "ok",
        ),
        (
            {"type": "custom_tool_call", "call_id": "a", "name": "exec", "namespace": "js", "input": ""},
            {"type": "custom_tool_call_output", "call_id": "a", "output": [{"type": "input_text", "text": "ok"}]},
            "js__exec",
            {"input": ""},
            "ok",
        ),
        (function_call("a", "find", namespace="mcp"), output("a", "ok"), "mcp__find", {}, "ok"),
        (
            {"type": "apply_patch_call", "call_id": "a", "operation": DELETE},
            {"type": "apply_patch_call_output", "call_id": "a", "status": "failed", "output": None},
            "apply_patch",
            {"operation": DELETE},
            {"status": "failed", "output": ""},
        ),
        (
            {"type": "apply_patch_call", "call_id": "a", "operation": DELETE},
            {"type": "apply_patch_call_output", "call_id": "a", "output": "gone"},
            "apply_patch",
            {"operation": DELETE},
            {"status": "completed", "output": "gone"},
        ),
        (
            {"type": "shell_call", "call_id": "a", "action": {"commands": ["ls"], "timeout_ms": None, "max_output_length": 9}},
            {"type": "shell_call_output", "call_id": "a", "output": [RESULT]},
            "shell",
            {"commands": ["ls"], "max_output_length": 9},
            [RESULT],
        ),
        (
            {"type": "local_shell_call", "id": "a", "action": {"type": "exec", "command": ["ls"], "env": {}}},
            {"type": "local_shell_call_output", "id": "a", "output": "ok"},
            "local_shell",
            {"command": ["ls"], "env": {}},
            "ok",
        ),
        (
            {"type": "tool_search_call", "call_id": "a", "execution": "client", "arguments": {"query": "q"}},
            {"type": "tool_search_output", "call_id": "a", "tools": []},
            "tool_search",
            {"query": "q"},
            {"tools_found": []},
        ),
    ],
    ids=lambda value: value.get("type") if isinstance(value, dict) else "",
)
def test_calls_and_outputs_of_every_kind_go_back_as_the_model_had_written_them(
    call: Fields, answer: Fields, name: str, arguments: Fields, content: object
) -> None:
    spoken, heard = after_hello(call, answer)
    function = spoken["tool_calls"][0]["function"]
    assert (function["name"], json.loads(function["arguments"])) == (name, arguments)
    assert heard["tool_call_id"] == spoken["tool_calls"][0]["id"]
    assert (heard["content"] if isinstance(content, str) else json.loads(heard["content"])) == content


def test_the_history_calls_a_tool_by_the_name_under_which_it_is_offered() -> None:
    tools = [FUNCTION, {"type": "custom", "name": "look"}]
    items = [HELLO, {"type": "custom_tool_call", "call_id": "a", "name": "look", "input": "x"}]
    spoken = messages(*items, tools=tools)[1]
    assert spoken["tool_calls"][0]["function"]["name"].startswith("look_")


def test_searches_without_ids_are_answered_in_order() -> None:
    def search(number: int) -> Fields:
        return {"type": "tool_search_call", "id": f"tsc_{number}", "call_id": None, "arguments": {"query": str(number)}}

    def found(*tools: Fields, number: int) -> Fields:
        return {"type": "tool_search_output", "id": f"tso_{number}", "call_id": None, "tools": list(tools)}

    items = [search(1), search(2), found(FUNCTION, number=1), found(number=2), search(3), found(FUNCTION, number=3)]
    got = after_hello(*items)
    assert [len(message.get("tool_calls", ())) for message in got] == [2, 0, 0, 1, 0]
    contents = [json.loads(message["content"])["tools_found"] for message in got if message["role"] == "tool"]
    assert contents == [["look"], [], ["look"]]
    assert words(*items) == ""


def test_tools_that_were_found_are_named_as_they_are_offered() -> None:
    tools: list[Fields] = [FUNCTION, {"type": "namespace", "name": "mcp", "tools": [FUNCTION]}, {"type": "odd", "name": "no"}]
    items: list[Fields] = [
        {"type": "tool_search_call", "call_id": "a", "arguments": {}},
        {"type": "tool_search_output", "call_id": "a", "tools": tools},
    ]
    assert json.loads(after_hello(*items)[1]["content"]) == {"tools_found": ["look", "mcp__look"]}


def test_what_is_nested_too_deeply_to_be_written_is_refused() -> None:
    deep = json.loads('{"a":' * 400 + "0" + "}" * 400)
    search: Fields = {"type": "tool_search_call", "call_id": "a", "arguments": deep}
    shell: Fields = {"type": "shell_call", "call_id": "a", "action": {"commands": ["ls"]}}
    for items in ([search], [shell, {"type": "shell_call_output", "call_id": "a", "output": [{**RESULT, "note": deep}]}]):
        with pytest.raises(TooDeep):
            plan(input=[HELLO, *items])


# Reasoning


def test_reasoning_without_its_message_is_left_out() -> None:
    for dialect in sorted(DIALECTS):
        assert after_hello(THOUGHT, GO_ON, THOUGHT, dialect=dialect) == [GO_ON]


def test_deepseek_wants_the_field_on_every_message_with_calls() -> None:
    got = after_hello(function_call("a"), output("a"), assistant("Done."), dialect="deepseek")
    assert got[0]["reasoning_content"] == ""
    assert got[0]["content"] == ""
    assert got[2] == assistant("Done.")


def test_mistral_wants_an_assistant_between_a_tool_and_a_user() -> None:
    got = after_hello(function_call("a" * 9), output("a" * 9), HELLO, dialect="mistral")
    assert [message["role"] for message in got] == ["assistant", "tool", "assistant", "user"]
    assert got[2] == assistant("OK.")


def test_gemini_wants_a_signature_on_the_first_call_of_each_message() -> None:
    items = [HELLO, function_call("a"), function_call("b"), output("a"), output("b"), function_call("c"), output("c")]
    spoken = [message for message in messages(*items, dialect="gemini") if message["role"] == "assistant"]
    assert [message["tool_calls"] for message in spoken] == [[called("a") | SIGNATURE, called("b")], [called("c") | SIGNATURE]]


def test_a_dialect_that_replays_with_calls_leaves_out_what_is_not_known() -> None:
    empty = {"type": "reasoning", "summary": [], "encrypted_content": "e"}
    assert after_hello(empty, function_call("a"), output("a"), dialect="vllm")[0].keys() == {"role", "tool_calls"}


# What is not said


def test_unknown_items_are_named_and_never_printed() -> None:
    items: list[Fields] = [
        {"type": "agent_message", "content": "secret"},
        {"type": "web_search_call", "action": {}},
    ]
    assert after_hello(*items, {"type": "additional_tools", "tools": []}) == []
    assert words(*items) == "items left out: agent_message, web_search_call"


def test_a_request_to_compact_is_refused() -> None:
    assert refused(input=[HELLO, {"type": "compaction_trigger"}]) == ("input[1]", "unsupported_value")


# What the gateway remembers


def test_a_compacted_context_is_a_message_that_says_what_it_is() -> None:
    """It stands in the place of what came before (compaction)."""
    summary = {"type": "compaction", "encrypted_content": "sealed", "summary": "they met"}
    thought = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}
    got = continued(HELLO, thought, assistant("hi"), summary, assistant("bye"))
    assert got == [{"role": "user", "content": f"{SUMMARY_TITLE}they met"}, assistant("bye"), USER]


def test_an_output_answers_a_call_of_the_history() -> None:
    assert continued(HELLO, function_call("a"), input=[output("a")])[-2:] == [
        {"role": "assistant", "tool_calls": [called("a")]},
        told("a"),
    ]


class TestOutputsWithoutTheirCall:
    def test_are_left_out_where_the_caller_carries_the_history(self) -> None:
        assert after_hello(output("a")) == []
        assert words(output("a")) == "outputs left out for want of their call: a"

    def test_are_refused_where_the_gateway_does(self) -> None:
        with pytest.raises(CallerError, match=r"^No tool call found for function call output with call_id 'b'\.$") as caught:
            plan(history=[HELLO, function_call("a"), output("a")], input=[HELLO, output("b")])
        assert (caught.value.code, caught.value.param) == ("tool_call_not_found", "input[1]")

    def test_are_left_out_again_where_the_history_holds_them(self) -> None:
        history = [HELLO, output("a")]
        assert continued(*history) == [USER, USER]
        assert plan(history=history).notices.header() == "outputs left out for want of their call: a"


def test_what_the_history_holds_is_named_by_the_parameter_that_names_it() -> None:
    picture = {"role": "user", "content": [PICTURE]}
    assert refused("deepseek", history=[HELLO, picture])[0] == "previous_response_id.content[0]"
