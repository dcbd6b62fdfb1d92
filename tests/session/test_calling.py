"""The model call that the gateway makes itself: what reaches the model, what comes back, and how either side breaks it off."""

from __future__ import annotations

import asyncio
import gzip
import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Any

import orjson
import pytest

from gw_extproc.session.answers import Body, Head, Part
from gw_extproc.session.calling import answer
from gw_extproc.session.gateway import Gateway
from gw_extproc.session.gateway import gateway as shared
from gw_extproc.settings import Settings
from gw_extproc.store.store import Store
from gw_extproc.upstream import UpstreamClient
from tests.events import Json, events
from tests.real import chat, upstream
from tests.real.upstream import Gate, Stop, Upstream
from tests.real.upstream import Head as Answered
from tests.session.talk import Talk, texts
from tests.sockets import free_port
from tests.store.stores import eventually


@pytest.fixture(scope="module")
def model() -> Iterator[Upstream]:
    with upstream.running() as server:
        yield server


@pytest.fixture
async def me(store: Store, model: Upstream) -> AsyncIterator[Talk]:
    async for gateway in calling(store, f"{model.url}/v1"):
        yield Talk(gateway, {"authorization": f"Bearer {secrets.token_hex(8)}"})


async def calling(store: Store, url: str, **options: object) -> AsyncIterator[Gateway]:
    """A gateway that calls the model there."""
    settings = Settings.read({"upstream": url, **options})
    client = UpstreamClient(settings)
    made = shared(settings, store, client)
    yield made
    await made.aftermath.settled(20)
    await client.close()


async def parts(me: Talk, model: str, headers: dict[str, str] | None = None, query: str = "", **fields: Any) -> list[Part]:
    """The whole answer, and the id that it would have."""
    session = await me.begin(model=model, **fields)
    return [part async for part in answer(session, me.gateway, {**me.headers, **(headers or {})}, query)]


def head(parts: list[Part]) -> Head:
    (found,) = [part for part in parts if isinstance(part, Head)]
    assert parts[0] is found
    return found


def body(parts: list[Part]) -> bytes:
    bodies = [part for part in parts if isinstance(part, Body)]
    assert [part.end for part in bodies] == [False] * (len(bodies) - 1) + [True]
    return b"".join(part.data for part in bodies)


def error(parts: list[Part]) -> tuple[int, Json]:
    return head(parts).status, orjson.loads(body(parts))["error"]


async def test_the_model_is_called_with_the_callers_headers(me: Talk, model: Upstream) -> None:
    name = model.script([chat.JSON, chat.completion(content="Hello!")])
    found = await parts(me, name, {"x-title": "T", "content-encoding": "gzip", "connection": "close", "host": "h"}, "?a=b")
    assert orjson.loads(body(found))["output"][0]["content"][0]["text"] == "Hello!"
    received = model.received(name)
    assert (received.method, received.path) == ("POST", "/v1/chat/completions?a=b")
    assert received.headers["x-title"] == "T"
    assert received.headers["authorization"] == me.headers["authorization"]
    assert received.headers["content-type"] == "application/json"
    assert received.headers["accept-encoding"] == "identity"
    assert "content-encoding" not in received.headers
    assert received.headers["host"] == f"127.0.0.1:{model.port}"


@pytest.mark.parametrize("value", ["Größe", "日本".encode().decode("latin-1"), "\x80"])
async def test_headers_need_not_be_ascii(me: Talk, model: Upstream, value: str) -> None:
    """Servers read them as Latin-1, so that is how they go on."""
    name = model.script([chat.JSON, chat.completion(content="Hello!")])
    assert head(await parts(me, name, {"x-title": value})).status == 200
    assert model.received(name).headers["x-title"] == value


async def test_the_gateways_own_key_replaces_the_callers(store: Store, model: Upstream) -> None:
    name = model.script(chat.answer())
    async for gateway in calling(store, f"{model.url}/v1", upstream_api_key="ours"):
        await parts(Talk(gateway, {"authorization": "Bearer theirs"}), name)
    assert model.received(name).headers["authorization"] == "Bearer ours"


async def test_headers_of_the_upstream_stay_unless_they_describe_its_body(me: Talk, model: Upstream) -> None:
    beside = {"content-type": "text/event-stream", "x-request-id": "r", "etag": "e", "server": "s", "retry-after": "3"}
    name = model.script([Answered(200, beside), *chat.text("Hello!"), chat.finish()])
    found = await parts(me, name, stream=True)
    assert head(found).headers.items() >= {"x-request-id": "r", "retry-after": "3", "cache-control": "no-cache"}.items()
    assert not {"etag", "server", "transfer-encoding", "content-length"} & head(found).headers.keys()
    assert head(found).headers["content-type"] == "text/event-stream; charset=utf-8"
    assert events(body(found))[-1]["type"] == "response.completed"


