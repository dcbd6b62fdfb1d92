"""Several turns, remembered by the gateway: continued answers, a conversation, and a context that is condensed.

pip install openai
python examples/openai_turns.py
"""

from __future__ import annotations

import os

from openai import OpenAI

MODEL = os.environ.get("MODEL", "demo")


def continue_an_answer(client: OpenAI) -> str:
    """Each request names the answer that it continues. Instructions hold for one turn: send them again where they matter."""
    first = client.responses.create(model=MODEL, input="My name is Ada.")
    second = client.responses.create(model=MODEL, input="What is my name?", previous_response_id=first.id)
    print(second.output_text)
    for item in client.responses.input_items.list(second.id, order="asc"):
        print(f"  {item.type}")
    return second.id


def talk(client: OpenAI) -> None:
    """A conversation keeps what is said in it, for whoever knows its id."""
    conversation = client.conversations.create(metadata={"topic": "names"})
    for question in ("My name is Grace.", "What is my name?"):
        print(client.responses.create(model=MODEL, input=question, conversation=conversation.id).output_text)
    print(f"{len(list(client.conversations.items.list(conversation.id)))} items in {conversation.metadata}")
    client.conversations.delete(conversation.id)


def condense(client: OpenAI, response_id: str) -> None:
    """What was said becomes a few items, the summary among them encrypted; they begin a new chain."""
    window = client.responses.compact(model=MODEL, previous_response_id=response_id).output
    print(f"condensed to {len(window)} items")
    items = [item.to_dict(warnings=False) for item in window]
    answer = client.responses.create(model=MODEL, input=[*items, {"role": "user", "content": "Go on."}])  # type: ignore[list-item]
    print(answer.output_text)


def main() -> None:
    url = os.environ.get("GATEWAY_URL", "http://127.0.0.1:8080/v1")
    with OpenAI(base_url=url, api_key=os.environ.get("OPENAI_API_KEY", "any")) as client:
        last = continue_an_answer(client)
        talk(client)
        condense(client, last)
        client.responses.delete(last)


if __name__ == "__main__":
    main()
