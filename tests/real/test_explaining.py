"""`x-gateway-explain`: the caller is told what would be sent, and nothing is."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from gw_extproc.schema.answers import Explanation
from tests.api.serving import strictly
from tests.gateway_process import Gateway
from tests.real import chat
from tests.real.callers import asking, error_of
from tests.real.conftest import KEY
from tests.real.upstream import Upstream
from tests.waiting import DEADLINE

Json = dict[str, Any]


def ask(gateway: Gateway, model: str, explain: str = "1", query: str = "", **fields: Any) -> httpx2.Response:
    headers = {"x-gateway-explain": explain, "authorization": "Bearer sk-of-the-caller"}
    return httpx2.post(f"{gateway.url}/responses{query}", json=asking(model, **fields), headers=headers, timeout=DEADLINE)


def explained(gateway: Gateway, model: str, **fields: Any) -> Json:
    answer = ask(gateway, model, **fields)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    told: Json = answer.json()
    strictly(Explanation, told)
    return told


def test_it_is_what_is_sent_without_the_header(either: Gateway, upstream: Upstream) -> None:
    model = upstream.script(chat.answer())
    fields: Json = {"instructions": "Be brief.", "metadata": {"run": "7"}, "stream": True, "tools": [{"type": "web_search"}]}
    answer = ask(either, model, query="?api-version=1", **fields)
    told = answer.json()
    assert answer.headers["x-gateway-notice"] == "tools left out: web_search; not sent: metadata"
    assert told["notices"] == [
        {"treatment": "tools left out", "field": "web_search", "rule": None},
        {"treatment": "not sent", "field": "metadata", "rule": "hints"},
    ]
    assert told["rules"] == [{"rule": "include_usage", "field": "stream"}]
    assert (told["needs"], told["because"], told["missing"], told["stored"]) == ("one model call", [], [], True)
    assert told["dialect"] == "generic"
    assert upstream.count(model) == 0
    assert ask(either, model, explain="0", query="?api-version=1", **fields).status_code == 200
    sent = upstream.received(model)
    assert (sent.path, sent.chat) == (told["path"], told["chat_request"])
    assert sent.headers.keys() >= {*told["headers"]["set"]}
    assert told["headers"]["removed"] == ["x-gateway-explain"]
    assert "x-gateway-explain" not in sent.headers


def test_the_history_is_in_it_and_nothing_is_added(either: Gateway, upstream: Upstream) -> None:
    model = upstream.script(chat.answer("Hello"))
    with httpx2.Client(base_url=either.url, headers={"authorization": "Bearer sk-of-the-caller"}, timeout=DEADLINE) as client:
        conversation = client.post("/conversations", json={"items": [{"role": "user", "content": "I am Ada."}]}).json()["id"]
        told = explained(either, model, conversation=conversation)
        assert [message["content"] for message in told["chat_request"]["messages"]] == ["I am Ada.", "Go on."]
        assert len(client.get(f"/conversations/{conversation}/items").json()["data"]) == 1
        first = client.post("/responses", json=asking(model)).json()["id"]
        told = explained(either, model, previous_response_id=first)
        assert [message["content"] for message in told["chat_request"]["messages"]] == ["Go on.", "Hello", "Go on."]
    upstream.received(model)
    assert upstream.count(model) == 0


def test_what_takes_more_than_one_model_call_says_why(either: Gateway, upstream: Upstream) -> None:
    """The MCP server is not asked: it is not even there."""
    model = upstream.script(chat.answer())
    server = {"type": "mcp", "server_label": "dice", "server_url": "http://mcp.invalid/mcp", "require_approval": "never"}
    condensed = [{"type": "compaction", "compact_threshold": 1000}]
    told = explained(either, model, background=True, truncation="auto", context_management=condensed, tools=[server])
    assert told["needs"] == "the engine"
    assert told["because"] == ["background", "truncation", "context_management", "tools"]
    assert told["missing"] == [{"type": "mcp", "server_label": "dice"}]
    assert upstream.count(model) == 0


@pytest.mark.parametrize(
    ("explain", "fields", "status", "param"),
    [
        ("yes", {}, 400, "x-gateway-explain"),
        ("", {}, 400, "x-gateway-explain"),
        ("TRUE", {"temperature": "hot"}, 400, "temperature"),
        ("1", {"previous_response_id": "resp_1"}, 404, "previous_response_id"),
    ],
)
def test_what_would_be_an_error_is_one(
    either: Gateway, upstream: Upstream, explain: str, fields: Json, status: int, param: str
) -> None:
    model = upstream.script(chat.answer())
    answer = ask(either, model, explain, **fields)
    assert (answer.status_code, error_of(answer)["param"]) == (status, param)
    assert upstream.count(model) == 0


def test_no_credential_is_told(other_gateway: Gateway, upstream: Upstream) -> None:
    answer = ask(other_gateway, upstream.script(chat.answer()))
    assert answer.json()["path"] == "/api/v1/chat/completions"
    assert answer.json()["headers"]["set"] == ["accept-encoding", "content-length", "content-type", "authorization"]
    assert KEY not in answer.text
    assert "sk-of-the-caller" not in answer.text


def test_a_websocket_does_not_explain(alone: Gateway) -> None:
    url = f"{alone.url}/responses".replace("http", "ws", 1)
    with pytest.raises(InvalidStatus) as refused, connect(url, additional_headers={"x-gateway-explain": "1"}):
        pass
    assert refused.value.response.status_code == 400
    assert b"x-gateway-explain" in (refused.value.response.body or b"")
