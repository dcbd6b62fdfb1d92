"""Stored responses: read, cancelled, deleted, and the items they were made from."""

from __future__ import annotations

import pytest

from gw_extproc.core.ids import Ref, response_id
from tests.api.serving import Api
from tests.api.upstream_answers import EVERYTHING, says, says_all
from tests.events import Json, events_of
from tests.real.upstream import Upstream

UNKNOWN = response_id(Ref("0" * 24, "1" * 24))
READS = [("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")]

LOGPROBS = "message.output_text.logprobs"
SEALED = "reasoning.encrypted_content"


def made(api: Api, upstream: Upstream, **fields: object) -> Json:
    return api.post("/v1/responses", {"model": says(upstream), "input": "hi", **fields})


def test_what_was_answered_can_be_read_again(api: Api, upstream: Upstream) -> None:
    response = made(api, upstream)
    assert response["store"] is True
    assert api.get(f"/v1/responses/{response['id']}") == response


@pytest.mark.parametrize(("method", "path"), READS)
@pytest.mark.parametrize("id", [UNKNOWN, "resp_1", "conv_1", "x" * 100])
def test_an_unknown_id_is_404(api: Api, method: str, path: str, id: str) -> None:
    status, error = api.refused(method, f"/v1/responses/{id}{path}")
    shown = id if len(id) <= 64 else f"{id[:64]}..."
    assert (status, error["message"], error["param"], error["code"]) == (404, f"Response with id '{shown}' not found.", None, None)


@pytest.mark.parametrize(("method", "path"), READS)
def test_the_response_of_somebody_else_is_as_unknown(api: Api, stranger: Api, upstream: Upstream, method: str, path: str) -> None:
    response = made(api, upstream)
    place = f"/v1/responses/{response['id']}"
    assert stranger.refused(method, f"{place}{path}") == (404, unknown(response["id"]))
    assert api.get(place) == response


def unknown(id: str) -> Json:
    return {"message": f"Response with id '{id}' not found.", "type": "invalid_request_error", "param": None, "code": None}


def test_what_is_not_stored_is_unknown(api: Api, upstream: Upstream) -> None:
    response = made(api, upstream, store=False)
    assert api.refused("GET", f"/v1/responses/{response['id']}")[0] == 404


def test_what_continued_a_deleted_response_still_shows_its_own_input(api: Api, upstream: Upstream) -> None:
    first = made(api, upstream)
    second = made(api, upstream, input="and then?", previous_response_id=first["id"])
    api.delete(f"/v1/responses/{first['id']}")
    listed = api.get(f"/v1/responses/{second['id']}/input_items")
    assert [item["content"][0]["text"] for item in listed["data"]] == ["and then?"]


def test_a_deleted_response_is_gone(api: Api, upstream: Upstream) -> None:
    response = made(api, upstream)
    place = f"/v1/responses/{response['id']}"
    assert api.delete(place) == {"id": response["id"], "object": "response", "deleted": True}
    for method, path in READS:
        assert api.refused(method, f"{place}{path}") == (404, unknown(response["id"]))


def test_a_finished_response_cannot_be_cancelled(api: Api, upstream: Upstream) -> None:
    response = made(api, upstream)
    status, error = api.refused("POST", f"/v1/responses/{response['id']}/cancel")
    assert (status, error["message"]) == (400, "Cannot cancel a synchronous response.")
    assert api.get(f"/v1/responses/{response['id']}") == response


def test_events_are_told_again_as_they_were(api: Api, upstream: Upstream) -> None:
    live = api.call("POST", "/v1/responses", json=EVERYTHING | {"model": says_all(upstream), "stream": True})
    *events, done = live.text.removesuffix("\n\n").split("\n\n")
    place = f"/v1/responses/{events_of(live.text)[0]['response']['id']}"
    again = api.call("GET", place, params={"stream": "true"})
    assert again.headers["content-type"] == live.headers["content-type"]
    assert again.text == live.text
    for number in (0, 3, len(events) - 1, len(events), 10**6):
        rest = api.call("GET", place, params={"stream": "true", "starting_after": number}).text
        assert rest == "\n\n".join([*events[number + 1 :], done, ""])


