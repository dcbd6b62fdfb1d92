"""MCP servers: what is listed, allowed, sent, remembered and shown, and what becomes of those that fail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gw_extproc.engine.tools.guarded import Trust
from gw_extproc.engine.tools.mcp import MOST_LISTS, ToolLists
from gw_extproc.engine.tools.mcp_rules import allowed, matches, needs_approval
from gw_extproc.engine.tools.remote import Endpoint
from tests.api.conftest import settings
from tests.api.serving import Api, served
from tests.events import Json
from tests.real import chat
from tests.real.upstream import Gate, Head, Step, Upstream
from tests.tools.mcp_server import McpServer
from tests.tools.talk import asked, calling, calling_whole, kinds, sent, server_tool, streamed, whole

ROLL = ("dice__roll", '{"sides": 6}')
SECRET = "s3cr3t"


def names(api: Api, upstream: Upstream, tool: Json) -> list[str]:
    """The tools that are listed and offered."""
    model = upstream.script(whole())
    item = asked(api, model, tools=[tool])["output"][0]
    offered = [each["function"]["name"] for each in sent(upstream, model)[0].get("tools", ())]
    assert offered == [f"dice__{each['name']}" for each in item["tools"]]
    return [each["name"] for each in item["tools"]]


def test_a_server_of_the_older_protocol(api: Api, upstream: Upstream, dice: McpServer) -> None:
    model = upstream.script(calling_whole(ROLL), whole())
    response = asked(api, model, tools=[server_tool(dice, server_url=dice.sse)])
    assert response["output"][1]["output"] == "rolled a 6"


def test_what_is_not_allowed_is_not_offered(api: Api, upstream: Upstream, dice: McpServer) -> None:
    assert names(api, upstream, server_tool(dice, allowed_tools=["roll", "nothing"])) == ["roll"]
    assert names(api, upstream, server_tool(dice, allowed_tools={"read_only": True})) == ["roll"]
    assert names(api, upstream, server_tool(dice, allowed_tools={"tool_names": ["delete"]})) == ["delete"]


def test_what_the_list_says_reaches_the_model(api: Api, upstream: Upstream, dice: McpServer) -> None:
    model = upstream.script(whole())
    item = asked(api, model, tools=[server_tool(dice, allowed_tools=["roll"], server_description="for games")])["output"][0]
    (function,) = [each["function"] for each in sent(upstream, model)[0]["tools"]]
    assert function["description"] == "Rolls a die.\n\nPart of dice: for games"
    assert function["parameters"]["required"] == ["sides"]
    assert item["tools"][0]["annotations"] == {"readOnlyHint": True}
    assert item["tools"][0]["input_schema"] == function["parameters"]


def test_credentials_go_to_the_server_and_nowhere_else(api: Api, upstream: Upstream, dice: McpServer, store_url: str) -> None:
    dice.headers.clear()
    model = upstream.script(calling_whole(ROLL), whole())
    tool = server_tool(dice, authorization=f"token-{SECRET}", headers={"X-Key": f"key-{SECRET}"})
    added = {"type": "additional_tools", "role": "developer", "tools": [{**tool, "server_label": "other"}]}
    response = asked(api, model, tools=[tool], input=[added, {"role": "user", "content": "Hi"}])
    assert all(headers["authorization"] == f"Bearer token-{SECRET}" and headers["x-key"] == f"key-{SECRET}" for headers in dice.headers)
    assert response["tools"][0] == {
        "type": "mcp",
        "server_label": "dice",
        "server_url": f"{dice.url}/<redacted>",
        "require_approval": "never",
    }
    items = api.get(f"/v1/responses/{response['id']}/input_items")
    assert SECRET not in json.dumps([response, items, sent(upstream, model)])
    import redis

    store = redis.Redis.from_url(store_url)
    stored = repr([store.hgetall(key) for key in store.keys("gw:*:{*}")])
    store.close()
    assert "mcp_list_tools" in stored
    assert SECRET not in stored
    assert dice.streamable not in stored


def test_a_server_whose_address_was_not_kept_is_left_out_later(api: Api, upstream: Upstream, dice: McpServer) -> None:
    added = {"type": "additional_tools", "role": "developer", "tools": [server_tool(dice)]}
    model = upstream.script(whole())
    first = asked(api, model, input=[added, {"role": "user", "content": "Hi"}])
    assert kinds(first) == ["mcp_list_tools", "message"]
    body = {"model": model, "input": "And now?", "previous_response_id": first["id"]}
    assert api.call("POST", "/v1/responses", json=body).headers["x-gateway-notice"] == "tools left out: mcp(dice)"


def test_lists_are_remembered_for_the_same_credentials(api: Api, upstream: Upstream, dice: McpServer) -> None:
    def requests(**more: Any) -> int:
        before = len(dice.headers)
        asked(api, upstream.script(whole()), tools=[server_tool(dice, **more)])
        return len(dice.headers) - before

    assert requests(authorization="one") > 0
    assert requests(authorization="one") == 0
    assert requests(authorization="two") > 0


def test_remembered_lists_end_and_are_bounded() -> None:
    lists, endpoint = ToolLists(10), Endpoint("http://a", {}, Trust(private=False))
    lists.put(endpoint, [{"name": "a"}], now=0)
    assert lists.get(endpoint, now=9) == [{"name": "a"}]
    assert lists.get(endpoint, now=10) is None
    for number in range(MOST_LISTS):
        lists.put(Endpoint(f"http://{number}", {}, Trust(private=False)), [], now=20)
    assert lists.get(endpoint, now=5) is None


def test_a_connector_is_a_server_that_the_operator_names(api: Api, upstream: Upstream, dice: McpServer) -> None:
    model = upstream.script(calling_whole(ROLL), whole())
    tool = {"type": "mcp", "server_label": "dice", "connector_id": "connector_dice", "authorization": "t", "require_approval": "never"}
    response = asked(api, model, tools=[tool])
    assert response["output"][1]["output"] == "rolled a 6"
    assert response["tools"][0]["connector_id"] == "connector_dice"
    body = {"model": model, "input": "Hi", "tools": [{**tool, "connector_id": "connector_none"}]}
    assert api.refused("POST", "/v1/responses", json=body)[1]["param"] == "tools[0].connector_id"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"server_url": None}, "tools[0].server_url"),
        ({"connector_id": "connector_dice"}, "tools[0].server_url"),
        ({"tunnel_id": "tunnel_1"}, "tools[0].tunnel_id"),
        ({"server_url": "file:///etc/passwd"}, "tools[0].server_url"),
        ({"server_url": "http://user:password@host/"}, "tools[0].server_url"),
        ({"server_url": "http://[::1"}, "tools[0].server_url"),
        ({"headers": {"Host": "other"}}, "tools[0].headers"),
        ({"headers": {"X": "a\r\nY: b"}}, "tools[0].headers"),
        ({"authorization": "a\nb"}, "tools[0].authorization"),
        ({"server_label": ""}, "tools[0].server_label"),
        ({"require_approval": "sometimes"}, "tools[0].require_approval"),
        ({"allowed_tools": "all"}, "tools[0].allowed_tools"),
    ],
)
def test_a_wrong_definition_is_refused(api: Api, upstream: Upstream, dice: McpServer, fields: Json, param: str) -> None:
    body = {"model": upstream.script(whole()), "input": "Hi", "tools": [server_tool(dice, **fields)]}
    assert api.refused("POST", "/v1/responses", json=body)[1]["param"] == param


# Faults: each leaves a response that ends, and a model that knows


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (("dice__fail", '{"reason": "x"}'), "Error executing tool fail"),
        (("dice__roll", '{"sides": "many"}'), "Error executing tool roll"),
        (("dice__roll", "no json"), "The arguments are wrong: they are not JSON."),
        (("dice__much", '{"size": 300000}'), "The tool's output is larger than 262144 bytes; ask it for less."),
        (("dice__much", '{"size": 10000000}'), "The MCP server failed: its answer is larger than 4194304 bytes."),
    ],
)
def test_a_call_that_fails_is_told_to_the_model(
    api: Api, upstream: Upstream, dice: McpServer, call: tuple[str, str], error: str
) -> None:
    model = upstream.script(calling(call), calling(ROLL), chat.answer())
    events = streamed(api, model, tools=[server_tool(dice)])
    response = events[-1]["response"]
    assert kinds(response) == ["mcp_list_tools", "mcp_call", "mcp_call", "message"]
    failed, well = response["output"][1:3]
    assert (failed["status"], failed["output"], failed["error"]["type"]) == ("failed", None, "mcp_tool_execution_error")
    assert failed["error"]["content"][0]["text"].startswith(error)
    assert well["output"] == "rolled a 6", "the next call is on a good connection again"
    assert "response.mcp_call.failed" in [event["type"] for event in events]
    told = [each["content"] for each in sent(upstream, model)[1]["messages"] if each["role"] == "tool"]
    assert told[0].startswith(f"Error: {error}")


def test_a_slow_call_is_given_up(api: Api, upstream: Upstream, store_url: str, dice: McpServer) -> None:
    dice.gates["slow"] = Gate()
    listed = asked(api, upstream.script(whole()), tools=[server_tool(dice)])["output"][0]
    options = {"mcp_private_addresses": "allow", "tool_timeout": "0.2"}
    with served(settings(upstream, store_url, **options)) as server, Api(server) as hasty:
        model = upstream.script(calling_whole(("dice__wait", '{"gate": "slow"}')), whole())
        call = asked(hasty, model, tools=[server_tool(dice)], input=[listed, {"role": "user", "content": "Hi"}])["output"][0]
    assert call["error"]["content"][0]["text"] == "The tool did not answer within 0.2 seconds."


@pytest.mark.parametrize("stream", [False, True])
def test_a_server_that_is_down_is_told_to_the_model(api: Api, upstream: Upstream, dice: McpServer, *, stream: bool) -> None:
    """The response goes on without its tools."""
    model = upstream.script(chat.answer() if stream else whole())
    tools = [server_tool(dice, server_url="http://127.0.0.1:9/mcp", server_label="down"), server_tool(dice)]
    response = (streamed(api, model, tools=tools)[-1]["response"]) if stream else asked(api, model, tools=tools)
    assert kinds(response) == ["mcp_list_tools", "mcp_list_tools", "message"]
    assert response["output"][0]["status"] == "failed"
    assert response["output"][0]["error"] == "The MCP server's tools could not be listed: it cannot be reached, or broke off."
    messages = sent(upstream, model)[0]["messages"]
    assert "The tools of the MCP server 'down' are not available" in messages[0]["content"] + messages[-1]["content"]


HTML: list[Step] = [Head(200, {"content-type": "text/html"}), b"<html>"]
ARRAY: list[Step] = [Head(200, {"content-type": "application/json"}), b"[]"]
FORBIDDEN: list[Step] = [Head(401, {"content-type": "application/json", "content-length": "2"}), b"{}"]
ELSEWHERE: list[Step] = [Head(307, {"location": "http://127.0.0.1:9/other", "content-length": "0"})]
ZIPPED: list[Step] = [Head(200, {"content-type": "application/json", "content-encoding": "gzip", "content-length": "2"}), b"{}"]
ENDLESS: list[Step] = [Head(200, {"content-type": "application/json"}), *[b"x" * 1_000_000] * 10]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (HTML, "Unexpected content type"),
        (ARRAY, "Failed to parse JSON response"),
        (FORBIDDEN, "it answered with status 401"),
        (ELSEWHERE, "not followed"),
        (ZIPPED, "larger than"),
        (ENDLESS, "larger than"),
    ],
)
def test_a_server_that_lies(api: Api, upstream: Upstream, dice: McpServer, answer: list[Step], told: str) -> None:
    path = upstream.script(answer, key=f"/lying-{told}".replace(" ", "-"))
    model = upstream.script(whole())
    item = asked(api, model, tools=[server_tool(dice, server_url=f"{upstream.url}{path}")])["output"][0]
    assert item["status"] == "failed"
    assert told in item["error"]


def test_private_addresses_are_refused_unless_allowed(upstream: Upstream, store_url: str, dice: McpServer) -> None:
    with served(settings(upstream, store_url)) as server, Api(server) as api:
        for host in ("127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"):
            url = dice.streamable.replace("127.0.0.1", host)
            item = asked(api, upstream.script(whole()), tools=[server_tool(dice, server_url=url)])["output"][0]
            assert "its address is not one that callers may name" in item["error"]


def test_the_operator_decides_which_servers_may_be_named(upstream: Upstream, store_url: str, dice: McpServer) -> None:
    body = {"model": upstream.script(whole()), "input": "Hi", "tools": [server_tool(dice)]}
    with served(settings(upstream, store_url, mcp="connectors")) as server, Api(server) as api:
        assert api.refused("POST", "/v1/responses", json=body)[1]["param"] == "tools[0].server_url"
    with served(settings(upstream, store_url, mcp="off")) as server, Api(server) as api:
        assert api.call("POST", "/v1/responses", json=body).headers["x-gateway-notice"] == "tools left out: mcp(dice)"


# Rules

READ_ONLY = {"name": "roll", "annotations": {"readOnlyHint": True}}
WRITES = {"name": "delete", "annotations": None}


def test_filters() -> None:
    assert allowed(WRITES, None)
    assert allowed(WRITES, ["delete"])
    assert not allowed(WRITES, [])
    assert matches(READ_ONLY, {"read_only": True})
    assert not matches(WRITES, {"read_only": True})
    assert matches(WRITES, {"read_only": False})
    assert not matches(READ_ONLY, {"tool_names": ["delete"], "read_only": True})
    assert not matches(READ_ONLY, {})


@pytest.mark.parametrize(
    ("rule", "asks"),
    [
        (None, True),
        ("always", True),
        ("never", False),
        ({"never": {"tool_names": ["roll"]}}, False),
        ({"never": {"tool_names": ["delete"]}}, True),
        ({"always": {"tool_names": ["delete"]}}, True),
        ({"always": {"read_only": True}, "never": {"tool_names": ["roll"]}}, True),
        ({"always": {"tool_names": ["delete"]}, "never": {"tool_names": ["roll"]}}, False),
    ],
)
def test_the_caller_is_asked_unless_he_says_never(rule: Any, asks: bool) -> None:
    assert needs_approval(READ_ONLY, rule) is asks
