"""A response in the background: its events are read, left in the middle and resumed; another one is polled.

pip install openai
python examples/openai_background.py
"""

from __future__ import annotations

import os
import time

from openai import OpenAI

MODEL = os.environ.get("MODEL", "demo")


def main() -> None:
    url = os.environ.get("GATEWAY_URL", "http://127.0.0.1:8080/v1")
    with OpenAI(base_url=url, api_key=os.environ.get("OPENAI_API_KEY", "any")) as client:
        id, last = "", -1
        for event in client.responses.create(model=MODEL, input="Hello!", background=True, stream=True):
            last = event.sequence_number
            if event.type == "response.created":
                id = event.response.id
            elif event.type == "response.output_text.delta":
                print(event.delta, end="", flush=True)
                break  # as if the connection were lost
        for event in client.responses.retrieve(id, stream=True, starting_after=last):
            if event.type == "response.output_text.delta":
                print(event.delta, end="", flush=True)
        print()

        response = client.responses.create(model=MODEL, input="And?", previous_response_id=id, background=True)
        while response.status in ("queued", "in_progress"):
            time.sleep(0.2)
            response = client.responses.retrieve(response.id)
        print(response.status, response.output_text)


if __name__ == "__main__":
    main()
