"""The examples run as they stand, against a gateway at GATEWAY_URL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def gateway_url(envoy: str) -> str:
    """As a newcomer starts it. Without Envoy the same SDKs make the same calls in the other files of this folder."""
    return envoy


def printed(url: str, *command: str) -> str:
    """What the example prints; it must end well and complain of nothing."""
    environment = {name: value for name, value in os.environ.items() if name not in ("MODEL", "OPENAI_API_KEY")}
    done = subprocess.run(command, env=environment | {"GATEWAY_URL": url}, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_curl(gateway_url: str) -> None:
    _, text, second, stream, call, output, trip = printed(gateway_url, str(EXAMPLES / "curl.sh")).split("--- ")
    assert 'You said: \\"Hello!\\".' in text
    assert 'Before, you said: \\"My name is Ada.\\".' in second
    assert stream.rstrip().endswith("data: [DONE]")
    assert '"type":"function_call"' in call
    assert "sunny, 21 degrees" in output
    answer = json.loads(trip.splitlines()[1])["output"][0]["content"][0]["text"]
    assert json.loads(answer) == {"city": "Paris", "days": 1}


def test_openai_sdk(gateway_url: str) -> None:
    stream, call, answer, trip = printed(gateway_url, sys.executable, str(EXAMPLES / "openai_sdk.py")).splitlines()
    assert 'You said: "Hello!".' in stream
    assert call == 'get_weather({"city": "Paris"}) -> It is sunny in Paris.'
    assert "It is sunny in Paris." in answer
    assert trip == "Trip(city='Paris', days=1)"


def test_openai_turns(gateway_url: str) -> None:
    lines = printed(gateway_url, sys.executable, str(EXAMPLES / "openai_turns.py")).splitlines()
    assert 'Before, you said: "My name is Ada.".' in lines[0]
    assert lines[1:4] == ["  message"] * 3
    assert 'Before, you said: "My name is Grace.".' in lines[5]
    assert lines[6:8] == ["4 items in {'topic': 'names'}", "condensed to 3 items"]
    assert 'You said: "Go on.".' in lines[8]


def test_openai_background(gateway_url: str) -> None:
    first, second = printed(gateway_url, sys.executable, str(EXAMPLES / "openai_background.py")).splitlines()
    assert first.startswith("I am the gateway's built-in demo model")
    assert 'You said: "Hello!".' in first
    assert second.startswith("completed I am")
    assert 'Before, you said: "Hello!".' in second


def test_openai_websocket(gateway_url: str) -> None:
    first, second = printed(gateway_url, sys.executable, str(EXAMPLES / "openai_websocket.py")).splitlines()
    assert 'You said: "My name is Ada.".' in first
    assert 'Before, you said: "My name is Ada.". You said: "What is my name?".' in second


def test_openai_agents(gateway_url: str) -> None:
    call, answer, thanks = printed(gateway_url, sys.executable, str(EXAMPLES / "openai_agents.py")).splitlines()
    assert call == "get_weather('Paris') runs"
    assert "It is sunny in Paris." in answer
    assert 'Before, you said: "What is the weather in Paris?". You said: "Thanks!".' in thanks


def test_one_base_url(gateway_url: str) -> None:
    models, chat, response = printed(gateway_url, sys.executable, str(EXAMPLES / "one_base_url.py")).splitlines()
    assert models == "models: demo"
    assert all('You said: "Hello!".' in line for line in (chat, response))


def test_the_codex_configuration_is_whole() -> None:
    """Codex itself is not part of the tests: this keeps what it was tried with."""
    config = tomllib.loads((EXAMPLES / "codex/config.toml").read_text())
    provider = config["model_providers"][config["model_provider"]]
    assert provider["wire_api"] == "responses"
    assert provider["base_url"] == "http://127.0.0.1:8080/v1"
    assert provider["env_key"] == "GATEWAY_API_KEY"


def test_the_readme_names_every_example() -> None:
    readme = (EXAMPLES / "README.md").read_text()
    examples = [path.relative_to(EXAMPLES) for path in EXAMPLES.rglob("*") if path.suffix in (".py", ".sh", ".toml")]
    assert examples
    assert not [path for path in examples if f"]({path})" not in readme]
