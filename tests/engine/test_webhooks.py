"""Webhooks: signed as the SDK verifies them, told again until somebody takes them, by any replica."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator, Iterator

import orjson
import pytest
from openai import InvalidWebhookSignatureError, OpenAI

from gw_extproc.engine import webhooks
from tests.engine.fleet import Replica, replica
from tests.real import chat
from tests.real.upstream import Gate, Head, Received, Upstream
from tests.store.stores import eventually

SECRET = "whsec_c2l4dGVlbi1jaGFyYWN0ZXJz"
OK = [Head(200, {"content-length": "0"})]
NO = [Head(500, {"content-length": "0"})]

numbers = itertools.count()


@pytest.fixture
def hook() -> Iterator[str]:
    """The path of an endpoint that nobody else has."""
    return iter([f"/hook/{next(numbers)}"])


@pytest.fixture
async def telling(url: str, model: Upstream, hook: Iterator[str]) -> AsyncIterator[tuple[Replica, str]]:
    path = next(hook)
    async with replica(url, model.url, webhook_url=f"{model.url}{path}", webhook_secret=SECRET) as here:
        yield here, path


def unwrapped(received: Received, secret: str = SECRET) -> tuple[str, str]:
    """Type and response of a webhook, as the SDK verifies and reads it."""
    with OpenAI(api_key="any", webhook_secret=secret) as client:
        event = client.webhooks.unwrap(received.body, dict(received.headers))
    assert event.object == "event"
    assert event.id == received.headers["webhook-id"]
    assert event.type.startswith("response.")
    return event.type, orjson.loads(received.body)["data"]["id"]


async def told(model: Upstream, path: str) -> Received:
    await eventually(lambda: model.count(path) > 0, "a webhook")
    return model.received(path)


def test_what_is_kept_begins_with_the_trace_where_there_is_one() -> None:
    parent = f"00-{'a' * 32}-{'b' * 16}-01"
    assert webhooks.read(parent + '{"a": {}}') == ('{"a": {}}', {"traceparent": parent})
    assert webhooks.read('{"a": {}}') == ('{"a": {}}', {})


async def test_the_end_is_told(telling: tuple[Replica, str], model: Upstream) -> None:
    here, path = telling
    model.script(OK, key=path)
    here.workers.start()
    completed = await here.ask(model.script(chat.answer()))
    assert unwrapped(await told(model, path)) == ("response.completed", completed.id)
    failed = await here.ask(model.script(chat.refusal(400, {"error": {"message": "No."}})))
    assert unwrapped(await told(model, path)) == ("response.failed", failed.id)
    cut = await here.ask(model.script([chat.EVENTS, *chat.text("a"), chat.finish("length")]))
    assert unwrapped(await told(model, path)) == ("response.incomplete", cut.id)
    cancelled = await here.ask(model.script([Gate()]))
    await cancelled.cancel()
    received = await told(model, path)
    assert unwrapped(received) == ("response.cancelled", cancelled.id)
    with pytest.raises(InvalidWebhookSignatureError):
        unwrapped(received, "whsec_YW5vdGhlci1zZWNyZXQtb2Ytc29tZWJvZHk=")
    await eventually_none_left(here)


async def eventually_none_left(here: Replica) -> None:
    async def none() -> bool:
        return not await here.gateway.store.queue.webhooks(10, 0)

    await eventually(none, "no webhook")


async def test_who_does_not_take_it_is_told_again_by_whoever_is_there(
    telling: tuple[Replica, str], url: str, model: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, path = telling
    model.script(NO, OK, key=path)
    here.workers.start()
    response = await here.ask(model.script(chat.answer()))
    first = await told(model, path)
    await here.drain()
    settings = here.gateway.settings
    assert settings.webhook_url is not None
    options = {"webhook_url": settings.webhook_url, "webhook_secret": SECRET}
    async with replica(url, model.url, headers=here.headers, **options) as there:
        await there.gateway.store.queue.postpone(first.body.decode(), 0)
        there.workers.start()
        second = await told(model, path)
        assert unwrapped(second) == unwrapped(first) == ("response.completed", response.id)
        assert second.headers["webhook-id"] == first.headers["webhook-id"]
        await eventually_none_left(there)


async def test_an_endpoint_that_is_not_there_is_asked_again(url: str, model: Upstream, caplog: pytest.LogCaptureFixture) -> None:
    async with replica(url, model.url, webhook_url="http://127.0.0.1:1/", webhook_secret=SECRET) as here:
        here.workers.start()
        await (await here.ask(model.script(chat.answer()))).becomes("completed")
        await eventually(lambda: "was not delivered" in caplog.text, "a first try")
        await here.drain()
        assert len(await here.gateway.store.queue.webhooks(10, 0)) == 0
        assert here.gateway.store.up


def test_the_attempts_go_on_for_three_days() -> None:
    body = orjson.dumps({"created_at": 1000}).decode()
    assert webhooks.due_again(body, 1000) == 5
    assert webhooks.due_again(body, 1006) == 24
    assert webhooks.due_again(body, 1000 + 71 * 3600) == 3600
    assert webhooks.due_again(body, 1000 + 72 * 3600) is None


def test_a_secret_may_be_any_text() -> None:
    secret, body = "sixteen-characters", orjson.dumps({"id": "evt_1", "type": "response.completed", "object": "event"}).decode()
    headers = webhooks.signed(secret, body, int(time.time()))
    with OpenAI(api_key="any", webhook_secret=secret) as client:
        assert client.webhooks.unwrap(body, headers).id == "evt_1"
