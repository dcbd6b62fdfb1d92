"""One response over several model calls."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence

import pytest
from websockets.sync.client import connect

from tests.api.serving import Api, Served
from tests.api.test_websocket import Wire
from tests.events import Json
from tests.real import chat
from tests.real.upstream import Gate, Step, Stop, Upstream
from tests.tools.mcp_server import McpServer
from tests.tools.talk import asked, calling, calling_whole, kinds, sent, server_tool, streamed, whole
from tests.waiting import DEADLINE

FUNCTION = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}
ROLL = ("dice__roll", '{"sides": 6}')
LOOK = ("look", "{}")


def test_the_model_goes_on_with_what_the_tool_gave(api: Api, upstream: Upstream, dice: McpServer) -> None:
    """One stream without gaps, told again byte for byte; one object; the usage of both model calls."""
    model = upstream.script(calling(ROLL, said="Let me see."), chat.answer("A six."))
    events = streamed(api, model, tools=[server_tool(dice)])
    response = events[-1]["response"]
    assert (response["status"], kinds(response)) == ("completed", ["mcp_list_tools", "message", "mcp_call", "message"])
    call = response["output"][2]
    assert (call["status"], call["name"], call["output"], call["error"]) == ("completed", "roll", "rolled a 6", None)
    assert response["usage"]["total_tokens"] == 2 * chat.USAGE["total_tokens"]
    assert [event["type"] for event in events if "mcp" in event["type"]] == [
        "response.mcp_list_tools.in_progress",
        "response.mcp_list_tools.completed",
        "response.mcp_call.in_progress",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
        "response.mcp_call.completed",
    ]
    _, second = sent(upstream, model)
    assert second["messages"][-2]["content"] == "Let me see."
    assert second["messages"][-1] == {
        "role": "tool",
        "tool_call_id": second["messages"][-2]["tool_calls"][0]["id"],
        "content": "rolled a 6",
    }


def test_a_model_call_takes_the_connection_of_the_one_before(
    api: Api, upstream: Upstream, dice: McpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the end of an answer is not there yet when its last word is."""
    monkeypatch.setattr("gw_extproc.upstream.SOON", DEADLINE)
    ends = Gate()
    model = upstream.script([*calling(ROLL), ends], chat.answer("A six."))
    threading.Thread(target=_open_late, args=(ends,)).start()
    streamed(api, model, tools=[server_tool(dice)])
    assert not upstream.received(model).gone.is_set()


def _open_late(gate: Gate) -> None:
    gate.await_reached()
    time.sleep(0.05)
    gate.open()


def test_an_object_is_the_same_as_the_stream(api: Api, upstream: Upstream, dice: McpServer) -> None:
    response = asked(api, upstream.script(calling_whole(ROLL), whole("A six.")), tools=[server_tool(dice)])
    assert kinds(response) == ["mcp_list_tools", "mcp_call", "message"]
    assert api.get(f"/v1/responses/{response['id']}") == response


def test_several_calls_run_at_once(api: Api, upstream: Upstream, dice: McpServer) -> None:
    """The second is through before the first, and each finishes its own item."""
    dice.gates |= {"first": Gate(), "second": Gate()}
    dice.gates["second"].open()
    model = upstream.script(calling(("dice__wait", '{"gate": "first"}'), ("dice__wait", '{"gate": "second"}')), chat.answer())
    with api.stream(
        "POST", "/v1/responses", json={"model": model, "input": "Hi", "stream": True, "tools": [server_tool(dice)]}
    ) as answer:
        lines = answer.iter_lines()
        assert next(line for line in lines if '"passed second"' in line)
        dice.gates["first"].open()
        assert next(line for line in lines if '"passed first"' in line)
        assert next(line for line in lines if line == "data: [DONE]")


