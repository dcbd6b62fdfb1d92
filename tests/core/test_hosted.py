"""Tools that the gateway runs itself, as the translation sees them: their calls, their items, their place in the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest

from gw_extproc.core import credentials
from gw_extproc.core.approvals import approvals
from gw_extproc.core.assembler import Assembler, Making
from gw_extproc.core.conversation import Items
from gw_extproc.core.dialects import GENERIC
from gw_extproc.core.drafts import Place
from gw_extproc.core.errors import CallerError, UpstreamError
from gw_extproc.core.events import PROFILES, Emitter
from gw_extproc.core.hosted import NOTHING, Form, Hosted, Told
from gw_extproc.core.hosted_draft import HostedDraft
from gw_extproc.core.replay import replay
from gw_extproc.core.request import Plan, check_approved, input_items, translate
from gw_extproc.core.response import ResponseObject
from gw_extproc.core.sse import Ending
from gw_extproc.core.toolchoice import following
from gw_extproc.core.toolkinds import Tool
from gw_extproc.schema.validation import validate
from tests.events import Json, events

from .answers import NOW, called, chunk, function, new_id, piece, said, usage

Given = Mapping[str, Any]


def told(item: Given) -> Told | str | None:
    if item["type"] == "mcp_list_tools":
        return item.get("error")
    return Told(Tool("mcp", item["name"], item["server_label"]), item["arguments"], item.get("output") or "nothing")


LIST = Form("mcp_list_tools", "mcpl", told, opening=lambda fields: {**fields, "tools": []}, opened="response.list.in_progress")
CALL = Form(
    "mcp_call",
    "mcp",
    told,
    opening=lambda fields: {**fields, "arguments": "", "output": None},
    text="arguments",
    text_event="response.mcp_call_arguments",
    opened="response.mcp_call.in_progress",
    running="response.mcp_call.running",
    ended={"completed": "response.mcp_call.completed"},
)
ASKING = Form("mcp_approval_request", "mcpr", told, runs=False)
FORMS = {form.item_type: form for form in (LIST, CALL, ASKING)}


def hosted(name: str, *, streams: bool = True, form: Form = CALL) -> Hosted:
    def fields(arguments: str) -> dict[str, Any]:
        made: dict[str, Any] = {"server_label": "s", "name": name, "arguments": arguments}
        return made if form is ASKING else {**made, "output": None}

    return Hosted(Tool("mcp", name, "s"), form, f"Does {name}.", {"type": "object"}, fields, streams=streams)


class Kit:
    """Three tools of one server."""

    forms = FORMS
    reads: Mapping[str, Sequence[str]] = {"mcp": ("server_label", "server_url", "allowed_callers")}

    def __init__(self, *, complete: bool = True, outputs: Mapping[str, str] | None = None) -> None:
        self.complete = complete
        self.outputs = outputs or {}

    def runs(self, definition: Given) -> bool:
        return definition.get("server_url") != "elsewhere"

    def offers(self, definition: Given, path: str) -> Sequence[Hosted]:
        return [hosted("do"), hosted("whole", streams=False), hosted("ask", streams=False, form=ASKING)] if self.complete else ()


TOOL = {"type": "mcp", "server_label": "s", "server_url": "http://s"}


def plan(kit: Kit | None = None, history: Sequence[Json] = (), **request: Any) -> Plan:
    body = validate({"model": "m", "input": "hi", "tools": [TOOL], **request})
    items = Items(input_items(body), history, "previous_response_id" if history else None)
    return translate(body, items, GENERIC, reject_unsupported=False, kit=kit or Kit())


def assembler(most: int | None = None, **request: Any) -> Assembler:
    made_of = plan(stream=True, **request)
    making = Making(
        plan=made_of,
        object=ResponseObject("resp_1", NOW, {"model": "m", "tools": [TOOL]}),
        profile=PROFILES["openai"],
        new_id=new_id,
        clock=lambda: NOW,
        prompt_bytes=400,
        think_tags=False,
        store=True,
        most_calls=most,
    )
    return Assembler(making)


def finish(made: Assembler, *chunks: Json) -> bytes:
    """One model call, to its end."""
    wire = b"".join([made.feed(each) for each in (*chunks, chunk(finish="stop"))])
    return wire + made.end(Ending.DONE)


def again(made: Assembler, trace: bytes | None = None) -> bytes:
    outputs = [orjson.loads(item) for item in made.outputs]
    recorded = made.trace() if trace is None else trace
    return b"".join(replay(orjson.loads(made.kept()), outputs, recorded, PROFILES["openai"], FORMS))


def terminal(made: Assembler) -> bytes:
    return made.announce(made.response(stored=True))


DO = called(piece(0, "a", "s__do", '{"x":'), piece(0, arguments="1}"))


# The assembler


def test_an_item_without_a_text_only_says_that_it_runs() -> None:
    draft = HostedDraft(Place(emitter := Emitter(PROFILES["openai"]), "mcpl_1", 0), replace(LIST, running="response.list.running"), {})
    emitter.take()
    draft.run()
    assert [event["type"] for event in events(emitter.take())] == ["response.list.running"]


def test_a_response_goes_on_after_its_tools() -> None:
    """One stream over two model calls, which is told again byte for byte."""
    made = assembler()
    wire = made.start() + finish(made, *said("Let me see."), DO, called(piece(1, "b", "s__whole", "{}")), usage(prompt_tokens=5))
    assert not made.ended
    first, second = made.waiting
    second.draft.end("completed", {"output": "two"})
    first.draft.end("completed", {"output": "one"})
    wire += made.take()
    assert made.output_tokens == 0
    made.resume(plan(), 100, [("http://a", "A")])
    wire += finish(made, *said("See [1]."), usage(prompt_tokens=7, completion_tokens=2))
    wire += terminal(made)
    assert again(made) == wire
    types = [event["type"] for event in events(wire)]
    assert types.count("response.created") == types.count("response.completed") == 1
    assert "response.mcp_call.running" in types
    response = orjson.loads(made.response(stored=True))
    assert [item["type"] for item in response["output"]] == ["message", "mcp_call", "mcp_call", "message"]
    assert [item.get("output") for item in response["output"]] == [None, "one", "two", None]
    assert response["output"][3]["content"][0]["annotations"][0]["url"] == "http://a"
    assert (response["usage"]["input_tokens"], response["usage"]["output_tokens"]) == (12, 2)
    assert {event["type"] for event in events(again(made, b""))} <= set(types), "without its trace it is told in short"


def test_a_mixed_turn_is_handed_over() -> None:
    made = assembler(tools=[TOOL, function()])
    made.start()
    finish(made, DO, called(piece(1, "b", "f", "{}")))
    assert made.handed_over
    made.waiting[0].draft.end("completed", {"output": "one"})
    made.stop(None)
    assert made.status.value == "completed"


def test_what_asks_for_an_approval_is_handed_over_at_once() -> None:
    made = assembler()
    wire = made.start() + finish(made, called(piece(0, "a", "s__ask", "{}"))) + terminal(made)
    assert made.status.value == "completed"
    assert made.handed_over
    assert again(made) == wire
    assert b"mcp_approval_request" in again(made, b"")


def test_a_call_without_arguments_has_empty_ones() -> None:
    made = assembler()
    made.start()
    finish(made, called(piece(0, "a", "s__do")))
    assert made.waiting[0].arguments == "{}"


def test_calls_beyond_the_limit_are_ignored() -> None:
    made = assembler(most=1)
    made.start()
    finish(made, DO, called(piece(1, "b", "s__do", "{}")))
    assert (len(made.waiting), made.refused_calls) == (1, True)
    made.stop(None)
    assert orjson.loads(made.response(stored=True))["incomplete_details"] == {"reason": "max_tool_calls"}


def test_what_was_cut_off_is_not_run() -> None:
    made = assembler()
    wire = made.start() + made.feed(DO) + made.feed(called(piece(1, "b", "s__whole", '{"x')))
    wire += made.feed(chunk(finish="length")) + made.end(Ending.DONE) + terminal(made)
    (item,) = map(orjson.loads, made.outputs)
    assert (item["status"], made.waiting) == ("incomplete", ())
    assert again(made) == wire


@pytest.mark.parametrize("how", ["fail", "abandon"])
def test_a_response_that_ends_while_a_tool_runs(how: str) -> None:
    """Its usage is that of the finished model calls, and counted once."""
    made = assembler()
    wire = made.start() + finish(made, DO, usage(prompt_tokens=5, completion_tokens=1))
    if how == "fail":
        wire += made.fail(UpstreamError("no"))
    else:
        made.abandon("interrupted")
    response = orjson.loads(made.response(stored=True))
    assert (response["output"][0]["status"], response["usage"]["total_tokens"]) == ("incomplete", 6)
    assert again(made) == wire + terminal(made)


def test_an_item_that_nobody_asked_for() -> None:
    made = assembler()
    wire = made.start()
    draft = made.open(LIST, {"server_label": "s", "tools": []})
    draft.end("completed", {"tools": [{"name": "do"}]})
    wire += made.take()
    made.resume(plan(), 10)
    wire += finish(made, *said("Hi")) + terminal(made)
    assert again(made) == wire
    assert orjson.loads(made.outputs[0])["tools"] == [{"name": "do"}]


def test_a_trace_of_other_items_is_not_used() -> None:
    made = assembler()
    made.start()
    finish(made, *said("Hi"))
    terminal(made)
    assert b"response.completed" in again(made, orjson.dumps([["s", "m", True], "o", "r"]))


# The request


def test_hosted_functions_are_offered() -> None:
    tools = plan().chat["tools"]
    assert [each["function"]["name"] for each in tools] == ["s__do", "s__whole", "s__ask"]
    assert tools[0]["function"] == {"name": "s__do", "description": "Does do.", "parameters": {"type": "object"}}
    assert plan().hosts
    assert plan().needs_engine
    assert not plan(tools=[function()]).hosts


def test_what_the_kit_cannot_run_is_left_out() -> None:
    for wrong in ({"server_url": "elsewhere"}, {"allowed_callers": ["programmatic"]}):
        left = plan(tools=[{**TOOL, **wrong}])
        assert (left.notices.header(), left.hosts) == ("tools left out: mcp(s)", False)
    assert NOTHING.offers(TOOL, "tools[0]") == ()
    assert not NOTHING.runs(TOOL)


LATER = Kit(complete=False)
CHOICES: Sequence[Any] = (
    "required",
    {"type": "mcp", "server_label": "s"},
    {"type": "mcp", "server_label": "s", "name": "do"},
    {"type": "allowed_tools", "mode": "required", "tools": [{"type": "mcp", "server_label": "s", "name": "do"}]},
)


@pytest.mark.parametrize("choice", CHOICES)
def test_a_choice_may_mean_what_is_not_known_yet(choice: Any) -> None:
    assert plan(LATER, tool_choice=choice).hosts
    assert plan(tool_choice=choice).chat["tool_choice"] != "auto"


def test_a_choice_of_another_server_is_refused() -> None:
    for kit in (LATER, Kit()):
        with pytest.raises(CallerError):
            plan(kit, tool_choice={"type": "mcp", "server_label": "other"})


def test_after_the_first_call_the_model_is_free() -> None:
    assert [following(choice) for choice in (None, "none", "auto", "required")] == [None, "none", "auto", "auto"]
    assert following({"type": "function", "name": "f"}) == "auto"
    assert following(CHOICES[3]) == {**CHOICES[3], "mode": "auto"}


# The history

REQUEST = {"type": "mcp_approval_request", "id": "mcpr_1", "server_label": "s", "name": "ask", "arguments": "{}"}
HELLO = {"role": "user", "content": "hi"}


def answer(approve: bool, **more: Any) -> Json:
    return {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": approve, **more}


def call(id: str = "mcp_1", **more: Any) -> Json:
    return {"type": "mcp_call", "id": id, "server_label": "s", "name": "do", "arguments": "{}", "output": "done", **more}


def outputs(*items: Json, kit: Kit | None = None) -> list[str]:
    """What the model is told that calls gave."""
    return [each["content"] for each in plan(kit, input=[HELLO, *items]).chat["messages"] if each["role"] == "tool"]


def test_calls_stand_in_the_history_one_after_the_other() -> None:
    messages = plan(input=[HELLO, call(), call("mcp_2", output=None)]).chat["messages"]
    assert [each["role"] for each in messages] == ["user", "assistant", "tool", "assistant", "tool"]
    assert messages[1]["tool_calls"][0]["function"]["name"] == "s__do"
    assert outputs(call(), kit=Kit(outputs={"mcp_1": "all of it"})) == ["all of it"]


def test_approvals_in_the_history() -> None:
    assert outputs(REQUEST) == ["The user has not approved this call, so it was not run."]
    assert outputs(REQUEST, answer(False)) == ["The user did not approve this call."]
    assert outputs(REQUEST, answer(False, reason="no")) == ["The user did not approve this call: no"]
    assert outputs(REQUEST, answer(True)) == []
    assert outputs(REQUEST, answer(True), call(approval_request_id="mcpr_1")) == ["done"]
    assert outputs(REQUEST, answer(False), answer(True), call(approval_request_id="mcpr_1")) == ["done"]


def test_a_request_is_refused_by_the_last_answer_unless_it_was_run() -> None:
    no, yes = answer(False), answer(True)
    assert approvals([REQUEST, no]).refused(no) == REQUEST
    assert approvals([REQUEST, yes]).refused(yes) is None
    assert approvals([REQUEST, no, yes]).refused(no) is None
    assert approvals([no]).refused(no) is None
    assert approvals([REQUEST, no, call(approval_request_id="mcpr_1")]).refused(no) is None


def test_an_approval_of_nothing_is_refused() -> None:
    with pytest.raises(CallerError) as refused:
        plan(input=[HELLO, answer(True)])
    assert refused.value.param == "input[1].approval_request_id"


def test_an_approved_call_needs_its_server() -> None:
    items = Items([answer(True)], [HELLO, REQUEST], "previous_response_id")
    with pytest.raises(CallerError) as refused:
        check_approved(items, plan(tools=[]).toolbox)
    assert refused.value.param == "tools"
    for kit in (LATER, Kit()):
        check_approved(items, plan(kit).toolbox)


def test_only_what_is_approved_now_is_due() -> None:
    before = [REQUEST, answer(True)]
    assert approvals([REQUEST]).due(before) == ()
    assert approvals(before).due([]) == []
    assert approvals(before).due(before) == [REQUEST]
    assert approvals([*before, call(approval_request_id="mcpr_1")]).due(before) == []


def test_what_a_list_says_to_the_model() -> None:
    listed = {"type": "mcp_list_tools", "server_label": "s", "tools": []}
    assert [each["role"] for each in plan(input=[HELLO, listed]).chat["messages"]] == ["user"]
    failed = plan(input=[HELLO, {**listed, "error": "down"}]).chat["messages"]
    assert {"role": "system", "content": "down"} in failed


def test_without_the_tool_its_items_are_left_out() -> None:
    body = validate({"model": "m", "input": [HELLO, call(), answer(True)]})
    left = translate(body, Items(input_items(body)), GENERIC, reject_unsupported=False)
    assert left.notices.header() == "items left out: mcp_call, mcp_approval_response"


# Credentials


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/mcp?key=1", "https://a.example/<redacted>"),
        ("https://a.example/?key=1", "https://a.example/<redacted>"),
        ("http://user:secret@a.example:81", "http://a.example:81"),
        ("http://[::1]:81/x", "http://[::1]:81/<redacted>"),
        ("http://[::1", "<redacted>"),
    ],
)
def test_credentials_are_not_shown(url: str, shown: str) -> None:
    tool = {"type": "mcp", "server_label": "s", "server_url": url, "headers": {"a": "b"}, "authorization": "c"}
    assert credentials.without(tool) == {"type": "mcp", "server_label": "s", "server_url": shown}
