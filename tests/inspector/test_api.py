"""What the inspector's page asks for: all workers' exchanges, one of them, what changes, a playground; and who is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import httpx2
import pytest

from tests.gateway_process import Gateway
from tests.inspector.conftest import inspected
from tests.real import chat
from tests.real.callers import asking, post, streaming
from tests.real.upstream import Gate, Upstream
from tests.waiting import DEADLINE, until

JSON = {"content-type": "application/json"}


def listed(api: httpx2.Client, **wanted: Any) -> list[Any]:
    answer = api.get("/exchanges", params=wanted)
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["exchanges"]
    return found


def looked_at(api: httpx2.Client, id: str) -> Any:
    """The exchange of a response, as soon as it has ended."""
    until(lambda: [row["state"] for row in listed(api, id=id)] not in ([], ["running"]), "its end")
    (row,) = listed(api, id=id)
    return api.get(f"/exchanges/{row['id']}").json()


def test_one_exchange_from_the_request_to_the_answer(gateway: Gateway, api: httpx2.Client, upstream: Upstream) -> None:
    model = upstream.script([chat.EVENTS, *chat.text("Hel", "lo"), chat.finish()])
    with streaming(gateway, model) as events:
        id = list(events)[-1]["response"]["id"]
    seen = looked_at(api, id)
    assert (seen["door"], seen["state"], seen["model"], seen["http"], seen["stored"]) == ("inline", "completed", model, 200, True)
    assert (seen["tokens"]["input"], seen["tokens"]["output"]) == (chat.USAGE["prompt_tokens"], chat.USAGE["completion_tokens"])
    assert {step["kind"] for step in seen["steps"]} >= {"model", "store"}
    assert 0 < seen["first_token"] <= seen["seconds"]
    captured = seen["captured"]
    assert json.loads(captured["request"]) == asking(model, stream=True)
    assert json.loads(captured["chats"][0])["messages"] == [{"role": "user", "content": "Go on."}]
    assert json.loads(captured["answer"])["id"] == id
    said = "".join(text for _, text in captured["events"])
    assert said.startswith("event: response.created")
    assert "event: response.completed" in said


def test_both_workers_are_seen_and_narrowed_alike(gateway: Gateway, api: httpx2.Client, upstream: Upstream) -> None:
    model = upstream.script([chat.JSON, chat.completion(content="Hello")])
    workers: set[str] = set()

    def both() -> bool:
        post(gateway, model)
        workers.update(row["worker"] for row in listed(api, model=model))
        return workers == {"0", "1"}

    until(both, "an answer of each worker")
    found = listed(api, model=model, state="completed")
    assert [row["at"] for row in found] == sorted((row["at"] for row in found), reverse=True)
    for row in found:
        assert api.get(f"/exchanges/{row['id']}").json()["response_id"] == row["response_id"]
    assert len(listed(api, model=model, limit=1)) == 1


def is_among(api: httpx2.Client, wanted: Mapping[str, str]) -> bool:
    return "invalid_type" in {row["error"] for row in listed(api, **wanted)}


def test_what_was_refused_is_found_among_the_errors(gateway: Gateway, api: httpx2.Client) -> None:
    assert post(gateway, "any", temperature="hot").status_code == 400
    for wanted in ({"errors": "1"}, {"state": "rejected"}):
        until(partial(is_among, api, wanted), "its row, whichever worker is asked")


def test_a_thread_is_found_by_its_responses(gateway: Gateway, api: httpx2.Client, upstream: Upstream) -> None:
    model = upstream.script([chat.JSON, chat.completion(content="Hello")])
    first = post(gateway, model).json()["id"]
    second = post(gateway, model, previous_response_id=first).json()["id"]
    thread = looked_at(api, second)["thread"]
    until(lambda: len(listed(api, thread=thread)) == 2, "both")
    assert [row["response_id"] for row in listed(api, thread=thread)] == [second, first]


def test_what_runs_is_told_while_it_runs_then_its_end(gateway: Gateway, api: httpx2.Client, upstream: Upstream) -> None:
    gate = Gate()
    model = upstream.script([chat.EVENTS, *chat.text("Hel"), gate, *chat.text("lo"), chat.finish()])
    with api.stream("GET", "/stream", params={"model": model}) as changes, streaming(gateway, model) as events:
        assert changes.headers["content-type"].startswith("text/event-stream")
        rows = (row for line in changes.iter_lines() if line.startswith("data: ") for row in json.loads(line[6:])["exchanges"])
        row = next(rows)
        assert (row["state"], row["model"]) == ("running", model)
        gate.open()
        assert list(events)[-1]["type"] == "response.completed"
        assert next(row["state"] for row in rows if row["state"] != "running") == "completed"


def test_the_playground_is_answered_like_any_client(api: httpx2.Client, upstream: Upstream) -> None:
    model = upstream.script(chat.answer("Hello"))
    headers = {**JSON, "authorization": "Bearer sk-of-the-page", "cookie": "a=b"}
    answer = api.post("/playground", content=json.dumps(asking(model, stream=True)), headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "response.completed" in answer.text
    received = upstream.received(model)
    assert received.headers["authorization"] == "Bearer sk-of-the-page"
    assert "cookie" not in received.headers
    assert [row["door"] for row in listed(api, model=model)] == ["http"]
    explained = api.post("/playground", content=json.dumps(asking(model)), headers={**JSON, "x-gateway-explain": "1"}).json()
    assert explained["object"] == "gateway.explanation"
    assert "explained" in {row["reason"] for row in listed(api, model=model)}


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"host": "evil.example"}, "host_not_allowed"),
        ({"host": "evil.example:9090", "origin": "http://evil.example:9090"}, "host_not_allowed"),
        ({"origin": "http://evil.example"}, "origin_not_allowed"),
        ({"origin": "null"}, "origin_not_allowed"),
        ({"sec-fetch-site": "cross-site"}, "origin_not_allowed"),
    ],
)
def test_other_pages_are_refused(api: httpx2.Client, upstream: Upstream, headers: Mapping[str, str], code: str) -> None:
    """Also by the names that they let resolve to this address (DNS rebinding)."""
    model = upstream.script(chat.answer())
    for answer in (
        api.post("/playground", content=json.dumps(asking(model)), headers={**JSON, **headers}),
        api.get("/exchanges", headers=headers),
        api.get("/stream", headers=headers),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, code)
        assert "access-control-allow-origin" not in answer.headers
    assert upstream.count(model) == 0


def test_what_a_form_of_another_page_can_send_is_no_request(api: httpx2.Client, upstream: Upstream) -> None:
    model = upstream.script(chat.answer())
    answer = api.post("/playground", content=json.dumps(asking(model)), headers={"content-type": "text/plain"})
    assert (answer.status_code, upstream.count(model)) == (415, 0)
    assert api.get("/playground").status_code == 405


def test_a_page_that_is_open_does_not_hold_up_the_end(upstream: Upstream) -> None:
    """Which leaves no trace in the log, as the fixture checks."""
    with inspected(upstream, command="http") as gateway, httpx2.stream("GET", f"{gateway.inspector}/api/stream") as changes:
        lines = changes.iter_lines()
        next(lines)
        gateway.process.terminate()
        list(lines)


@pytest.mark.parametrize("name", ["../app.py", "..%2fapp.py", "none.js", "index.html~"])
def test_only_the_page_is_served(gateway: Gateway, name: str) -> None:
    answer = httpx2.get(f"{gateway.inspector}/{name}", timeout=DEADLINE)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("query", "param"),
    [({"state": "odd"}, "state"), ({"slow": "x"}, "slow"), ({"errors": "yes"}, "errors"), ({"limit": "-1"}, "limit")],
)
def test_a_filter_that_cannot_be_read_is_named(api: httpx2.Client, query: Mapping[str, str], param: str) -> None:
    answer = api.get("/exchanges", params=query)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
