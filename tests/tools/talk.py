"""A response with tools of the gateway's, asked for and looked at."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from tests.api.serving import Api
from tests.events import Json, events
from tests.real import chat
from tests.real.upstream import Step, Upstream
from tests.strict_chat import violations
from tests.tools.mcp_server import McpServer

_numbers = count()


def server_tool(server: McpServer, **more: Any) -> Json:
    return {"type": "mcp", "server_label": "dice", "server_url": server.streamable, "require_approval": "never", **more}


def calling(*calls: tuple[str, str], said: str = "") -> Sequence[Step]:
    """A streamed answer that calls functions with these arguments."""
    entries = [{"index": index, **_call(*each)} for index, each in enumerate(calls)]
    return [chat.EVENTS, *(chat.text(said) if said else ()), chat.chunk(tool_calls=entries), chat.finish("tool_calls")]


def calling_whole(*calls: tuple[str, str]) -> Sequence[Step]:
    """The same as a JSON object."""
    entries = [_call(*each) for each in calls]
    return [chat.JSON, chat.completion("tool_calls", tool_calls=entries)]


def _call(name: str, arguments: str) -> Json:
    """Under an id that no other call has: agents insist on that."""
    return {**chat.call(name, arguments), "id": f"call_{next(_numbers)}"}


def whole(said: str = "Hello!") -> Sequence[Step]:
    return [chat.JSON, chat.completion(content=said)]


def streamed(api: Api, model: str, **body: Any) -> list[Json]:
    """All events, whose numbers are checked."""
    answer = api.call("POST", "/v1/responses", json={"model": model, "input": "Hi", "stream": True, **body})
    assert answer.status_code == 200, answer.text
    found = events(answer.content)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    again = api.call("GET", f"/v1/responses/{found[0]['response']['id']}", params={"stream": "true"})
    if found[-1]["response"]["store"]:
        assert again.content == answer.content
    return found


def asked(api: Api, model: str, **body: Any) -> Json:
    """The response object."""
    return api.post("/v1/responses", {"model": model, "input": "Hi", **body})


def sent(upstream: Upstream, model: str) -> list[Json]:
    """The Chat requests that this model got since the last time; the strictest server would take each."""
    found = [upstream.received(model).chat for _ in range(upstream.count(model))]
    assert [violations(chat) for chat in found] == [[]] * len(found)
    return found


def kinds(response: Json) -> list[str]:
    return [item["type"] for item in response["output"]]
