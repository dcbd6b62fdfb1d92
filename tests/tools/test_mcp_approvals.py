"""Calls that wait for their caller's approval: in a later turn, by whatever way it comes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import settings
from tests.api.serving import Api, served
from tests.events import Json
from tests.real import chat
from tests.real.upstream import Upstream
from tests.tools.mcp_server import McpServer
from tests.tools.talk import asked, calling, calling_whole, kinds, sent, server_tool, streamed, whole

DELETE = ("dice__delete", '{"name": "a.txt"}')
ROLL = ("dice__roll", '{"sides": 6}')


def approval(response: Json, approve: bool = True, **more: Any) -> Json:
    request = next(item for item in response["output"] if item["type"] == "mcp_approval_request")
    return {"type": "mcp_approval_response", "approval_request_id": request["id"], "approve": approve, **more}


def requested(api: Api, upstream: Upstream, dice: McpServer, *following: Any, **more: Any) -> tuple[str, Json]:
    """The model, and the response in which it asked."""
    model = upstream.script(calling_whole(DELETE), *following)
    return model, asked(api, model, tools=[server_tool(dice, require_approval="always")], **more)


def test_an_approved_call_is_run_and_the_model_goes_on(api: Api, upstream: Upstream, dice: McpServer) -> None:
    model = upstream.script(calling(DELETE), chat.answer("Deleted."))
    tools = [server_tool(dice)]
    del tools[0]["require_approval"]
    events = streamed(api, model, tools=tools)
    first = events[-1]["response"]
    assert (first["status"], kinds(first)) == ("completed", ["mcp_list_tools", "mcp_approval_request"])
    request = first["output"][1]
    assert (request["server_label"], request["name"], request["arguments"]) == ("dice", *("delete", DELETE[1]))
    assert ("delete", "a.txt") not in dice.calls

    second = streamed(api, model, tools=tools, previous_response_id=first["id"], input=[approval(first)])[-1]["response"]
    assert kinds(second) == ["mcp_call", "message"]
    call = second["output"][0]
    assert (call["approval_request_id"], call["output"], call["arguments"]) == (request["id"], "deleted a.txt", DELETE[1])
    told = sent(upstream, model)[-1]["messages"]
    assert [message["role"] for message in told] == ["user", "assistant", "tool"]
    assert told[-1]["content"] == "deleted a.txt"

    dice.calls.clear()
    third = asked(api, upstream.script(whole()), tools=tools, previous_response_id=second["id"], input="Thanks")
    assert (kinds(third), dice.calls) == (["message"], []), "what was approved is run once"


def test_a_refused_call_is_told_to_the_model(api: Api, upstream: Upstream, dice: McpServer) -> None:
    model, first = requested(api, upstream, dice, whole("As you wish."))
    answer = approval(first, approve=False, reason="too dangerous")
    second = asked(api, model, tools=[server_tool(dice, require_approval="always")], previous_response_id=first["id"], input=[answer])
    assert kinds(second) == ["message"]
    assert sent(upstream, model)[-1]["messages"][-1]["content"] == "The user did not approve this call: too dangerous"


def test_what_was_not_answered_is_told_to_the_model(api: Api, upstream: Upstream, dice: McpServer) -> None:
    model, first = requested(api, upstream, dice, whole("Never mind."))
    asked(api, model, tools=[server_tool(dice)], previous_response_id=first["id"], input="Something else")
    assert "has not approved" in sent(upstream, model)[-1]["messages"][-2]["content"]


@pytest.mark.parametrize("way", ["items", "conversation", "restart"])
def test_approvals_work_whoever_keeps_the_history(api: Api, upstream: Upstream, dice: McpServer, store_url: str, way: str) -> None:
    """The caller itself, a conversation, and another process over the same store."""
    tools = [server_tool(dice, require_approval="always")]
    if way == "items":
        model, first = requested(api, upstream, dice, whole(), store=False)
        second = asked(api, model, tools=tools, input=[{"role": "user", "content": "Hi"}, *first["output"], approval(first)])
    elif way == "conversation":
        conversation = api.post("/v1/conversations", {})["id"]
        model, first = requested(api, upstream, dice, whole(), conversation=conversation)
        second = asked(api, model, tools=tools, conversation=conversation, input=[approval(first)])
    else:
        with served(settings(upstream, store_url, mcp_private_addresses="allow")) as other, Api(other, "key") as there:
            model, first = requested(there, upstream, dice, whole())
        with served(settings(upstream, store_url, mcp_private_addresses="allow")) as other, Api(other, "key") as there:
            second = asked(there, model, tools=tools, previous_response_id=first["id"], input=[approval(first)])
    assert (kinds(second), second["output"][0]["output"]) == (["mcp_call", "message"], "deleted a.txt")


def test_an_approval_of_nothing_is_refused(api: Api, upstream: Upstream, dice: McpServer) -> None:
    model, first = requested(api, upstream, dice, whole())
    nothing = {"type": "mcp_approval_response", "approval_request_id": "mcpr_none", "approve": True}
    body = {"model": model, "tools": [server_tool(dice)], "previous_response_id": first["id"], "input": [nothing]}
    _, error = api.refused("POST", "/v1/responses", json=body)
    assert (error["code"], error["param"]) == ("approval_request_not_found", "input[0].approval_request_id")
    _, error = api.refused("POST", "/v1/responses", json={**body, "input": [approval(first)], "tools": []})
    assert error["param"] == "tools", "the address of the server is not kept"


def test_each_tool_has_its_own_rule(api: Api, upstream: Upstream, dice: McpServer) -> None:
    """Roll only reads, so it needs no approval; both are called in one turn, and one waits."""
    model = upstream.script(calling_whole(ROLL, DELETE), whole("Both done."))
    tools = [server_tool(dice, require_approval={"never": {"read_only": True}})]
    first = asked(api, model, tools=tools)
    assert sorted(kinds(first)) == ["mcp_approval_request", "mcp_call", "mcp_list_tools"]
    second = asked(api, model, tools=tools, previous_response_id=first["id"], input=[approval(first)])
    assert kinds(second) == ["mcp_call", "message"]
    told = sent(upstream, model)[-1]["messages"]
    assert [message["content"] for message in told if message["role"] == "tool"] == ["rolled a 6", "deleted a.txt"]
