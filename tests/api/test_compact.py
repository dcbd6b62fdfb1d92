"""POST /v1/responses/compact: what comes back, what the model is asked, and that a context goes on from there."""

from __future__ import annotations

from typing import Any

import pytest

from gw_extproc.schema import answers
from tests import valkey
from tests.api.conftest import settings
from tests.api.serving import Api, good, served, strictly
from tests.api.upstream_answers import says
from tests.events import Json
from tests.real import chat
from tests.real.upstream import Upstream

TALK: list[Json] = [
    {"role": "user", "content": "I am Ada."},
    {"role": "assistant", "content": "Hello, Ada."},
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Look."}]},
    {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "call_1", "output": "a cat"},
]


def compacted(api: Api, model: str, asked: object = TALK, **fields: Any) -> Json:
    return api.post("/v1/responses/compact", {"model": model, "input": asked, **fields})


def told(upstream: Upstream, model: str) -> list[Json]:
    messages = upstream.received(model).chat["messages"]
    assert isinstance(messages, list)
    return messages


def test_the_users_messages_stay_and_one_item_holds_the_rest(api: Api, upstream: Upstream) -> None:
    found = compacted(api, says(upstream, "Ada saw a cat."))
    strictly(answers.CompactedResponse, found)
    assert found["object"] == "response.compaction"
    first, second, condensed = found["output"]
    assert [message["content"][0]["text"] for message in (first, second)] == ["I am Ada.", "Look."]
    assert (condensed["type"], "Ada" in condensed["encrypted_content"]) == ("compaction", False)
    assert len({item["id"] for item in found["output"]}) == 3
    assert (found["usage"]["input_tokens"], found["usage"]["output_tokens"]) == (11, 7)


def test_the_model_is_asked_to_condense_all_of_it(api: Api, upstream: Upstream) -> None:
    model = says(upstream)
    compacted(api, model, instructions="Be polite.", prompt_cache_key="key")
    system, *messages, request = told(upstream, model)
    assert system["role"] == "system"
    assert system["content"].startswith("You condense the conversation")
    assert system["content"].endswith("Be polite.")
    assert [message["role"] for message in messages] == ["user", "assistant", "user", "assistant", "tool"]
    assert request == {"role": "user", "content": "Write the summary now."}


def test_what_it_can_be_steered_by_reaches_a_server_that_knows_it(upstream: Upstream, store_url: str) -> None:
    steering = {"prompt_cache_key": "key", "prompt_cache_retention": "24h", "service_tier": "flex"}
    with served(settings(upstream, store_url, dialect="openai")) as at, Api(at) as api:
        model = says(upstream)
        compacted(api, model, **steering)
        received = upstream.received(model).chat
        assert {name: received[name] for name in steering} == steering


def test_a_context_goes_on_from_there(api: Api, upstream: Upstream) -> None:
    condensed = compacted(api, says(upstream, "Ada saw a cat."))["output"]
    model = says(upstream)
    first = api.post("/v1/responses", {"model": model, "input": [*condensed, {"role": "user", "content": "What?"}]})
    api.post("/v1/responses", {"model": model, "input": "And?", "previous_response_id": first["id"]})
    context = ["I am Ada.", "Look.", "Summary of the conversation so far:\nAda saw a cat.", "What?"]
    assert [message["content"] for message in told(upstream, model)] == context
    assert [message["content"] for message in told(upstream, model)] == [*context, "Hello", "And?"]


def test_it_can_be_condensed_again(api: Api, upstream: Upstream) -> None:
    condensed = compacted(api, says(upstream, "Ada saw a cat."))["output"]
    model = says(upstream, "More.")
    again = compacted(api, model, [*condensed, {"role": "user", "content": "More!"}])
    assert "Summary of the conversation so far:\nAda saw a cat." in [message["content"] for message in told(upstream, model)]
    assert [item["type"] for item in again["output"]] == ["message", "message", "message", "compaction"]