def test_calls_run_one_after_the_other_where_the_caller_says_so(api: Api, upstream: Upstream, dice: McpServer) -> None:
    dice.gates |= {"one": Gate(), "two": Gate()}
    model = upstream.script(calling(("dice__wait", '{"gate": "one"}'), ("dice__wait", '{"gate": "two"}')), chat.answer())
    body = {"model": model, "input": "Hi", "stream": True, "tools": [server_tool(dice)], "parallel_tool_calls": False}
    with api.stream("POST", "/v1/responses", json=body) as answer:
        dice.gates["one"].await_reached()
        assert not dice.gates["two"].reached.is_set()
        dice.gates["one"].open()
        dice.gates["two"].await_reached()
        dice.gates["two"].open()
        answer.read()


@pytest.mark.parametrize("order", [(ROLL, LOOK), (LOOK, ROLL)])
def test_a_mixed_turn_runs_its_tool_and_hands_the_function_over(
    api: Api, upstream: Upstream, dice: McpServer, order: tuple[tuple[str, str], ...]
) -> None:
    """It is continued by its id, and by sending all of it."""
    tools = [server_tool(dice), FUNCTION]
    model = upstream.script(calling(*order), whole("Done."))
    response = streamed(api, model, tools=tools)[-1]["response"]
    assert response["status"] == "completed"
    assert sorted(kinds(response)) == ["function_call", "mcp_call", "mcp_list_tools"]
    assert all(item["status"] == "completed" for item in response["output"])
    call = next(item for item in response["output"] if item["type"] == "function_call")
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "seen"}
    continued = asked(api, model, input=[output], previous_response_id=response["id"], tools=tools)
    resent = asked(api, model, input=[{"role": "user", "content": "Hi"}, *response["output"], output], tools=tools, store=False)
    assert kinds(continued) == kinds(resent) == ["message"], "the list is in the context"
    _, by_id, by_items = sent(upstream, model)
    assert by_id["messages"] == by_items["messages"]
    told = {message["content"] for message in by_id["messages"] if message["role"] == "tool"}
    assert told == {"rolled a 6", "seen"}
    assert {tool["function"]["name"] for tool in by_id["tools"]} >= {"look", "dice__roll"}


def test_tool_choice_is_for_the_first_call(api: Api, upstream: Upstream, dice: McpServer) -> None:
    model = upstream.script(calling_whole(ROLL), whole())
    choice = {"type": "mcp", "server_label": "dice", "name": "roll"}
    response = asked(api, model, tools=[server_tool(dice)], tool_choice=choice)
    first, second = sent(upstream, model)
    assert (first["tool_choice"], second["tool_choice"]) == ({"type": "function", "function": {"name": "dice__roll"}}, "auto")
    assert response["tool_choice"] == choice


def test_a_choice_of_what_the_server_does_not_have_fails(api: Api, upstream: Upstream, dice: McpServer) -> None:
    """Known only when its list is there: then the response has begun."""
    choice = {"type": "mcp", "server_label": "dice", "name": "nothing"}
    body = {"model": upstream.script(whole()), "input": "Hi", "tools": [server_tool(dice)], "tool_choice": choice}
    assert api.refused("POST", "/v1/responses", json=body)[1]["param"] == "tool_choice"
    failed = streamed(api, upstream.script(chat.answer()), tools=[server_tool(dice)], tool_choice=choice)[-1]
    assert failed["type"] == "response.failed"


def test_beyond_max_tool_calls_the_response_is_incomplete(api: Api, upstream: Upstream, dice: McpServer) -> None:
    """The first call is run, the second is not; what is still over after the limit was reached exactly is an answer."""
    model = upstream.script(calling(ROLL, ("dice__roll", '{"sides": 8}')), chat.answer())
    response = streamed(api, model, tools=[server_tool(dice)], max_tool_calls=1)[-1]["response"]
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "max_tool_calls"})
    assert [item["output"] for item in response["output"] if item["type"] == "mcp_call"] == ["rolled a 6"]
    assert len(sent(upstream, model)) == 1
    exactly = asked(api, upstream.script(calling_whole(ROLL), whole()), tools=[server_tool(dice)], max_tool_calls=1)
    assert exactly["status"] == "completed"
    again = streamed(api, upstream.script(calling(ROLL)), tools=[server_tool(dice)], max_tool_calls=1)[-1]["response"]
    assert (again["status"], kinds(again)) == ("incomplete", ["mcp_list_tools", "mcp_call"])


