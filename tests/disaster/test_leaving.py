"""A client or a model server that leaves in mid-stream, through Envoy and without it: what was received is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests import gateway_process as gateways
from tests.disaster.client import Client, calling, turns_of
from tests.gateway_process import Gateway
from tests.real import chat
from tests.real.upstream import Gate, Stop, Upstream
from tests.store.proxy import proxy
from tests.store.stores import eventually
from tests.valkey import Valkey
from tests.waiting import DEADLINE

GATEWAYS = [(command, ending) for command in ("run", "http") for ending in ("cancel", "finish")]


@pytest.fixture(scope="module", params=GATEWAYS, ids=" ".join)
def gateway(request: pytest.FixtureRequest, upstream: Upstream) -> Iterator[Gateway]:
    command, ending = request.param
    with gateways.running("--upstream", f"{upstream.url}/v1", "--on-disconnect", ending, command=command) as gateway:
        yield gateway


@pytest.fixture
def command(request: pytest.FixtureRequest, gateway: Gateway) -> str:
    return str(request.node.callspec.params["gateway"][0])


@pytest.fixture
def on_disconnect(request: pytest.FixtureRequest, gateway: Gateway) -> str:
    return str(request.node.callspec.params["gateway"][1])


@pytest.fixture
async def client(gateway: Gateway, upstream: Upstream) -> AsyncIterator[Client]:
    async with calling(gateway.url, upstream) as client:
        yield client


async def test_a_client_that_leaves(on_disconnect: str, client: Client, upstream: Upstream) -> None:
    root, conversation, gate = await client.ask(upstream.script(chat.answer("Once"))), await client.conversation(), Gate()
    model = upstream.script([chat.EVENTS, *chat.text("Hel"), gate, *chat.text("lo"), chat.finish()])
    begun = [client.begin(model, **given) for given in ({}, {"previous_response_id": root["id"]}, {"conversation": conversation})]
    for turn, _ in begun:
        await turn.until_said("Hel")
    for _, task in begun:
        await leave(task)
    if on_disconnect == "cancel":
        for _ in begun:
            await asyncio.to_thread(upstream.received(model).await_gone)
    gate.open()

    said = "Hel" if on_disconnect == "cancel" else "Hello"
    for (turn, _), before in zip(begun, ((), ("Go on.", "Once"), ()), strict=True):
        assert turn.response is None
        found = await client.read_soon(turn.id)
        assert found["store"] is True
        if on_disconnect == "cancel":
            assert (found["status"], found["incomplete_details"]) == ("incomplete", {"reason": "interrupted"})
            assert found["output"][0]["status"] == "incomplete"
        else:
            assert (found["status"], found["output"][0]["status"]) == ("completed", "completed")
        await client.assert_whole(found, *before, "Go on.", said)
    assert turns_of(await client.listed(conversation)) == {begun[2][0].ref.unique: 2}


async def test_a_client_that_leaves_before_the_model_answers(on_disconnect: str, client: Client, upstream: Upstream) -> None:
    conversation, gate = await client.conversation(), Gate()
    model = upstream.script([gate, *chat.answer("Hello")])
    turn, task = client.begin(model, conversation=conversation)
    received = await asyncio.to_thread(upstream.received, model)
    await eventually(gate.reached.is_set, "the model")
    await leave(task)
    if on_disconnect == "cancel":
        await asyncio.to_thread(received.await_gone)
    gate.open()
    assert turn.events == []
    after = await client.ask(upstream.script(chat.answer("Then")), conversation=conversation)
    if on_disconnect == "finish":
        async with asyncio.timeout(DEADLINE):
            while len(await client.listed(conversation)) < 4:
                await asyncio.sleep(0.01)
    turns = turns_of(await client.listed(conversation))
    assert list(turns.values()) == [2] * (1 if on_disconnect == "cancel" else 2)
    assert await client.read(after["id"]) == after


async def test_a_model_server_that_breaks_off(command: str, on_disconnect: str, client: Client, upstream: Upstream) -> None:
    """Envoy resets the client and does not tell us who left; without it the client is told."""
    conversation, gate = await client.conversation(), Gate()
    model = upstream.script([chat.EVENTS, *chat.text("Hel"), gate, Stop.RESET])
    begun = [client.begin(model, **given) for given in ({}, {"conversation": conversation})]
    for turn, _ in begun:
        await turn.until_said("Hel")
    gate.open()
    for turn, ended in begun:
        await ended
        found = await client.read_soon(turn.id)
        if command == "run" and on_disconnect == "cancel":
            assert turn.response is None
            assert (found["status"], found["incomplete_details"], found["error"]) == ("incomplete", {"reason": "interrupted"}, None)
        else:
            assert turn.events[-1]["type"] == "response.failed"
            assert turn.announced == found
            assert (found["status"], found["error"]["code"]) == ("failed", "server_error")
        await client.assert_whole(found, "Go on.", "Hel")
    assert turns_of(await client.listed(conversation)) == {begun[1][0].ref.unique: 2}


@pytest.mark.parametrize("command", ["run", "http"])
async def test_a_client_that_leaves_while_its_turn_is_being_saved(command: str, store: Valkey, upstream: Upstream) -> None:
    """The turn is complete by then, and is kept once."""
    gate = Gate()
    model = upstream.script([chat.EVENTS, *chat.text("Hello"), gate, chat.finish()])
    async with proxy(store.port) as wire, started(command, wire.url, upstream) as gateway, calling(gateway.url, upstream) as client:
        conversation = await client.conversation()
        turn, task = client.begin(model, conversation=conversation)
        await turn.until_said("Hello")
        wire.flows.clear()
        gate.open()
        await eventually(lambda: turn.ref.unique.encode() in wire.sent, "the save")
        await leave(task)
        wire.flows.set()
        found = await client.read_soon(turn.id)
        assert (found["status"], found["store"]) == ("completed", True)
        await client.assert_whole(found, "Go on.", "Hello")
        assert turns_of(await client.listed(conversation)) == {turn.ref.unique: 2}


async def leave(task: asyncio.Task[object]) -> None:
    """Closes the connection."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@asynccontextmanager
async def started(command: str, store: str, upstream: Upstream) -> AsyncIterator[Gateway]:
    """A gateway whose store is behind a wire of this loop."""
    options = ("--upstream", f"{upstream.url}/v1", "--store", store, "--store-timeout", str(DEADLINE))
    context = gateways.running(*options, command=command)
    gateway = await asyncio.to_thread(context.__enter__)
    try:
        yield gateway
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)
