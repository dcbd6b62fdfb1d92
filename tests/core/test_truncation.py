"""What goes first where a context is too long, and what stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw_extproc.core.conversation import Items
from gw_extproc.core.dialects import DIALECTS
from gw_extproc.core.request import translate
from gw_extproc.core.truncation import shortened

from .translated import FUNCTION, PICTURE, legal, plan, request

Message = Mapping[str, Any]


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def assistant(text: str) -> Message:
    return {"role": "assistant", "content": text}


def system(text: str = "rules") -> Message:
    return {"role": "system", "content": text}


def calls(*ids: str) -> list[Message]:
    """A message that calls, and its outputs."""
    called = [{"id": id, "type": "function", "function": {"name": "look", "arguments": "{}"}} for id in ids]
    return [{"role": "assistant", "tool_calls": called}, *({"role": "tool", "tool_call_id": id, "content": id} for id in ids)]


def steps(messages: Sequence[Message], first: int = 0) -> Iterator[Sequence[Message]]:
    """What is tried after another, each time with the least that can go."""
    found = shortened(messages, 1.0, first)
    while found is not None:
        yield found
        found = shortened(found, 1.0, first)


def test_whole_turns_go_first_then_blocks_of_the_last() -> None:
    pictures = {"role": "user", "content": [{"type": "text", "text": "Output of the call b:"}, {"type": "image_url"}]}
    one = [user("1"), assistant("one"), *calls("x"), assistant("one!")]
    two = [user("2"), assistant("two")]
    three = [user("3a"), user("3b"), *calls("a"), *calls("b"), pictures, assistant("still"), *calls("c", "d")]
    messages = [system(), *one, *two, *three]
    assert [*steps(messages)] == [
        [system(), *two, *three],
        [system(), *three],
        [system(), *three[1:]],
        [system(), user("3b"), *calls("b"), pictures, assistant("still"), *calls("c", "d")],
        [system(), user("3b"), assistant("still"), *calls("c", "d")],
        [system(), user("3b"), *calls("c", "d")],
    ]


def test_what_the_system_says_stays_wherever_it_stands() -> None:
    messages = [system("a"), user("1"), {"role": "developer", "content": "b"}, assistant("one"), system("c"), user("2")]
    assert [*steps(messages)] == [[system("a"), {"role": "developer", "content": "b"}, system("c"), user("2")]]


def test_what_a_prompt_says_stays_too() -> None:
    messages = [system(), user("example"), assistant("so"), user("1"), assistant("one"), user("2")]
    assert [*steps(messages, 2)] == [[system(), user("example"), assistant("so"), user("2")]]


@pytest.mark.parametrize(
    "messages", [[], [system()], [system(), user("1")], [user("1"), assistant("one")], calls("a"), [user("1"), *calls("a")]]
)
def test_nothing_more_may_go(messages: Sequence[Message]) -> None:
    assert shortened(messages, 0.1) is None


def test_a_context_that_begins_with_the_model_loses_that_first() -> None:
    assert [*steps([assistant("hi"), *calls("a"), user("1")])] == [[user("1")]]


@pytest.mark.parametrize(("share", "left"), [(1.0, 9), (0.9, 9), (0.75, 7), (0.5, 5), (0.1, 1), (0.0, 1)])
def test_as_much_goes_as_has_to(share: float, left: int) -> None:
    messages = [each for number in range(10) for each in (user(f"{number}" * 100), assistant(f"{number}" * 100))]
    found = shortened(messages, share)
    assert found == messages[-2 * left :]


def test_with_everything_that_a_conversation_has() -> None:
    """Of a real translation whatever is left is legal, and the last step keeps the question."""
    history = []
    for number in range(4):
        history += [
            {"role": "user", "content": f"question {number}"},
            {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
            {"type": "function_call", "call_id": f"call_{number}", "name": "look", "arguments": "{}"},
            {"type": "function_call_output", "call_id": f"call_{number}", "output": [PICTURE]},
            {"role": "assistant", "content": "seen"},
        ]
    for dialect in ("vllm", "mistral", "openai"):
        chat = dict(plan(dialect, input=[*history, {"role": "user", "content": "last"}], tools=[FUNCTION]).chat)
        tried = 0
        for messages in steps(chat["messages"]):
            legal({**chat, "messages": messages}, DIALECTS[dialect])
            assert messages[-1] == user("last")
            tried += 1
        assert tried == 4


_BLOCKS = st.sampled_from([[system()], [user("u")], [assistant("a")], calls("a"), calls("a", "b")])


@given(st.lists(_BLOCKS, max_size=12), st.floats(0, 1))
def test_it_always_comes_to_an_end_and_parts_nothing(blocks: list[list[Message]], share: float) -> None:
    messages: Sequence[Message] | None = [message for block in blocks for message in block]
    assert messages is not None
    last = next((message for message in reversed(messages) if message["role"] != "system"), None)
    while messages is not None:
        outputs = [message for message in messages if message["role"] == "tool"]
        called = [call for message in messages for call in message.get("tool_calls", ())]
        assert len(outputs) == len(called)
        assert last is None or last in messages
        shorter = shortened(messages, share)
        assert shorter is None or len(shorter) < len(messages)
        messages = shorter


def test_a_plan_says_what_a_prompt_gave() -> None:
    instructions = [
        {"role": "developer", "content": "be brief"},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "yes"},
    ]
    body = request(instructions=instructions, truncation="auto")
    found = translate(body, Items([{"role": "user", "content": "hello"}]), DIALECTS["generic"], reject_unsupported=False)
    assert (found.instructed, found.shortens, found.needs_engine) == (2, True, True)
    plain = plan(instructions="be brief")
    assert (plain.instructed, plain.shortens, plain.needs_engine) == (0, False, False)
