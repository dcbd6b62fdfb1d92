"""Conversations: the eight operations."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from gw_extproc.core.ids import Ref, conversation_id, item_id
from tests.api.serving import Api
from tests.api.upstream_answers import says
from tests.events import Json
from tests.real.upstream import Upstream

THREAD = "0" * 24
UNKNOWN = conversation_id(THREAD)
ITEM = item_id("msg", Ref(THREAD, THREAD), 0)
READS: list[tuple[str, str, Json | None]] = [
    ("GET", "", None),
    ("POST", "", {"metadata": {}}),
    ("DELETE", "", None),
    ("GET", "/items", None),
    ("POST", "/items", {"items": [{"role": "user", "content": "hi"}]}),
]


def said(*texts: str) -> Json:
    return {"items": [{"role": "user", "content": text} for text in texts]}


def begun(api: Api, *texts: str) -> str:
    """The path of a conversation with these messages."""
    return f"/v1/conversations/{api.post('/v1/conversations', said(*texts))['id']}"


def texts(page: Json) -> list[str]:
    return [item["content"][0]["text"] for item in page["data"]]


def not_found(what: str, id: str) -> tuple[int, Json]:
    return 404, {"message": f"{what} with id '{id}' not found.", "type": "invalid_request_error", "param": None, "code": None}


@pytest.mark.parametrize("body", [None, {}, {"metadata": None, "items": None}, {"items": []}])
def test_a_conversation_may_begin_with_nothing(api: Api, body: Json | None) -> None:
    conversation = api.post("/v1/conversations", body)
    assert list(conversation) == ["id", "object", "created_at", "metadata"]
    assert (conversation["object"], conversation["metadata"]) == ("conversation", {})
    place = f"/v1/conversations/{conversation['id']}"
    assert api.get(place) == conversation
    assert api.get(f"{place}/items") == {"object": "list", "data": [], "first_id": "", "last_id": "", "has_more": False}


@pytest.mark.parametrize("depth", [252, 253, 400, 1000])
def test_an_item_that_could_not_be_given_back_is_refused(api: Api, depth: int) -> None:
    place = begun(api, "one")
    body = b'{"items":[{"type":"item of tomorrow","more":' + b"[" * depth + b"]" * depth + b"}]}"
    for path in ("/v1/conversations", f"{place}/items"):
        status, error = api.refused("POST", path, content=body, headers={"content-type": "application/json"})
        assert (status, error["code"]) == (400, "invalid_json")
    assert texts(api.get(f"{place}/items")) == ["one"]


def test_metadata_is_replaced(api: Api) -> None:
    conversation = api.post("/v1/conversations", {"metadata": {"a": "b", "c": "d"}})
    place = f"/v1/conversations/{conversation['id']}"
    changed = api.post(place, {"metadata": {"e": "f"}})
    assert changed == conversation | {"metadata": {"e": "f"}}
    assert api.get(place) == changed
    assert api.post(place, {"metadata": None})["metadata"] == {}


def test_items_are_added_in_order_under_ids_of_ours(api: Api) -> None:
    place = begun(api, "one", "two")
    added = api.post(f"{place}/items", {"items": [*said("three")["items"], {"role": "assistant", "content": "four", "id": "mine"}]})
    assert texts(added) == ["three", "four"]
    assert added["first_id"] != "mine"
    assert (added["last_id"], added["has_more"]) == (added["data"][1]["id"], False)
    assert texts(api.get(f"{place}/items", order="asc")) == ["one", "two", "three", "four"]
    assert texts(api.get(f"{place}/items")) == ["four", "three", "two", "one"]


def test_items_that_are_referred_to_are_copied(api: Api, stranger: Api) -> None:
    item = api.get(f"{begun(api, 'one')}/items")["data"][0]
    reference = {"items": [{"type": "item_reference", "id": item["id"]}]}
    (copied,) = api.post(f"{begun(api)}/items", reference)["data"]
    assert copied == item | {"id": copied["id"]}
    assert copied["id"] != item["id"]
    status, error = stranger.refused("POST", "/v1/conversations", json=reference)
    assert (status, error["param"]) == (404, "items[0]")
    assert error["message"].startswith(f"Item with id '{item['id']}' not found.")


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_pages_follow_each_other(api: Api, order: str, limit: int) -> None:
    place = f"{begun(api, *'abc')}/items"
    api.post(place, said(*"de"))
    found, page = [], api.get(place, limit=limit, order=order)
    while page["has_more"]:
        found += texts(page)
        page = api.get(place, limit=limit, order=order, after=page["last_id"])
    assert [*found, *texts(page)] == sorted("abcde", reverse=order == "desc")


def test_an_item_is_read_and_taken_out(api: Api) -> None:
    place = begun(api, "one", "two")
    conversation, (two, one) = api.get(place), api.get(f"{place}/items")["data"]
    assert api.get(f"{place}/items/{one['id']}") == one
    assert api.delete(f"{place}/items/{one['id']}") == conversation
    assert api.get(f"{place}/items")["data"] == [two]
    for method in ("GET", "DELETE"):
        assert api.refused(method, f"{place}/items/{one['id']}") == not_found("Item", one["id"])


def test_turns_of_a_response_are_items(api: Api, upstream: Upstream) -> None:
    place = begun(api, "one")
    id = place.rpartition("/")[2]
    response = api.post("/v1/responses", {"model": says(upstream, "three"), "input": "two", "conversation": id})
    assert response["conversation"] == {"id": id}
    listed = api.get(f"{place}/items", order="asc")
    assert texts(listed) == ["one", "two", "three"]
    assert listed["data"][2] == response["output"][0] == api.get(f"{place}/items/{listed['last_id']}")


def test_a_deleted_conversation_is_gone(api: Api) -> None:
    place = begun(api, "one")
    id = place.rpartition("/")[2]
    assert api.delete(place) == {"id": id, "object": "conversation.deleted", "deleted": True}
    for method, path, body in READS:
        assert api.refused(method, f"{place}{path}", json=body) == not_found("Conversation", id)


@pytest.mark.parametrize(("method", "path", "body"), READS)
@pytest.mark.parametrize("id", [UNKNOWN, "conv_1", "resp_1"])
def test_an_unknown_conversation_is_404(api: Api, method: str, path: str, body: Json | None, id: str) -> None:
    assert api.refused(method, f"/v1/conversations/{id}{path}", json=body) == not_found("Conversation", id)


@pytest.mark.parametrize(("method", "path", "body"), READS)
def test_the_conversation_of_somebody_else_is_as_unknown(api: Api, stranger: Api, method: str, path: str, body: Json | None) -> None:
    place = begun(api, "one")
    before = api.get(f"{place}/items")
    assert stranger.refused(method, f"{place}{path}", json=body) == not_found("Conversation", place.rpartition("/")[2])
    assert api.get(f"{place}/items") == before


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_item_of_elsewhere_is_404(api: Api, stranger: Api, method: str) -> None:
    place, other = begun(api, "one"), begun(api, "two")
    own, foreign = (api.get(f"{each}/items")["first_id"] for each in (place, other))
    for wrong in ("msg_1", ITEM, foreign, own.replace("msg_", "fc_")):
        assert api.refused(method, f"{place}/items/{wrong}") == not_found("Item", wrong)
    assert stranger.refused(method, f"{place}/items/{own}") == not_found("Item", own)
    assert api.get(f"{place}/items/{own}")["id"] == own


@pytest.mark.parametrize("after", ["msg_1", ITEM, "removed"])
def test_a_page_after_nothing_is_refused(api: Api, after: str) -> None:
    place = begun(api, "one", "two")
    if after == "removed":
        after = api.get(f"{place}/items")["first_id"]
        api.delete(f"{place}/items/{after}")
    status, error = api.refused("GET", f"{place}/items", params={"after": after})
    assert (status, error["message"], error["param"]) == (400, f"Invalid 'after': item with id '{after}' not found.", "after")
    assert api.refused("GET", f"/v1/conversations/{UNKNOWN}/items", params={"after": after}) == not_found("Conversation", UNKNOWN)


@pytest.mark.parametrize(
    ("path", "body", "param", "code"),
    [
        ("", {"metadata": "x"}, "metadata", "invalid_type"),
        ("", {"metadata": {str(number): "" for number in range(17)}}, "metadata", "object_above_max_properties"),
        ("", {"metadata": {"k": "v" * 513}}, "metadata.k", "string_above_max_length"),
        ("", said(*"a" * 21), "items", "array_above_max_length"),
        ("", {"items": [{"role": "user"}]}, "items[0].content", "missing_required_parameter"),
        ("/{id}", {}, "metadata", "missing_required_parameter"),
        ("/{id}", {"metadata": {"k": 5}}, "metadata.k", "invalid_type"),
        ("/{id}/items", {}, "items", "missing_required_parameter"),
        ("/{id}/items", {"items": "x"}, "items", "invalid_type"),
        ("/{id}/items", said(*"a" * 21), "items", "array_above_max_length"),
    ],
)
def test_a_wrong_body_is_refused_by_its_path(api: Api, path: str, body: Json, param: str, code: str) -> None:
    place = path.replace("{id}", begun(api).rpartition("/")[2])
    status, error = api.refused("POST", f"/v1/conversations{place}", json=body)
    assert (status, error["param"], error["code"]) == (400, param, code)


def test_items_of_one_call_stand_together_whoever_else_adds_some(api: Api) -> None:
    place = f"{begun(api)}/items"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: api.post(place, said(*[name] * 5)), "abcdefgh"))
    found = "".join(texts(api.get(place, limit=100, order="asc")))
    assert sorted(found[start : start + 5] for start in range(0, 40, 5)) == [name * 5 for name in "abcdefgh"]
