"""Models: what the upstream lists, in one form, and further names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gw_extproc.schema import answers
from tests.api.conftest import settings
from tests.api.serving import Api, served, strictly
from tests.events import Json
from tests.real import chat
from tests.real import upstream as upstreams
from tests.real.upstream import Received, Step, Upstream

SMALL: Json = {"id": "small", "object": "model", "created": 1_700_000_000, "owned_by": "somebody"}


def listing(document: object, status: int = 200) -> list[Step]:
    return [upstreams.Head(status, {"content-type": "application/json"}), chat.encoded(document)]


@pytest.fixture
def own() -> Iterator[Upstream]:
    with upstreams.running() as own:
        yield own


@pytest.fixture
def models(own: Upstream, store_url: str) -> Iterator[Api]:
    """A server with that upstream, which has two further names for models."""
    options = settings(own, store_url, model_aliases="fast=small,odd=gone,small=other")
    with served(options) as server, Api(server, "of-the-caller") as api:
        yield api


def offer(own: Upstream, document: object, status: int = 200) -> None:
    own.script(listing(document, status), key="/v1/models")


def asked(own: Upstream) -> Received:
    return own.received("/v1/models")


def test_models_are_those_of_the_upstream_and_further_names(own: Upstream, models: Api) -> None:
    offer(own, {"object": "list", "data": [SMALL]})
    found = models.get("/v1/models")
    strictly(answers.ModelList, found)
    assert found["data"] == [
        SMALL,
        SMALL | {"id": "fast"},
        {"id": "odd", "object": "model", "created": 0, "owned_by": "unknown"},
    ]
    assert asked(own).headers["authorization"] == "Bearer of-the-caller"


def test_one_model_is_found_in_the_list(own: Upstream, models: Api) -> None:
    offer(own, {"object": "list", "data": [SMALL, SMALL | {"id": "maker/model:7b"}]})
    strictly(answers.Model, models.get("/v1/models/small"))
    assert models.get("/v1/models/fast") == SMALL | {"id": "fast"}
    assert models.get("/v1/models/maker/model:7b")["id"] == "maker/model:7b"
    assert models.get("/v1/models/maker%2Fmodel:7b")["id"] == "maker/model:7b"
    status, error = models.refused("GET", "/v1/models/large")
    assert (status, error["message"], error["param"], error["code"]) == (
        404,
        "The model 'large' does not exist.",
        "model",
        "model_not_found",
    )


@pytest.mark.parametrize(
    "document",
    [
        [{"id": "small", "context_length": 8192}],
        {"data": [{"id": "small", "created": None, "owned_by": None, "context_length": 8192}, {"name": "nameless"}, "small"]},
    ],
)
def test_every_model_gets_the_fields_of_the_document(own: Upstream, models: Api, document: object) -> None:
    offer(own, document)
    assert models.get("/v1/models/small") == {
        "id": "small",
        "context_length": 8192,
        "object": "model",
        "created": 0,
        "owned_by": "unknown",
    }


@pytest.mark.parametrize("document", [{"object": "list", "data": None}, {}, "no"])
def test_an_upstream_may_list_nothing(own: Upstream, models: Api, document: object) -> None:
    offer(own, document)
    assert [model["id"] for model in models.get("/v1/models")["data"]] == ["fast", "odd", "small"]


def test_the_upstreams_refusal_is_given_back(own: Upstream, models: Api) -> None:
    offer(own, {"error": {"message": "Wrong key.", "type": "invalid_request_error", "code": "invalid_api_key"}}, 401)
    status, error = models.refused("GET", "/v1/models")
    assert (status, error["message"], error["code"]) == (401, "Wrong key.", "invalid_api_key")


def test_what_is_no_list_is_the_upstreams_fault(own: Upstream, models: Api) -> None:
    own.script([chat.JSON, b"<html>"], key="/v1/models")
    answer = models.call("GET", "/v1/models")
    assert (answer.status_code, answer.json()["error"]["message"]) == (502, "The upstream's list of models is not JSON.")


def test_the_gateways_own_key_is_sent(own: Upstream, store_url: str) -> None:
    offer(own, {"data": []})
    with served(settings(own, store_url, upstream_api_key="sk-own")) as server, Api(server) as api:
        assert api.get("/v1/models")["data"] == []
    assert asked(own).headers["authorization"] == "Bearer sk-own"
