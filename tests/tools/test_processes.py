"""The tools through the processes that users start, behind Envoy and alone, by the clients that users have."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from agents import (
    Agent,
    HostedMCPTool,
    MCPToolApprovalFunctionResult,
    MCPToolApprovalRequest,
    OpenAIResponsesModel,
    RunConfig,
    Runner,
    function_tool,
)
from openai import AsyncOpenAI, OpenAI

from tests import gateway_process as gateways
from tests.disaster import replica
from tests.gateway_process import Gateway
from tests.real import chat
from tests.real.upstream import Gate, Upstream
from tests.tools.mcp_server import McpServer
from tests.tools.talk import calling, calling_whole, sent, server_tool, whole
from tests.waiting import DEADLINE, until

ROLL = ("dice__roll", '{"sides": 6}')
TURNS = 20
QUIET = RunConfig(tracing_disabled=True)  # traces would go to a host on the internet


@pytest.fixture(scope="module")
def envoy(upstream: Upstream) -> Iterator[Gateway]:
    with gateways.running("--upstream", f"{upstream.url}/v1", "--mcp-private-addresses", "allow") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def alone(upstream: Upstream) -> Iterator[Gateway]:
    with gateways.running("--upstream", f"{upstream.url}/v1", "--mcp-private-addresses", "allow", command="http") as gateway:
        yield gateway


@pytest.fixture(params=["envoy", "alone"])
def gateway(request: pytest.FixtureRequest) -> Gateway:
    gateway = request.getfixturevalue(request.param)
    assert isinstance(gateway, Gateway)
    return gateway


@pytest.mark.parametrize("stream", [False, True])
def test_the_sdk_reads_every_item_and_event(gateway: Gateway, upstream: Upstream, dice: McpServer, *, stream: bool) -> None:
    model = upstream.script(calling(ROLL) if stream else calling_whole(ROLL), chat.answer("A six.") if stream else whole("A six."))
    tools: Any = [server_tool(dice)]
    response: Any
    with OpenAI(base_url=gateway.url, api_key="any", max_retries=0, timeout=DEADLINE) as client:
        if stream:
            with client.responses.stream(model=model, input="Roll!", tools=tools) as events:
                types = [event.type for event in events]
                response = events.get_final_response()
            assert "response.mcp_call.completed" in types
        else:
            response = client.responses.create(model=model, input="Roll!", tools=tools)
        assert [item.type for item in response.output] == ["mcp_list_tools", "mcp_call", "message"]
        assert response.output_text == "A six."
        again: Any = client.responses.retrieve(response.id)
        assert [item.id for item in again.output] == [item.id for item in response.output]


async def test_an_agent_of_twenty_turns(envoy: Gateway, upstream: Upstream, dice: McpServer) -> None:
    """Each turn calls a tool of the gateway's and one of the agent's own; one call waits for the agent's approval on the way."""
    asked: list[str] = []
    approved: list[str] = []

    def look(where: str) -> str:
        """Looks."""
        asked.append(where)
        return f"seen {where}"

    def approve(request: MCPToolApprovalRequest) -> MCPToolApprovalFunctionResult:
        approved.append(request.data.name)
        return {"approve": True}

    turns = [calling_whole(ROLL, ("look", f'{{"where": "{number}"}}')) for number in range(TURNS - 1)]
    model = upstream.script(*turns, calling_whole(("dice__delete", '{"name": "last"}')), whole("Done."))
    tool: Any = server_tool(dice, require_approval={"never": {"tool_names": ["roll"]}})
    async with AsyncOpenAI(base_url=envoy.url, api_key="any", max_retries=0) as client:
        agent = Agent[None](
            name="Player",
            instructions="Play.",
            model=OpenAIResponsesModel(model, client),
            tools=[HostedMCPTool(tool_config=tool, on_approval_request=approve), function_tool(look)],
        )
        result = await Runner.run(agent, "Go!", max_turns=TURNS + 5, run_config=QUIET, auto_previous_response_id=True)
        assert result.final_output == "Done."
        assert (asked, approved) == ([str(number) for number in range(TURNS - 1)], ["delete"])
        items = [item async for item in client.responses.input_items.list(result.last_response_id or "", order="asc", limit=100)]
    kinds = [item.type for item in items]
    assert (kinds.count("mcp_list_tools"), kinds.count("mcp_call")) == (1, TURNS - 1)
    assert ("delete", "last") in dice.calls
    last = sent(upstream, model)[-1]["messages"]
    assert len([message for message in last if message["role"] == "tool"]) == 2 * (TURNS - 1) + 1
    assert "left=" not in envoy.log()


async def test_a_worker_that_is_killed_in_a_tool_call_leaves_nothing_behind(
    upstream: Upstream, store_url: str, dice: McpServer
) -> None:
    """The client sees its stream break; there is no such response; the server was let go; another worker serves the next request."""
    dice.gates["killed"] = Gate()
    model = upstream.script(calling(("dice__wait", '{"gate": "killed"}')), whole())
    body = {"model": model, "input": "Hi", "tools": [server_tool(dice)]}
    async with (
        replica.serving(store_url, upstream, mcp_private_addresses="allow") as worker,
        httpx2.AsyncClient(base_url=worker.url, timeout=DEADLINE, trust_env=False) as client,
    ):
        async with client.stream("POST", "/responses", json={**body, "stream": True}) as answer:
            lines = answer.aiter_lines()
            first = await anext(line async for line in lines if "resp_" in line)
            await asyncio.to_thread(dice.gates["killed"].await_reached)
            worker.kill()
            with pytest.raises(httpx2.TransportError):
                [line async for line in lines]
        await asyncio.to_thread(until, lambda: ("cancelled", "killed") in dice.calls, "the server was let go")
        await worker.start()
        id = first[first.index("resp_") :].partition('"')[0]
        assert (await client.get(f"/responses/{id}")).status_code == 404
        assert (await client.post("/responses", json=body)).json()["status"] == "completed"
