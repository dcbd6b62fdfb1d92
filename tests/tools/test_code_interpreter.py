"""code_interpreter: the sandbox is an MCP server that the operator names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.conftest import settings
from tests.api.serving import Api, Served, served
from tests.real import chat
from tests.real.upstream import Upstream
from tests.tools.mcp_server import McpServer
from tests.tools.talk import asked, calling, calling_whole, kinds, sent, streamed, whole

TOOL = {"type": "code_interpreter", "container": {"type": "auto"}}
OUTPUTS = ["code_interpreter_call.outputs"]


def python(code: str) -> tuple[str, str]:
    return "python", f'{{"code": "{code}"}}'


@pytest.fixture(scope="module")
def server(upstream: Upstream, store_url: str, dice: McpServer) -> Iterator[Served]:
    sandbox = {"code_interpreter_url": dice.streamable, "code_interpreter_tool": "python", "code_interpreter_key": "sandbox-key"}
    with served(settings(upstream, store_url, **sandbox, tool_output="1000")) as server:
        yield server


def test_code_is_run_in_the_sandbox(api: Api, upstream: Upstream, dice: McpServer) -> None:
    model = upstream.script(calling(python("print(6*7)")), chat.answer("42"))
    events = streamed(api, model, tools=[TOOL], include=OUTPUTS)
    response = events[-1]["response"]
    assert kinds(response) == ["code_interpreter_call", "message"]
    call = response["output"][0]
    assert (call["status"], call["code"], call["container_id"]) == ("completed", "print(6*7)", "auto")
    assert call["outputs"] == [{"type": "logs", "logs": "ran print(6*7)"}]
    assert [event["type"] for event in events if "code_interpreter" in event["type"]] == [
        "response.code_interpreter_call.in_progress",
        "response.code_interpreter_call_code.delta",
        "response.code_interpreter_call_code.done",
        "response.code_interpreter_call.interpreting",
        "response.code_interpreter_call.completed",
    ]
    assert sent(upstream, model)[-1]["messages"][-1]["content"] == "ran print(6*7)"
    assert "Bearer sandbox-key" in {headers.get("authorization") for headers in dice.headers}


def test_outputs_are_shown_to_who_asks_for_them(api: Api, upstream: Upstream) -> None:
    model = upstream.script(calling_whole(python("1")), whole(), whole())
    first = asked(api, model, tools=[TOOL])
    assert first["output"][0]["outputs"] is None
    asked(api, model, tools=[TOOL], previous_response_id=first["id"])
    assert "no longer at hand" in next(each for each in sent(upstream, model)[-1]["messages"] if each["role"] == "tool")["content"]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (python("raise"), "Error executing tool python"),
        (python("much"), "Error: It printed more than 1000 bytes; print less."),
        (("python", "{}"), "Error: There is no code: give a text as `code`."),
        (("python", "no json"), "Error: There is no code: give a text as `code`."),
    ],
)
def test_what_fails_is_told_to_the_model(api: Api, upstream: Upstream, call: tuple[str, str], told: str) -> None:
    model = upstream.script(calling_whole(call), whole())
    response = asked(api, model, tools=[TOOL], include=OUTPUTS)
    assert response["output"][0]["status"] == "failed"
    assert sent(upstream, model)[-1]["messages"][-1]["content"] == told


def test_a_sandbox_that_is_away_is_told_to_the_model(upstream: Upstream, store_url: str) -> None:
    with served(settings(upstream, store_url, code_interpreter_url="http://127.0.0.1:9/mcp")) as away, Api(away) as api:
        model = upstream.script(calling_whole(python("1")), whole())
        assert asked(api, model, tools=[TOOL])["output"][0]["status"] == "failed"
        told = sent(upstream, model)[-1]["messages"][-1]["content"]
        assert told == "Error: The sandbox failed: it cannot be reached, or broke off."


@pytest.mark.parametrize(
    ("container", "param"),
    [("cntr_1", "tools[0].container"), ({"type": "auto", "file_ids": ["file-1"]}, "tools[0].container.file_ids")],
)
def test_containers_of_the_callers_are_refused(api: Api, upstream: Upstream, container: object, param: str) -> None:
    body = {"model": upstream.script(whole()), "input": "Hi", "tools": [{"type": "code_interpreter", "container": container}]}
    assert api.refused("POST", "/v1/responses", json=body)[1]["param"] == param
