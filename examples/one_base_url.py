"""One base URL for a whole application: what the gateway does not answer itself, it passes to the model server.

gw-extproc http --upstream http://127.0.0.1:11434/v1
pip install openai
python examples/one_base_url.py
"""

from __future__ import annotations

import os

from openai import OpenAI

MODEL = os.environ.get("MODEL", "demo")


def main() -> None:
    url = os.environ.get("GATEWAY_URL", "http://127.0.0.1:8080/v1")
    with OpenAI(base_url=url, api_key=os.environ.get("OPENAI_API_KEY", "any")) as client:
        print("models:", ", ".join(model.id for model in client.models.list()))
        chat = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hello!"}])
        print("chat:", chat.choices[0].message.content)
        print("response:", client.responses.create(model=MODEL, input="Hello!").output_text)


if __name__ == "__main__":
    main()
