"""The openai SDK: a stream, a loop of tool calls, and an answer as a pydantic model.

pip install openai
python examples/openai_sdk.py
"""

from __future__ import annotations

import json
import os

from openai import OpenAI
from openai.types.responses import FunctionToolParam, ResponseInputParam
from pydantic import BaseModel

MODEL = os.environ.get("MODEL", "demo")

WEATHER: FunctionToolParam = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


class Trip(BaseModel):
    city: str
    days: int


def get_weather(city: str) -> str:
    return f"It is sunny in {city}."


def stream(client: OpenAI) -> None:
    for event in client.responses.create(model=MODEL, input="Hello!", stream=True):
        if event.type == "response.output_text.delta":
            print(event.delta, end="", flush=True)
    print()


def use_tools(client: OpenAI, question: str) -> str:
    """Answers the model's calls until it says something."""
    context: ResponseInputParam = [{"role": "user", "content": question}]
    while True:
        response = client.responses.create(model=MODEL, input=context, tools=[WEATHER])
        calls = [item for item in response.output if item.type == "function_call"]
        if not calls:
            return response.output_text
        context += [item.to_dict() for item in response.output]  # type: ignore[misc]  # an output item is an input item, too
        for call in calls:
            result = get_weather(**json.loads(call.arguments))
            print(f"{call.name}({call.arguments}) -> {result}")
            context.append({"type": "function_call_output", "call_id": call.call_id, "output": result})


def main() -> None:
    url = os.environ.get("GATEWAY_URL", "http://127.0.0.1:8080/v1")
    with OpenAI(base_url=url, api_key=os.environ.get("OPENAI_API_KEY", "any")) as client:
        stream(client)
        print(use_tools(client, "What is the weather in Paris?"))
        trip = client.responses.parse(model=MODEL, input="Plan a weekend in Paris.", text_format=Trip).output_parsed
        print(repr(trip))


if __name__ == "__main__":
    main()
