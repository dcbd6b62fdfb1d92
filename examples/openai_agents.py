"""An agent of the openai-agents package that uses a tool, in a session that the gateway keeps.

pip install openai-agents
python examples/openai_agents.py
"""

from __future__ import annotations

import asyncio
import os

from agents import Agent, OpenAIConversationsSession, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI


@function_tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    print(f"get_weather({city!r}) runs")
    return f"It is sunny in {city}."


async def main() -> None:
    set_tracing_disabled(True)  # traces go to OpenAI, whichever model is used
    url = os.environ.get("GATEWAY_URL", "http://127.0.0.1:8080/v1")
    async with AsyncOpenAI(base_url=url, api_key=os.environ.get("OPENAI_API_KEY", "any")) as client:
        model = OpenAIResponsesModel(os.environ.get("MODEL", "demo"), client)
        agent = Agent[None](name="Guide", instructions="Help the traveller.", model=model, tools=[get_weather])
        session = OpenAIConversationsSession(openai_client=client)
        for question in ("What is the weather in Paris?", "Thanks!"):
            print((await Runner.run(agent, question, session=session)).final_output)
        await session.clear_session()


if __name__ == "__main__":
    asyncio.run(main())
