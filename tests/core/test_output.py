"""Which item is open, and what closes it."""

from __future__ import annotations

import pytest

from gw_extproc.core.events import PROFILES, Emitter
from gw_extproc.core.output import Output
from gw_extproc.core.toolkinds import BadArguments, Tool
from tests.events import Json, events

from .answers import new_id

F, CUSTOM, SHELL, PATCH = Tool("function", "f"), Tool("custom", "c"), Tool("shell", "shell"), Tool("apply_patch", "apply_patch")
LOGPROBS: list[Json] = [{"token": "a"}]


class Story:
    """An output, and what it tells."""

    def __init__(self) -> None:
        self.emitter = Emitter(PROFILES["openai"])
        self.output = Output(self.emitter, new_id, summary=False)

    def told(self) -> list[str]:
        """`+message`, `-message`: which items opened and closed since the last time."""
        signs = {"response.output_item.added": "+", "response.output_item.done": "-"}
        given = self.emitter.take()
        found = events(given) if given else []
        return [signs[event["type"]] + event["item"]["type"] for event in found if event["type"] in signs]

    @property
    def items(self) -> list[tuple[str, str]]:
        return [(item["type"], item["status"]) for item in self.output.items()]

    @property
    def text(self) -> Json:
        part: Json = self.output.items()[-1]["content"][-1]
        return part


@pytest.fixture
def story() -> Story:
    return Story()


def test_text_closes_when_something_else_opens(story: Story) -> None:
    story.output.reasoning("hm")
    story.output.text("a")
    story.output.reasoning("hm")
    story.output.call("c1", F)
    assert story.told() == ["+reasoning", "-reasoning", "+message", "-message", "+reasoning", "-reasoning", "+function_call"]


def test_calls_stay_open_and_close_in_order(story: Story) -> None:
    first, second = story.output.call("c1", F), story.output.call("c2", CUSTOM)
    story.output.text("a")
    first.grow("{}")
    second.grow("{}")
    assert story.told() == ["+function_call", "+custom_tool_call", "+message"]
    story.output.close("completed")
    assert story.told() == ["-function_call", "-custom_tool_call", "-message"]


def test_whole_calls_come_last_and_indices_are_those_of_the_output(story: Story) -> None:
    shell, function = story.output.call("c1", SHELL), story.output.call("c2", F)
    story.output.text("a")
    shell.grow('{"commands":["ls"]}')
    function.grow("{}")
    story.output.call("c3", PATCH).grow('{"type":"delete_file","path":"p"}')
    story.output.close("completed")
    found = events(story.emitter.take())
    added = [(event["output_index"], event["item"]["type"]) for event in found if event["type"] == "response.output_item.added"]
    assert added == list(enumerate(["function_call", "message", "shell_call", "apply_patch_call"]))
    assert [item["call_id"] for item in story.output.items() if "call_id" in item] == ["c2", "c1", "c3"]


def test_a_call_without_an_id_gets_one(story: Story) -> None:
    story.output.call("c1", SHELL)
    story.output.call("", F)
    story.output.call("", CUSTOM)
    assert [item["call_id"] for item in story.output.items()] == ["call_1", "call_2"]


def test_ids_are_numbered_by_the_place_in_the_output(story: Story) -> None:
    story.output.reasoning("hm")
    story.output.call("c1", SHELL).grow('{"commands":["ls"]}')
    story.output.call("c2", F)
    story.output.text("a")
    story.output.close("completed")
    assert [item["id"] for item in story.output.items()] == ["rs_0", "fc_1", "msg_2", "sh_3"]


def test_a_withheld_call_is_swallowed_and_an_answer_of_nothing_else_is_empty(story: Story) -> None:
    story.output.call("c1", None).grow("{}")
    story.output.close("completed")
    assert story.items == [("message", "completed")]
    assert story.text["text"] == ""


def test_a_withheld_call_beside_others_leaves_no_trace(story: Story) -> None:
    story.output.call("c1", None).grow("{}")
    story.output.call("c2", F).grow("{}")
    story.output.close("completed")
    assert story.items == [("function_call", "completed")]