def test_a_stored_chain_is_condensed_by_its_id(api: Api, upstream: Upstream) -> None:
    first = api.post("/v1/responses", {"model": says(upstream), "input": "one"})
    model = says(upstream)
    found = compacted(api, model, "two", previous_response_id=first["id"])
    assert [message["content"] for message in told(upstream, model)][1:] == ["one", "Hello", "two", "Write the summary now."]
    assert [item["content"][0]["text"] for item in found["output"][:-1]] == ["one", "two"]
    alone = api.post("/v1/responses/compact", {"model": model, "previous_response_id": first["id"]})
    assert [item["type"] for item in alone["output"]] == ["message", "compaction"]


def test_nothing_of_it_is_stored(api: Api, upstream: Upstream) -> None:
    found = compacted(api, says(upstream))
    assert api.refused("GET", f"/v1/responses/{found['id']}")[0] == 404


def test_somebody_else_cannot_use_it(api: Api, stranger: Api, upstream: Upstream) -> None:
    condensed = compacted(api, says(upstream))["output"]
    status, error = stranger.refused("POST", "/v1/responses", json={"model": "m", "input": condensed})
    assert (status, error["code"], error["param"]) == (400, "invalid_encrypted_content", "input[2].encrypted_content")


def test_an_error_of_the_upstream_is_passed_on(api: Api, upstream: Upstream) -> None:
    refusing = upstream.script(
        chat.refusal(429, {"error": {"message": "Slow down.", "type": "tokens", "code": "rate"}}, retry_after="7")
    )
    answer = api.call("POST", "/v1/responses/compact", json={"model": refusing, "input": TALK})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.json()["error"] == {"message": "Slow down.", "type": "tokens", "param": None, "code": "rate"}


@pytest.mark.parametrize(
    "message", [{"content": ""}, {"content": " \n"}, {"content": None, "refusal": "No."}, {"reasoning_content": "Hm."}]
)
def test_a_model_that_gives_no_summary_is_an_error(api: Api, upstream: Upstream, message: Json) -> None:
    model = upstream.script([chat.JSON, chat.completion(**message)])
    answer = api.call("POST", "/v1/responses/compact", json={"model": model, "input": TALK})
    assert answer.status_code == 502
    assert answer.json()["error"]["message"] == "The model gave no summary."


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"input": TALK}, 400, "model"),
        ({"model": "m"}, 400, "input"),
        ({"model": "m", "input": []}, 400, "input"),
        ({"model": "m", "input": 5}, 400, "input"),
        ({"model": "m", "previous_response_id": "resp_1"}, 404, "previous_response_id"),
        ({"model": "m", "input": [{"type": "item_reference", "id": "msg_1"}]}, 404, "input[0]"),
    ],
)
def test_what_cannot_be_condensed_is_refused(api: Api, body: Json, status: int, param: str) -> None:
    found, error = api.refused("POST", "/v1/responses/compact", json=body)
    assert (found, error["param"]) == (status, param)


def test_without_keys_the_model_is_not_even_asked(upstream: Upstream) -> None:
    with valkey.running() as store:
        store.kill()
        with served(settings(upstream, store.url)) as at, Api(at) as api:
            model = says(upstream)
            answer = api.call("POST", "/v1/responses/compact", json={"model": model, "input": TALK})
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert upstream.count(model) == 0
            store.start()


def test_a_text_is_a_context_too(api: Api, upstream: Upstream) -> None:
    found = compacted(api, says(upstream), "hello")
    assert good(api.call("POST", "/v1/responses/compact", json={"model": says(upstream), "input": found["output"]}))


def test_the_summary_is_never_shown_open(api: Api, upstream: Upstream) -> None:
    model = says(upstream, "Ada saw a cat.")
    (*_, condensed) = compacted(api, model)["output"]
    first = api.post("/v1/responses", {"model": model, "input": [condensed]})
    conversation = api.post("/v1/conversations", {"items": [condensed]})
    for place in (f"/v1/responses/{first['id']}/input_items", f"/v1/conversations/{conversation['id']}/items"):
        (listed,) = api.get(place)["data"]
        assert {**listed, "id": ""} == {**condensed, "id": "", "status": "completed"}
