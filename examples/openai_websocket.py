"""Several turns over one WebSocket; what is not stored is remembered by the connection.

pip install 'openai[realtime]'
python examples/openai_websocket.py
"""

from __future__ import annotations

import os

from openai import OpenAI

MODEL = os.environ.get("MODEL", "demo")


def main() -> None:
    url = os.environ.get("GATEWAY_URL", "http://127.0.0.1:8080/v1")
    with OpenAI(base_url=url, api_key=os.environ.get("OPENAI_API_KEY", "any")) as client, client.responses.connect() as connection:
        previous: str | None = None
        for question in ("My name is Ada.", "What is my name?"):
            connection.response.create(model=MODEL, input=question, previous_response_id=previous, store=False)
            for event in connection:
                if event.type == "response.output_text.delta":
                    print(event.delta, end="", flush=True)
                elif event.type == "response.completed":
                    previous = event.response.id
                    break
                elif event.type in ("response.failed", "response.incomplete", "error"):
                    raise SystemExit(f"\n{event}")
            print()


if __name__ == "__main__":
    main()