def test_the_budget_of_tokens_is_for_all_calls_together(api: Api, upstream: Upstream, dice: McpServer) -> None:
    spent = chat.USAGE["completion_tokens"]
    model = upstream.script(calling_whole(ROLL), calling_whole(ROLL), whole())
    response = asked(api, model, tools=[server_tool(dice)], max_output_tokens=2 * spent)
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert [chat_["max_tokens"] for chat_ in sent(upstream, model)] == [2 * spent, spent]
    assert (response["max_output_tokens"], kinds(response)) == (2 * spent, ["mcp_list_tools", "mcp_call", "mcp_call"])


def test_an_answer_that_was_cut_off_runs_nothing(api: Api, upstream: Upstream, dice: McpServer) -> None:
    cut: Sequence[Step] = [
        chat.EVENTS,
        chat.chunk(tool_calls=[{"index": 0, **chat.call("dice__roll", '{"sid')}]),
        chat.finish("length"),
    ]
    response = streamed(api, upstream.script(cut), tools=[server_tool(dice)])[-1]["response"]
    assert (response["status"], response["output"][-1]["status"]) == ("incomplete", "incomplete")


def test_a_model_that_dies_in_its_second_call_fails_the_response(api: Api, upstream: Upstream, dice: McpServer) -> None:
    model = upstream.script(calling(ROLL), [chat.EVENTS, *chat.text("Hal"), Stop.RESET])
    *_, error, failed = streamed(api, model, tools=[server_tool(dice)])
    assert (error["type"], failed["type"]) == ("error", "response.failed")
    assert kinds(failed["response"]) == ["mcp_list_tools", "mcp_call", "message"]
    assert failed["response"]["usage"]["total_tokens"] == chat.USAGE["total_tokens"]
    dead = upstream.script(calling_whole(ROLL), [chat.JSON, b"{", Stop.RESET])
    answer = api.call("POST", "/v1/responses", json={"model": dead, "input": "Hi", "tools": [server_tool(dice)]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_error")


def test_a_call_of_which_nothing_was_heard_is_sent_again(api: Api, upstream: Upstream, dice: McpServer) -> None:
    busy = chat.refusal(503, {"error": {"message": "busy"}})
    model = upstream.script(busy, calling(ROLL), [Stop.RESET], chat.answer("A six."))
    assert streamed(api, model, tools=[server_tool(dice)])[-1]["type"] == "response.completed"
    assert len(sent(upstream, model)) == 4


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_before_anything_was_said_is_an_http_error(api: Api, upstream: Upstream, dice: McpServer, *, stream: bool) -> None:
    tools = [server_tool(dice)]
    listed = asked(api, upstream.script(whole()), tools=tools)["output"][0]
    model = upstream.script(chat.refusal(429, {"error": {"message": "slow down"}}, retry_after="7"))
    body: Json = {"model": model, "input": [listed, {"role": "user", "content": "Hi"}], "tools": tools, "stream": stream}
    answer = api.call("POST", "/v1/responses", json=body)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert len(sent(upstream, model)) == 1


def test_a_client_that_leaves_in_a_tool_call_leaves_an_incomplete_response(api: Api, upstream: Upstream, dice: McpServer) -> None:
    dice.gates["left"] = Gate()
    model = upstream.script(calling(("dice__wait", '{"gate": "left"}')), chat.answer())
    body = {"model": model, "input": "Hi", "stream": True, "tools": [server_tool(dice)]}
    with api.stream("POST", "/v1/responses", json=body) as answer:
        lines = answer.iter_lines()
        first = next(line for line in lines if "resp_" in line)
        dice.gates["left"].await_reached()
    id = first[first.index("resp_") :].partition('"')[0]
    while (found := api.call("GET", f"/v1/responses/{id}")).status_code == 404:
        pass
    response = found.json()
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "interrupted"})
    assert (response["output"][-1]["type"], response["output"][-1]["status"]) == ("mcp_call", "incomplete")
    assert len(sent(upstream, model)) == 1
    assert ("cancelled", "left") in dice.calls
    assert api.call("GET", f"/v1/responses/{id}", params={"stream": "true"}).content.endswith(b"data: [DONE]\n\n")