def test_only_what_is_asked_for_is_shown(api: Api, upstream: Upstream) -> None:
    response = api.post("/v1/responses", EVERYTHING | {"model": says_all(upstream)})
    place = f"/v1/responses/{response['id']}"
    assert api.get(place, **{"include[]": [LOGPROBS, SEALED]}) == response
    thought, message = api.get(place)["output"][:2]
    assert "encrypted_content" not in thought
    assert message["content"][0]["logprobs"] == []
    assert "encrypted_content" in api.get(place, include=SEALED)["output"][0]
    assert api.get(place, include=LOGPROBS)["output"][1] == response["output"][1]


def test_reasoning_can_be_asked_for_afterwards(api: Api, stranger: Api, upstream: Upstream) -> None:
    response = api.post("/v1/responses", EVERYTHING | {"model": says_all(upstream), "include": []})
    thought = api.get(f"/v1/responses/{response['id']}", include=SEALED)["output"][0]
    sealed = {"type": "reasoning", "summary": [], "encrypted_content": thought["encrypted_content"]}
    items = {"items": [sealed]}
    kept = api.post(f"/v1/conversations/{api.post('/v1/conversations')['id']}/items", items)
    assert kept["data"][0]["content"] == thought["content"]
    status, error = stranger.refused("POST", "/v1/conversations", json=items)
    assert (status, error["param"], error["code"]) == (400, "items[0].encrypted_content", "invalid_encrypted_content")


def test_the_whole_context_is_listed(api: Api, upstream: Upstream) -> None:
    first = made(api, upstream, input="one")
    second = made(api, upstream, input=[{"role": "user", "content": "two"}], previous_response_id=first["id"])
    listed = api.get(f"/v1/responses/{second['id']}/input_items", order="asc")
    texts = [item["content"][0]["text"] for item in listed["data"]]
    assert texts == ["one", "Hello", "two"]
    assert listed["data"][1] == first["output"][0]
    assert [item["id"] for item in api.get(f"/v1/responses/{first['id']}/input_items")["data"]] == [listed["first_id"]]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_follow_each_other(api: Api, upstream: Upstream, order: str, limit: int) -> None:
    response = made(api, upstream, input=[{"role": "user", "content": str(number)} for number in range(7)])
    place = f"/v1/responses/{response['id']}/input_items"
    whole = api.get(place, limit=100, order=order)
    assert [item["content"][0]["text"] for item in whole["data"]] == sorted("0123456", reverse=order == "desc")
    assert (whole["has_more"], whole["first_id"], whole["last_id"]) == (False, whole["data"][0]["id"], whole["data"][-1]["id"])
    pages, page = [], api.get(place, limit=limit, order=order)
    while page["has_more"]:
        pages += page["data"]
        page = api.get(place, limit=limit, order=order, after=page["last_id"])
    assert [*pages, *page["data"]] == whole["data"]


def test_a_page_has_20_items_newest_first(api: Api, upstream: Upstream) -> None:
    response = made(api, upstream, input=[{"role": "user", "content": str(number)} for number in range(25)])
    page = api.get(f"/v1/responses/{response['id']}/input_items")
    assert [item["content"][0]["text"] for item in page["data"]] == [str(number) for number in range(24, 4, -1)]
    assert page["has_more"] is True


def test_items_that_share_a_name_do_not_hold_up_a_list(api: Api, upstream: Upstream) -> None:
    response = made(api, upstream, input=[{"role": "user", "content": "hi", "id": "mine"} for _ in range(3)])
    place = f"/v1/responses/{response['id']}/input_items"
    assert api.get(place, limit=1)["has_more"] is True
    assert api.get(place, limit=1, after="mine") == {"object": "list", "data": [], "first_id": "", "last_id": "", "has_more": False}


def test_a_page_after_nothing_is_refused(api: Api, upstream: Upstream) -> None:
    response = made(api, upstream)
    status, error = api.refused("GET", f"/v1/responses/{response['id']}/input_items", params={"after": "msg_1"})
    assert (status, error["message"], error["param"]) == (400, "Invalid 'after': item with id 'msg_1' not found.", "after")
