"""Each draft opens, grows and closes: its events, in order, and the item it becomes."""

from __future__ import annotations

from typing import Any

from gw_extproc.core.drafts import CustomCallDraft, Draft, FunctionCallDraft, MessageDraft, Place, ReasoningDraft, WholeCallDraft
from gw_extproc.core.events import PROFILES, Emitter
from gw_extproc.core.toolkinds import WHOLE_CALLS, Tool
from tests.events import Json, events

AT = {"item_id": "x_1", "output_index": 2}


def place(profile: str = "openai") -> Place:
    return Place(Emitter(PROFILES[profile]), "x_1", 2)


def told(at: Place) -> list[Json]:
    """The events so far, without their numbers; those of the item as a whole are only named."""
    found = []
    for event in events(at.emitter.take()):
        event.pop("sequence_number")
        whole = event["type"].startswith("response.output_item.")
        found.append({"type": event["type"], "status": event["item"]["status"]} if whole else event)
    return found


ADDED = {"type": "response.output_item.added", "status": "in_progress"}
DONE = {"type": "response.output_item.done", "status": "completed"}


def event(type: str, **fields: Any) -> Json:
    return {"type": f"response.{type}", **AT, **fields}


def closed(draft: Draft, status: str = "completed") -> Json:
    draft.close(status)
    assert draft.item()["status"] == status
    return {key: value for key, value in draft.item().items() if key not in ("id", "status")}


class TestReasoning:
    def test_as_text(self) -> None:
        at = place()
        draft = ReasoningDraft(at, summary=False)
        assert draft.item() == {"id": "x_1", "type": "reasoning", "status": "in_progress", "summary": [], "content": []}
        draft.grow("a")
        draft.grow("b")
        part = {"type": "reasoning_text", "text": "ab"}
        assert closed(draft) == {"type": "reasoning", "summary": [], "content": [part]}
        assert told(at) == [
            ADDED,
            event("content_part.added", content_index=0, part={"type": "reasoning_text", "text": ""}),
            event("reasoning_text.delta", content_index=0, delta="a"),
            event("reasoning_text.delta", content_index=0, delta="b"),
            event("reasoning_text.done", content_index=0, text="ab"),
            event("content_part.done", content_index=0, part=part),
            DONE,
        ]

    def test_as_text_under_the_other_name(self) -> None:
        at = place("open-responses")
        draft = ReasoningDraft(at, summary=False)
        draft.grow("a")
        draft.close("completed")
        assert [each["type"] for each in told(at)][2:4] == ["response.reasoning.delta", "response.reasoning.done"]

    def test_is_sealed_when_it_is_whole(self) -> None:
        at = place()
        draft = ReasoningDraft(at, summary=False, seal="sealed {}".format)
        draft.grow("a")
        draft.grow("b")
        assert "encrypted_content" not in draft.item()
        assert closed(draft)["encrypted_content"] == "sealed ab"
        sealed = [each["item"].get("encrypted_content") for each in events(at.emitter.take()) if "item" in each]
        assert sealed == [None, "sealed ab"]

    def test_as_a_summary(self) -> None:
        at = place()
        draft = ReasoningDraft(at, summary=True)
        draft.grow("a")
        part = {"type": "summary_text", "text": "a"}
        assert closed(draft) == {"type": "reasoning", "summary": [part], "content": [{"type": "reasoning_text", "text": "a"}]}
        assert told(at) == [
            ADDED,
            event("reasoning_summary_part.added", summary_index=0, part={"type": "summary_text", "text": ""}),
            event("reasoning_summary_text.delta", summary_index=0, delta="a"),
            event("reasoning_summary_text.done", summary_index=0, text="a"),
            event("reasoning_summary_part.done", summary_index=0, part=part),
            DONE,
        ]


def test_an_abandoned_draft_is_incomplete_and_says_nothing_but_a_closed_one_stays_as_it_is() -> None:
    at = place()
    draft = FunctionCallDraft(at, "c", Tool("function", "f"))
    at.emitter.take()
    draft.abandon()
    assert draft.item()["status"] == "incomplete"
    assert at.emitter.take() == b""
    draft.close("completed")
    draft.abandon()
    assert draft.item()["status"] == "completed"


class TestTrace:
    """What each kind of draft leaves behind."""

    def test_of_reasoning(self) -> None:
        at = place()
        draft = ReasoningDraft(at, summary=False)
        draft.grow("hm")
        draft.close("completed")
        assert at.emitter.trace.marks == ["o", 2, "c"]

    def test_of_a_message(self) -> None:
        at = place()
        draft = MessageDraft(at)
        draft.text("abc", [])
        draft.text("de", [{"token": "de"}])
        draft.more_logprobs([{"token": ""}, {"token": ""}])
        draft.annotate({"url": "u"})
        draft.annotate({"url": "u"})
        draft.refusal("no")
        draft.close("completed")
        assert at.emitter.trace.marks == ["o", "p", 3, [2, 1], ["l", 2], "a", "p", 2, "c"]

    def test_of_calls(self) -> None:
        emitter = Emitter(PROFILES["openai"])
        function = FunctionCallDraft(Place(emitter, "fc_0", 0), "c0", Tool("function", "f"))
        custom = CustomCallDraft(Place(emitter, "ctc_1", 1), "c1", Tool("custom", "c"))
        for piece in ('{"in', 'put": "ab', 'c"}'):
            custom.grow(piece)
        for draft in (function, custom, WholeCallDraft(Place(emitter, "sh_2", 2), "c2", WHOLE_CALLS["tool_search"], {})):
            draft.close("completed")
        assert emitter.trace.marks == ["o", "o", 2, 1, "o", ["i", 0], 2, "c", ["i", 1], "c", ["i", 2], "c"]