def test_in_a_conversation_all_items_are_kept(api: Api, upstream: Upstream, dice: McpServer) -> None:
    conversation = api.post("/v1/conversations", {})["id"]
    model = upstream.script(calling_whole(ROLL), whole("A six."))
    asked(api, model, tools=[server_tool(dice)], conversation=conversation)
    items = api.get(f"/v1/conversations/{conversation}/items", order="asc")["data"]
    assert [item["type"] for item in items] == ["message", "mcp_list_tools", "mcp_call", "message"]
    later = asked(api, model, tools=[server_tool(dice)], conversation=conversation, input="And now?")
    assert kinds(later) == ["message"]
    told = sent(upstream, model)[-1]["messages"]
    assert [message["role"] for message in told] == ["user", "assistant", "tool", "assistant", "user"]


def test_a_socket_carries_the_loop_and_remembers_it(server: Served, upstream: Upstream, dice: McpServer) -> None:
    """Also where nothing is stored: the connection knows the calls of its last turn."""
    model = upstream.script(calling(ROLL), chat.answer("A six."))
    with connect(f"ws{server.url.removeprefix('http')}/v1/responses", additional_headers={"authorization": "any"}) as socket:
        wire = Wire(socket, model)
        first = wire.turn(tools=[server_tool(dice)])
        assert kinds(first) == ["mcp_list_tools", "mcp_call", "message"]
        second = wire.turn("And now?", tools=[server_tool(dice)], previous_response_id=first["id"])
        assert kinds(second) == ["message"]
    assert [message["role"] for message in sent(upstream, model)[-1]["messages"]] == ["user", "assistant", "tool", "assistant", "user"]


def test_a_context_that_is_too_long_is_shortened_in_every_round(api: Api, upstream: Upstream, dice: McpServer) -> None:
    """Where the caller allows it; the calls of this response stay whole."""
    long = chat.refusal(400, {"error": {"message": "too long", "code": "context_length_exceeded"}})
    model = upstream.script(calling_whole(ROLL), long, whole("A six."))
    before: list[Json] = [{"role": "user", "content": "Old"}, {"role": "assistant", "content": "Oh"}, {"role": "user", "content": "Hi"}]
    response = asked(api, model, tools=[server_tool(dice)], input=before, truncation="auto")
    assert kinds(response) == ["mcp_list_tools", "mcp_call", "message"]
    assert [len(each["messages"]) for each in sent(upstream, model)] == [3, 5, 3]


def test_a_context_is_condensed_before_the_loop(api: Api, upstream: Upstream, dice: McpServer) -> None:
    model = upstream.script(whole("Summary."), calling_whole(ROLL), whole("A six."))
    before: list[Json] = [
        {"role": "user", "content": "x" * 8000},
        {"role": "assistant", "content": "Oh"},
        {"role": "user", "content": "Hi"},
    ]
    limit = [{"type": "compaction", "compact_threshold": 1000}]
    response = asked(api, model, tools=[server_tool(dice)], input=before, context_management=limit)
    assert kinds(response) == ["compaction", "mcp_list_tools", "mcp_call", "message"]
    assert response["usage"]["total_tokens"] == 3 * chat.USAGE["total_tokens"]
    last = sent(upstream, model)[-1]["messages"]
    assert "Summary." in json.dumps(last)
    assert "xxxx" not in json.dumps(last)
    assert last[-1]["content"] == "rolled a 6"
