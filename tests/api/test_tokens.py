"""POST /v1/responses/input_tokens: counted by the backend's own tokenizer where it has one, else an estimate that says it is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from tests.api.conftest import settings
from tests.api.serving import Api, good, served
from tests.api.upstream_answers import says
from tests.events import Json
from tests.real import chat
from tests.real.upstream import Step, Stop, Upstream

ESTIMATED = "estimated: input_tokens"
LOOK: Json = {"type": "function", "name": "look", "parameters": {"type": "object"}}
TOKENIZE, TEMPLATE = "/tokenize", "/apply-template"


@pytest.fixture(scope="module")
def vllm(upstream: Upstream, store_url: str) -> Iterator[Api]:
    with served(settings(upstream, store_url, dialect="vllm", model_aliases="fast=small")) as at, Api(at) as api:
        yield api


@pytest.fixture(scope="module")
def llamacpp(upstream: Upstream, store_url: str) -> Iterator[Api]:
    with served(settings(upstream, store_url, dialect="llamacpp")) as at, Api(at) as api:
        yield api


def counted(api: Api, **body: object) -> int:
    """The number, which is no estimate."""
    answer = api.call("POST", "/v1/responses/input_tokens", json={"input": "hello", **body})
    assert "x-gateway-notice" not in answer.headers, answer.text
    return number(good(answer))


def estimated(api: Api, **body: object) -> int:
    answer = api.call("POST", "/v1/responses/input_tokens", json={"input": "hello", **body})
    assert answer.headers["x-gateway-notice"] == ESTIMATED
    return number(good(answer))


def number(found: Json) -> int:
    assert found.keys() == {"object", "input_tokens"}
    assert found["object"] == "response.input_tokens"
    assert isinstance(found["input_tokens"], int)
    return int(found["input_tokens"])


def gives(answer: object) -> Sequence[Step]:
    return [chat.JSON, chat.encoded(answer)]


def test_vllm_counts_what_the_model_would_be_sent(vllm: Api, upstream: Upstream) -> None:
    model = upstream.script(gives({"count": 42, "tokens": [1, 2]}))
    assert counted(vllm, model=model, instructions="Be short.", tools=[LOOK]) == 42
    received = upstream.received(model)
    assert (received.method, received.path) == ("POST", TOKENIZE)
    assert received.chat.keys() == {"model", "messages", "tools"}
    assert received.chat["messages"] == [{"role": "system", "content": "Be short."}, {"role": "user", "content": "hello"}]
    assert "authorization" in received.headers


def test_it_counts_the_history_too(vllm: Api, upstream: Upstream) -> None:
    first = vllm.post("/v1/responses", {"model": says(upstream), "input": "one"})
    conversation = vllm.post("/v1/conversations", {"items": [{"role": "user", "content": "before"}]})
    for named, told in (
        ({"previous_response_id": first["id"]}, ["one", "Hello", "hello"]),
        ({"conversation": conversation["id"]}, ["before", "hello"]),
    ):
        model = upstream.script(gives({"count": 3}))
        assert counted(vllm, model=model, **named) == 3
        messages = upstream.received(model).chat["messages"]
        assert isinstance(messages, list)
        assert [message["content"] for message in messages] == told
    assert len(vllm.get(f"/v1/conversations/{conversation['id']}/items")["data"]) == 1


def test_an_alias_is_counted_as_its_model(vllm: Api, upstream: Upstream) -> None:
    upstream.script(gives({"count": 7}), key="small")
    assert counted(vllm, model="fast") == 7
    assert upstream.received("small").path == TOKENIZE


def test_llamacpp_renders_the_template_and_counts_the_prompt(llamacpp: Api, upstream: Upstream) -> None:
    model = upstream.script(gives({"prompt": "<user>hello"}))
    upstream.script(gives({"tokens": [1, 2, 3]}), key=TOKENIZE)
    assert counted(llamacpp, model=model) == 3
    assert upstream.received(model).path == TEMPLATE
    received = upstream.received(TOKENIZE)
    assert (received.path, received.chat) == (TOKENIZE, {"content": "<user>hello", "add_special": True})


WRONG: Sequence[Sequence[Step]] = (
    gives({}),
    gives({"count": "5"}),
    gives({"count": None}),
    gives({"count": True}),
    gives({"count": -1}),
    gives({"tokens": 5}),
    gives([1, 2]),
    [chat.JSON, b"no"],
    [chat.JSON],
    [Stop.CLOSE],
    [chat.JSON, b"{", Stop.RESET],
    chat.refusal(404, {"error": {"message": "No."}}),
    chat.refusal(500, {"count": 5}),
)


@pytest.mark.parametrize("answer", WRONG, ids=str)
def test_a_tokenizer_that_does_not_count_leaves_an_estimate(vllm: Api, upstream: Upstream, answer: Sequence[Step]) -> None:
    assert estimated(vllm, model=upstream.script(answer)) > 5


@pytest.mark.parametrize(
    "answer", [gives({}), gives({"prompt": None}), gives({"prompt": ["a"]}), gives([]), chat.refusal(404, {})], ids=str
)
def test_so_does_a_template_that_is_none(llamacpp: Api, upstream: Upstream, answer: Sequence[Step]) -> None:
    upstream.script(gives({"tokens": []}), key=TOKENIZE)
    assert estimated(llamacpp, model=upstream.script(answer)) > 5


def test_a_dialect_without_a_tokenizer_estimates(api: Api) -> None:
    short, long = estimated(api, model="m"), estimated(api, model="m", input="hello " * 1000)
    assert 5 < short < 100
    assert 1498 <= long - short <= 1500


def test_without_a_model_there_is_only_an_estimate(vllm: Api) -> None:
    assert estimated(vllm) == estimated(vllm, model=None) > 5


def test_what_cannot_be_sent_cannot_be_counted(api: Api) -> None:
    for body, status, param in (
        ({"input": 5}, 400, "input"),
        ({"input": []}, 400, "input"),
        ({}, 400, "input"),
        ({"input": "a", "previous_response_id": "resp_1"}, 404, "previous_response_id"),
        ({"input": "a", "conversation": "conv_1"}, 404, "conversation"),
        ({"input": [{"type": "compaction", "encrypted_content": "no"}]}, 400, "input[0].encrypted_content"),
    ):
        found, error = api.refused("POST", "/v1/responses/input_tokens", json=body)
        assert (found, error["param"]) == (status, param)