async def test_a_refusal_of_the_upstream_is_passed_on(me: Talk, model: Upstream) -> None:
    name = model.script(chat.refusal(429, {"error": {"message": "Slow down.", "code": "rate"}}, retry_after="7"))
    for stream in (True, False):
        found = await parts(me, name, stream=stream)
        status, detail = error(found)
        assert (status, detail["message"], detail["code"]) == (429, "Slow down.", "rate")
        assert head(found).headers["retry-after"] == "7"


async def test_an_upstream_that_is_not_there_is_told(store: Store) -> None:
    async for gateway in calling(store, f"http://127.0.0.1:{free_port()}/v1"):
        status, detail = error(await parts(Talk(gateway, {}), "m"))
    assert (status, detail["message"]) == (503, "The upstream cannot be reached.")


async def test_without_an_upstream_nothing_can_be_called(store: Store) -> None:
    settings = Settings.read({})
    client = UpstreamClient(settings)
    status, detail = error(await parts(Talk(shared(settings, store, client), {}), "m"))
    await client.close()
    assert (status, detail["code"]) == (503, "upstream_not_configured")


@pytest.mark.parametrize("end", [Stop.RESET, Stop.CLOSE])
async def test_a_stream_that_the_upstream_breaks_off_has_failed_and_is_kept(me: Talk, model: Upstream, end: Stop) -> None:
    name = model.script([chat.EVENTS, *chat.text("Hel"), end])
    told = events(body(await parts(me, name, stream=True)))
    assert [event["type"] for event in told[-2:]] == ["error", "response.failed"]
    failed = told[-1]["response"]
    assert texts(failed["output"]) == ["Hel"]
    assert failed["store"] is True
    assert await me.stored(failed["id"]) == failed


async def test_an_object_that_the_upstream_breaks_off_is_an_error(me: Talk, model: Upstream) -> None:
    name = model.script([chat.JSON, b'{"choices": [', Stop.RESET])
    id = await me.conversation()
    status, detail = error(await parts(me, name, conversation=id))
    assert (status, detail["message"]) == (502, "The upstream broke off.")
    assert await me.items(id) == []


async def test_an_answer_that_came_compressed_unasked_is_read_or_refused(me: Talk, model: Upstream) -> None:
    for encoding, content, status in (
        ("gzip", gzip.compress(chat.completion(content="Hi")), 200),
        ("gzip", b"no", 502),
        ("br", b"x", 502),
    ):
        name = model.script([Answered(200, {"content-type": "application/json", "content-encoding": encoding}), content])
        assert head(await parts(me, name)).status == status


async def test_whoever_stops_asking_breaks_the_response_off(me: Talk, model: Upstream) -> None:
    gate = Gate()
    name = model.script([chat.EVENTS, *chat.text("Hel"), gate])
    session = await me.begin(model=name, stream=True)
    asking = answer(session, me.gateway, me.headers)
    async for part in asking:
        if isinstance(part, Body) and b"Hel" in part.data:
            break
    await asking.aclose()
    await asyncio.to_thread(model.received(name).await_gone)
    stored = await me.stored(session.id)
    assert stored is not None
    assert (stored["status"], texts(stored["output"])) == ("incomplete", ["Hel"])


async def test_whoever_is_cancelled_breaks_the_response_off(me: Talk, model: Upstream) -> None:
    gate = Gate()
    name = model.script([chat.EVENTS, *chat.text("Hel"), gate])
    session = await me.begin(model=name, stream=True)
    heard: list[Part] = []

    async def ask() -> None:
        async for part in answer(session, me.gateway, me.headers):
            heard.append(part)

    asking = asyncio.create_task(ask())
    await eventually(lambda: any(isinstance(part, Body) and b"Hel" in part.data for part in heard), "the first words")
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await me.gateway.aftermath.settled(20)
    await asyncio.to_thread(model.received(name).await_gone)
    stored = await me.stored(session.id)
    assert stored is not None
    assert stored["incomplete_details"] == {"reason": "interrupted"}


async def test_a_model_call_that_has_not_been_answered_leaves_nothing(me: Talk, model: Upstream) -> None:
    gate = Gate()
    name = model.script([gate])
    session = await me.begin(model=name, stream=True)
    asking = asyncio.create_task(anext(answer(session, me.gateway, me.headers)))
    received = await asyncio.to_thread(model.received, name)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await me.gateway.aftermath.settled(20)
    await asyncio.to_thread(received.await_gone)
    assert await me.stored(session.id) is None