class TestMessage:
    def test_text(self) -> None:
        at = place()
        draft = MessageDraft(at)
        assert draft.spoken() == ""
        assert draft.item()["content"] == []
        draft.text("a", [])
        draft.text("b", [])
        part = {"type": "output_text", "text": "ab", "annotations": [], "logprobs": []}
        assert draft.spoken() == "ab"
        assert closed(draft) == {"type": "message", "role": "assistant", "content": [part]}
        assert told(at) == [
            ADDED,
            event("content_part.added", content_index=0, part=part | {"text": ""}),
            event("output_text.delta", content_index=0, logprobs=[], delta="a"),
            event("output_text.delta", content_index=0, logprobs=[], delta="b"),
            event("output_text.done", content_index=0, text="ab", logprobs=[]),
            event("content_part.done", content_index=0, part=part),
            DONE,
        ]

    def test_logprobs_and_annotations_are_collected(self) -> None:
        at = place()
        draft = MessageDraft(at)
        draft.text("a", [{"token": "a"}])
        draft.more_logprobs([{"token": ""}])
        draft.annotate({"url": "u1"})
        draft.annotate({"url": "u1"})
        draft.annotate({"url": "u2"})
        logprobs = [{"token": "a"}, {"token": ""}]
        part = {"type": "output_text", "text": "a", "annotations": [{"url": "u1"}, {"url": "u2"}], "logprobs": logprobs}
        assert closed(draft)["content"] == [part]
        assert told(at)[2:6] == [
            event("output_text.delta", content_index=0, delta="a", logprobs=[{"token": "a"}]),
            event("output_text.annotation.added", content_index=0, annotation_index=0, annotation={"url": "u1"}),
            event("output_text.annotation.added", content_index=0, annotation_index=1, annotation={"url": "u2"}),
            event("output_text.done", content_index=0, text="a", logprobs=logprobs),
        ]

    def test_a_refusal_after_text_is_a_part_of_its_own(self) -> None:
        at = place()
        draft = MessageDraft(at)
        draft.text("a", [])
        draft.refusal("n")
        draft.refusal("o")
        assert draft.spoken() == ""
        refusal = {"type": "refusal", "refusal": "no"}
        assert [part["type"] for part in closed(draft)["content"]] == ["output_text", "refusal"]
        assert told(at)[5:] == [
            event("content_part.added", content_index=1, part=refusal | {"refusal": ""}),
            event("refusal.delta", content_index=1, delta="n"),
            event("refusal.delta", content_index=1, delta="o"),
            event("refusal.done", content_index=1, refusal="no"),
            event("content_part.done", content_index=1, part=refusal),
            DONE,
        ]

    def test_without_parts_only_the_item_is_told(self) -> None:
        at = place()
        assert closed(MessageDraft(at))["content"] == []
        assert told(at) == [ADDED, DONE]


class TestFunctionCall:
    def test_streams_its_arguments(self) -> None:
        at = place()
        draft = FunctionCallDraft(at, "call_1", Tool("function", "f"))
        draft.grow('{"a"')
        draft.grow(":1}")
        assert closed(draft) == {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": '{"a":1}'}
        assert told(at) == [
            ADDED,
            event("function_call_arguments.delta", delta='{"a"'),
            event("function_call_arguments.delta", delta=":1}"),
            event("function_call_arguments.done", name="f", arguments='{"a":1}'),
            DONE,
        ]

    def test_of_a_namespace_says_which(self) -> None:
        assert closed(FunctionCallDraft(place(), "c", Tool("function", "f", "n")))["namespace"] == "n"

    def test_without_arguments_has_an_empty_object_unless_it_was_cut_off(self) -> None:
        assert closed(FunctionCallDraft(place(), "c", Tool("function", "f")))["arguments"] == "{}"
        assert closed(FunctionCallDraft(place(), "c", Tool("function", "f")), "incomplete")["arguments"] == ""


def test_a_custom_call_streams_its_text() -> None:
    at = place()
    draft = CustomCallDraft(at, "call_1", Tool("custom", "f", "n"))
    for piece in ('{"in', 'put": "a', 'b"}'):
        draft.grow(piece)
    assert draft.arguments == '{"input": "ab"}'
    assert closed(draft) == {"type": "custom_tool_call", "call_id": "call_1", "name": "f", "namespace": "n", "input": "ab"}
    assert told(at) == [
        ADDED,
        event("custom_tool_call_input.delta", delta="a"),
        event("custom_tool_call_input.delta", delta="b"),
        event("custom_tool_call_input.done", input="ab"),
        DONE,
    ]


def test_a_custom_call_of_another_form_says_it_at_the_end() -> None:
    at = place()
    draft = CustomCallDraft(at, "call_1", Tool("custom", "f"))
    draft.grow("plain")
    assert closed(draft)["input"] == "plain"
    assert told(at)[1] == event("custom_tool_call_input.delta", delta="plain")


def test_a_whole_call_is_told_at_once() -> None:
    at = place()
    fields = {"action": {"commands": ["ls", "pwd"]}, "environment": None}
    draft = WholeCallDraft(at, "call_1", WHOLE_CALLS["shell"], fields)
    assert closed(draft) == {"type": "shell_call", "call_id": "call_1", **fields}
    types = [each["type"].removeprefix("response.shell_call_command.") for each in told(at)[1:-1]]
    assert types == ["added", "delta", "done"] * 2