class TestClosing:
    def test_only_the_last_item_is_incomplete(self, story: Story) -> None:
        story.output.call("c1", F)
        story.output.call("c2", F)
        story.output.close("incomplete")
        assert story.items == [("function_call", "completed"), ("function_call", "incomplete")]

    def test_what_was_open_before_the_last_item_is_complete(self, story: Story) -> None:
        story.output.call("c1", F).grow("{}")
        story.output.reasoning("hm")
        story.output.call("c2", SHELL).grow('{"comm')
        story.output.close("incomplete")
        assert story.items == [("function_call", "completed"), ("reasoning", "completed")]

    def test_a_whole_call_that_was_cut_off_is_none(self, story: Story) -> None:
        story.output.call("c1", F)
        story.output.call("c2", SHELL).grow('{"comm')
        story.output.close("incomplete")
        assert story.items == [("function_call", "incomplete")]

    def test_a_whole_call_is_complete_even_as_the_last_of_an_incomplete_answer(self, story: Story) -> None:
        story.output.call("c1", F)
        story.output.call("c2", SHELL).grow('{"commands":["ls"]}')
        story.output.call("c3", PATCH).grow('{"oper')
        story.output.close("incomplete")
        assert story.items == [("function_call", "completed"), ("shell_call", "completed")]

    def test_a_whole_call_with_bad_arguments_raises_and_nothing_closes(self, story: Story) -> None:
        story.output.call("c1", PATCH).grow('{"type":"delete_file","path":"p"}')
        story.output.call("c2", SHELL).grow("{}")
        story.output.call("c3", F)
        story.output.text("a")
        story.told()
        with pytest.raises(BadArguments):
            story.output.close("completed")
        assert story.told() == []
        assert story.items == [("function_call", "in_progress"), ("message", "in_progress")]

    def test_only_the_last_whole_call_may_be_cut_off(self, story: Story) -> None:
        story.output.call("c1", SHELL).grow("{}")
        story.output.call("c2", PATCH).grow('{"type":"delete_file","path":"p"}')
        with pytest.raises(BadArguments):
            story.output.close("incomplete")
        assert story.items == []

    def test_an_empty_answer_gets_an_empty_message(self, story: Story) -> None:
        story.output.close("completed")
        assert story.told() == ["+message", "-message"]
        assert story.text["text"] == ""

    def test_an_empty_answer_that_was_cut_off_is_empty(self, story: Story) -> None:
        story.output.close("incomplete")
        assert story.items == []

    def test_abandoned_items_are_incomplete_and_not_done(self, story: Story) -> None:
        story.output.text("a")
        story.output.call("c1", F)
        story.output.abandon()
        assert story.told() == ["+message", "-message", "+function_call"]
        assert story.items == [("message", "completed"), ("function_call", "incomplete")]


class TestWhiteSpace:
    def test_opens_nothing(self, story: Story) -> None:
        story.output.reasoning("\n")
        story.output.text("\n")
        assert story.told() == []

    def test_begins_what_follows(self, story: Story) -> None:
        story.output.reasoning("\n")
        story.output.reasoning(" h")
        story.output.reasoning("m")
        story.output.text("\n")
        story.output.text(" a")
        story.output.text("\n")
        story.output.close("completed")
        assert [item["content"][0]["text"] for item in story.output.items()] == ["\n hm", "\n a\n"]

    @pytest.mark.parametrize("status", ["completed", "incomplete"])
    def test_may_be_the_whole_answer(self, story: Story, status: str) -> None:
        story.output.text("\n")
        story.output.close(status)
        assert story.text["text"] == "\n"
        assert story.items == [("message", status)]

    def test_between_thoughts_and_calls_goes(self, story: Story) -> None:
        story.output.text("\n")
        story.output.reasoning("hm")
        story.output.text("\n")
        story.output.call("c1", F)
        story.output.text("a")
        assert [item["type"] for item in story.output.items()] == ["reasoning", "function_call", "message"]
        assert story.text["text"] == "a"


class TestLogprobs:
    def test_go_with_the_text_that_follows(self, story: Story) -> None:
        story.output.logprobs(LOGPROBS)
        story.output.text("\n")
        story.output.logprobs(LOGPROBS)
        story.output.text("a")
        story.output.text("b")
        deltas = [event["logprobs"] for event in events(story.emitter.take()) if event["type"] == "response.output_text.delta"]
        assert deltas == [LOGPROBS * 2, []]

    def test_that_no_text_follows_belong_to_the_text_before(self, story: Story) -> None:
        story.output.text("a")
        story.output.logprobs(LOGPROBS)
        story.output.call("c1", F)
        assert story.output.items()[0]["content"][0]["logprobs"] == LOGPROBS

    def test_without_any_text_are_nowhere(self, story: Story) -> None:
        story.output.logprobs(LOGPROBS)
        story.output.reasoning("hm")
        story.output.refusal("no")
        story.output.close("completed")
        assert [part["type"] for part in story.output.items()[1]["content"]] == ["refusal"]


class TestAnnotations:
    def test_wait_for_a_text_to_stand_on(self, story: Story) -> None:
        story.output.annotation({"url": "u1"})
        story.output.reasoning("hm")
        story.output.annotation({"url": "u2"})
        story.output.text("a")
        story.output.annotation({"url": "u3"})
        assert story.output.spoken() == "a"
        assert [each["url"] for each in story.text["annotations"]] == ["u1", "u2", "u3"]

    def test_without_a_text_are_nowhere(self, story: Story) -> None:
        story.output.annotation({"url": "u"})
        story.output.refusal("no")
        story.output.close("completed")
        assert story.output.spoken() == ""
        assert story.text == {"type": "refusal", "refusal": "no"}
