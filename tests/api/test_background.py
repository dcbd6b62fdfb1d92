"""Background responses over HTTP: what the caller, and anybody else, gets of them while they are made."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.api.serving import Api
from tests.events import Json, events_of
from tests.real import chat
from tests.real.upstream import Gate, Upstream
from tests.waiting import until


class Made:
    """A response that has said "Hel", and ends when its gate opens."""

    def __init__(self, api: Api, upstream: Upstream, **fields: object) -> None:
        self.gate = Gate()
        model = upstream.script([chat.EVENTS, *chat.text("Hel"), self.gate, *chat.text("lo"), chat.finish()])
        self.api = api
        self.model = model
        self.queued = api.post("/v1/responses", {"model": model, "input": "hi", "background": True, **fields})
        self.path = f"/v1/responses/{self.queued['id']}"
        until(lambda: bool(self.read()["output"]), "the first words")

    def read(self) -> Json:
        return self.api.get(self.path)

    def end(self) -> Json:
        self.gate.open()
        until(lambda: self.read()["status"] == "completed", "the end")
        return self.read()


@pytest.fixture
def made(api: Api, upstream: Upstream) -> Made:
    return Made(api, upstream)


def test_it_is_queued_and_shows_how_far_it_has_come(made: Made) -> None:
    assert (made.queued["status"], made.queued["background"], made.queued["store"]) == ("queued", True, True)
    shown = made.read()
    assert (shown["status"], shown["output"][0]["content"][0]["text"]) == ("in_progress", "Hel")
    assert made.end()["output"][0]["content"][0]["text"] == "Hello"


def test_its_events_can_be_followed_from_any_number_on(made: Made) -> None:
    with made.api.stream("GET", made.path, params={"stream": "true", "starting_after": 3}) as following:
        assert following.headers["content-type"].startswith("text/event-stream")
        lines = (line for line in following.iter_lines() if line.startswith("data: {"))
        assert next_of(lines)["sequence_number"] == 4
        made.gate.open()
        rest = [json.loads(line.removeprefix("data: ")) for line in lines]
    whole = events_of(made.api.call("GET", made.path, params={"stream": "true"}).text)
    assert rest == whole[5:]
    assert [event["sequence_number"] for event in whole] == list(range(len(whole)))


def next_of(lines: Iterator[str]) -> Json:
    found: Json = json.loads(next(lines).removeprefix("data: "))
    return found


def test_it_streams_at_once_and_goes_on_when_its_client_has_left(api: Api, upstream: Upstream) -> None:
    gate = Gate()
    model = upstream.script([chat.EVENTS, *chat.text("Hel"), gate, *chat.text("lo"), chat.finish()])
    asked = {"model": model, "input": "hi", "background": True, "stream": True}
    with api.stream("POST", "/v1/responses", json=asked) as response:
        lines = (line for line in response.iter_lines() if line.startswith("data: {"))
        seen = [next_of(lines)]
        while "delta" not in seen[-1]:
            seen.append(next_of(lines))
    gate.open()
    path, last = f"/v1/responses/{seen[0]['response']['id']}", seen[-1]["sequence_number"]
    rest = events_of(api.call("GET", path, params={"stream": "true", "starting_after": last}).text)
    assert [event["sequence_number"] for event in seen + rest] == list(range(len(seen + rest)))
    assert rest[-1]["response"] == api.get(path)
    assert rest[-1]["response"]["output"][0]["content"][0]["text"] == "Hello"


def test_cancelling_gives_what_there_is_as_often_as_it_is_asked_for(made: Made, upstream: Upstream) -> None:
    cancelled = made.api.post(f"{made.path}/cancel")
    assert (cancelled["status"], cancelled["output"][0]["content"][0]["text"]) == ("cancelled", "Hel")
    upstream.received(made.model).await_gone()
    assert made.api.post(f"{made.path}/cancel") == cancelled == made.read()


def test_cancelling_what_has_ended_gives_what_it_has_become(made: Made) -> None:
    ended = made.end()
    assert made.api.post(f"{made.path}/cancel") == ended


def test_deleting_it_stops_it(made: Made, upstream: Upstream) -> None:
    assert made.api.delete(made.path)["deleted"]
    upstream.received(made.model).await_gone()
    assert made.api.refused("GET", made.path)[0] == 404
    assert made.api.refused("DELETE", made.path)[0] == 404


def test_what_it_is_made_from_can_be_listed_meanwhile(made: Made, upstream: Upstream) -> None:
    first = made.end()
    second = Made(made.api, upstream, input="And?", previous_response_id=first["id"])
    meanwhile = made.api.get(f"{second.path}/input_items", order="asc")
    assert [item["content"][0]["text"] for item in meanwhile["data"]] == ["hi", "Hello", "And?"]
    second.end()
    assert made.api.get(f"{second.path}/input_items", order="asc") == meanwhile


def test_a_turn_of_a_conversation_lists_it_too(api: Api, upstream: Upstream) -> None:
    items = [{"role": "user", "content": "before"}]
    conversation = api.post("/v1/conversations", {"items": items})["id"]
    made = Made(api, upstream, conversation=conversation)
    listed = api.get(f"{made.path}/input_items", order="asc")
    assert [item["content"][0]["text"] for item in listed["data"]] == ["before", "hi"]
    made.end()
    assert len(api.get(f"/v1/conversations/{conversation}/items")["data"]) == 3


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("GET", "?stream=true"), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")]
)
def test_to_somebody_else_it_is_unknown(made: Made, stranger: Api, method: str, path: str) -> None:
    status, error = stranger.refused(method, f"{made.path}{path}")
    assert (status, error["message"]) == (404, f"Response with id '{made.queued['id']}' not found.")
    assert made.read()["status"] == "in_progress"
    made.end()


def test_it_can_be_continued_when_it_has_ended(made: Made, stranger: Api) -> None:
    asked = {"model": made.model, "input": "And?", "previous_response_id": made.queued["id"]}
    status, error = made.api.refused("POST", "/v1/responses", json=asked)
    assert (status, error["code"], error["param"]) == (400, "previous_response_in_progress", "previous_response_id")
    assert stranger.refused("POST", "/v1/responses", json=asked)[0] == 404
    made.end()
    assert made.api.post("/v1/responses", asked)["previous_response_id"] == made.queued["id"]


def test_it_has_to_be_stored(api: Api) -> None:
    status, error = api.refused("POST", "/v1/responses", json={"model": "m", "input": "hi", "background": True, "store": False})
    assert (status, error["param"]) == (400, "background")


def test_it_can_be_made_from_a_prompt(api: Api, upstream: Upstream) -> None:
    model = upstream.script(chat.answer())
    prompt = api.post("/v1/prompts", {"instructions": [{"role": "user", "content": "Speak of {{city}}."}]})
    asked = {"model": model, "background": True, "prompt": {"id": prompt["id"], "variables": {"city": "Rome"}}}
    path = f"/v1/responses/{api.post('/v1/responses', asked)['id']}"
    until(lambda: api.get(path)["status"] == "completed", "the end")
    assert "Speak of Rome." in json.dumps(upstream.received(model).chat["messages"])
    assert api.get(path)["prompt"]["version"] == "1"
