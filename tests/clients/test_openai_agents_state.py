"""The unmodified openai-agents package where the gateway keeps the state: chains, conversations, sessions, a WebSocket."""

from __future__ import annotations

from typing import Any

import pytest
from agents import (
    Agent,
    Model,
    ModelSettings,
    OpenAIConversationsSession,
    OpenAIResponsesCompactionSession,
    Runner,
    SQLiteSession,
    responses_websocket_session,
)
from openai import AsyncOpenAI, NotFoundError
from openai.types.shared import Reasoning

from tests.clients.test_openai_agents import QUIET, both_ways, model, run, weather_tool

__all__ = ["model"]  # the fixture

WEATHER = "What is the weather in Paris?"
SUNNY = 'The tools answered: "It is sunny in Paris.".'


def guide(model: Model | str, asked: list[str] | None = None, **settings: Any) -> Agent[None]:
    return Agent[None](
        name="Guide", model=model, tools=[weather_tool([] if asked is None else asked)], model_settings=ModelSettings(**settings)
    )


@both_ways
async def test_each_request_continues_the_last_answer(model: Model, async_client: AsyncOpenAI, stream: bool) -> None:
    """Also the tool's output goes alone: the gateway knows the call, and the thought before it."""
    asked: list[str] = []
    agent = guide(model, asked, reasoning=Reasoning(effort="low"))
    first = await run(agent, WEATHER, stream=stream, auto_previous_response_id=True)
    assert asked == ["Paris"]
    assert SUNNY in first.final_output
    second = await run(agent, "Thanks!", stream=stream, previous_response_id=first.last_response_id)
    assert f'Before, you said: "{WEATHER}". You said: "Thanks!".' in second.final_output
    items = [item.type async for item in async_client.responses.input_items.list(second.last_response_id or "", order="asc")]
    assert items == ["message", "reasoning", "function_call", "function_call_output", "reasoning", "message", "message"]


@both_ways
async def test_runs_share_a_conversation(model: Model, async_client: AsyncOpenAI, stream: bool) -> None:
    asked: list[str] = []
    agent, conversation = guide(model, asked), await async_client.conversations.create()
    first = await run(agent, WEATHER, stream=stream, conversation_id=conversation.id)
    second = await run(agent, "Thanks!", stream=stream, conversation_id=conversation.id)
    assert asked == ["Paris"]
    assert SUNNY in first.final_output
    assert f'Before, you said: "{WEATHER}".' in second.final_output
    items = [item.type async for item in async_client.conversations.items.list(conversation.id, order="asc")]
    assert items == ["message", "function_call", "function_call_output", "message", "message", "message"]


async def test_a_handoff_in_a_conversation(model: Model, async_client: AsyncOpenAI) -> None:
    expert = Agent[None](name="Weather expert", instructions="Know the weather.", model=model)
    desk = Agent[None](name="Desk", instructions="Hand over.", model=model, handoffs=[expert])
    conversation = await async_client.conversations.create()
    result = await run(desk, "transfer_to_weather_expert", stream=False, conversation_id=conversation.id)
    assert result.last_agent is expert
    assert "The tools answered:" in result.final_output


@both_ways
async def test_a_session_kept_by_the_gateway(model: Model, async_client: AsyncOpenAI, stream: bool) -> None:
    asked: list[str] = []
    agent = guide(model, asked, reasoning=Reasoning(effort="low"), response_include=["reasoning.encrypted_content"])
    session = OpenAIConversationsSession(openai_client=async_client)
    await run(agent, WEATHER, stream=stream, session=session)
    second = await run(agent, "Thanks!", stream=stream, session=session)
    assert asked == ["Paris"]
    assert f'Before, you said: "{WEATHER}".' in second.final_output
    kinds = [item["type"] for item in await session.get_items()]
    assert [kind for kind in kinds if kind != "reasoning"] == ["message", "function_call", "function_call_output", *["message"] * 3]


async def test_a_session_s_items(async_client: AsyncOpenAI) -> None:
    session = OpenAIConversationsSession(openai_client=async_client)
    texts = [f"Number {number}" for number in range(45)]
    await session.add_items([{"role": "user", "content": text} for text in texts])

    async def kept(limit: int | None = None) -> list[str]:
        return [item["content"][0]["text"] for item in await session.get_items(limit)]  # type: ignore

    assert await kept() == texts
    assert await kept(limit=30) == texts[-30:]
    popped: Any = await session.pop_item()
    assert popped["content"][0]["text"] == texts.pop()
    assert await kept() == texts
    id = session.session_id
    await session.clear_session()
    with pytest.raises(NotFoundError):
        await async_client.conversations.retrieve(id)
    assert await kept() == []
    assert session.session_id != id


async def test_a_session_goes_on_where_another_process_was(model: Model, async_client: AsyncOpenAI) -> None:
    session = OpenAIConversationsSession(openai_client=async_client)
    await run(guide(model), "My name is Ada.", stream=False, session=session)
    again = OpenAIConversationsSession(conversation_id=session.session_id, openai_client=async_client)
    second = await run(guide(model), "What is my name?", stream=False, session=again)
    assert 'Before, you said: "My name is Ada.".' in second.final_output


@pytest.mark.parametrize("mode", ["previous_response_id", "input"])
async def test_a_session_that_is_condensed(async_client: AsyncOpenAI, model: Model, mode: Any) -> None:
    """The package condenses only for models named like OpenAI's; the demo model answers to any name."""
    session = OpenAIResponsesCompactionSession(
        "1",
        SQLiteSession("1"),
        client=async_client,
        model="gpt-demo",
        compaction_mode=mode,
        should_trigger_compaction=lambda context: len(context["compaction_candidate_items"]) >= 3,
    )
    agent = guide(model)
    await run(agent, WEATHER, stream=False, session=session)
    kinds = [item.get("type", "message") for item in await session.get_items()]
    assert kinds == ["message", "compaction"]
    second = await run(agent, "Thanks!", stream=False, session=session)
    assert 'Before, you said: "Summary of the conversation' in second.final_output


async def test_thoughts_are_carried_by_who_stores_nothing(model: Model) -> None:
    asked: list[str] = []
    agent = guide(model, asked, store=False, reasoning=Reasoning(effort="low"), response_include=["reasoning.encrypted_content"])
    first = await run(agent, WEATHER, stream=True)
    context = first.to_input_list()
    assert [bool(item.get("encrypted_content")) for item in context if item.get("type") == "reasoning"] == [True, True]
    second = await run(agent, [*context, {"role": "user", "content": "Thanks!"}], stream=True)
    assert f'Before, you said: "{WEATHER}".' in second.final_output
    assert asked == ["Paris"]


async def test_runs_share_a_websocket(gateway_url: str) -> None:
    asked: list[str] = []
    async with responses_websocket_session(api_key="any", base_url=gateway_url) as session:
        session.run_config.tracing_disabled = True
        agent = guide("demo", asked, store=False)
        first = await session.run(agent, WEATHER, auto_previous_response_id=True)
        second = await session.run(agent, "Thanks!", previous_response_id=first.last_response_id)
    assert asked == ["Paris"]
    assert SUNNY in first.final_output
    assert f'Before, you said: "{WEATHER}".' in second.final_output


async def test_an_unknown_answer_cannot_be_continued(model: Model) -> None:
    with pytest.raises(NotFoundError) as raised:
        await Runner.run(guide(model), "Hello", previous_response_id="resp_1", run_config=QUIET)
    assert raised.value.code == "previous_response_not_found"
