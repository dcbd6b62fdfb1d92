"""SIGTERM in mid-stream: what is in flight is finished within the drain timeout; what is cut off is kept as far as it came."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import grpc
import httpx2
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests import gateway_process as gateways
from tests.disaster import envoy, replica
from tests.disaster.client import TERMINAL, Client, Turn, calling
from tests.disaster.replica import Replica
from tests.disaster.test_poor_store import hold_up, let_go
from tests.real import chat
from tests.real.upstream import Gate, Upstream
from tests.store.proxy import proxy
from tests.store.stores import eventually
from tests.valkey import Valkey
from tests.waiting import DEADLINE

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def held(upstream: Upstream) -> tuple[str, Gate]:
    """A model that pauses in the middle of its answer."""
    gate = Gate()
    return upstream.script([chat.EVENTS, *chat.text("Hel"), gate, *chat.text("lo"), chat.finish()]), gate


@asynccontextmanager
async def socket_of(worker: Replica) -> AsyncIterator[ClientConnection]:
    headers = {"authorization": "Bearer sk-of-the-caller"}
    async with connect(f"ws://127.0.0.1:{worker.http}/v1/responses", additional_headers=headers, proxy=None) as socket:
        yield socket


async def take_turn(socket: ClientConnection, model: str, turn: Turn) -> None:
    """A turn over WebSocket, as far as it comes."""
    await socket.send(json.dumps({"type": "response.create", "model": model, "input": "Go on."}))
    with suppress(ConnectionClosed):
        while not turn.events or turn.events[-1]["type"] not in TERMINAL:
            turn.events.append(json.loads(await socket.recv()))


def readiness(worker: Replica) -> str:
    """What a probe learns."""
    try:
        return str(httpx2.get(f"{worker.origin}/readyz").json()["status"])
    except httpx2.TransportError:
        return "does not answer"


@asynccontextmanager
async def three_ways(
    worker: Replica, upstream: Upstream, model: str
) -> AsyncIterator[tuple[Sequence[Turn], Sequence[asyncio.Task[Any]]]]:
    """A turn over HTTP, one through Envoy and one over WebSocket, all in mid-stream."""
    async with (
        envoy.before(worker, upstream) as url,
        calling(worker.url, upstream) as direct,
        calling(url, upstream) as inline,
        socket_of(worker) as socket,
    ):
        over_socket = Turn()
        spoken = asyncio.create_task(take_turn(socket, model, over_socket))
        begun = [direct.begin(model), inline.begin(model), (over_socket, spoken)]
        for turn, _ in begun:
            await turn.until_said("Hel")
        yield [turn for turn, _ in begun], [task for _, task in begun]


async def test_what_is_in_flight_is_finished_and_no_probe_finds_it_ready(store: Valkey, upstream: Upstream) -> None:
    model, gate = held(upstream)
    async with replica.serving(store.url, upstream, drain_timeout=DEADLINE) as worker, calling(worker.url, upstream) as client:
        async with (
            health_of(worker) as health,
            three_ways(worker, upstream, model) as (turns, tasks),
        ):
            watched = health.Watch(health_pb2.HealthCheckRequest())
            assert (await watched.read()).status == SERVING
            assert readiness(worker) == "ok"
            worker.terminate()
            assert (await watched.read()).status == NOT_SERVING
            await eventually(lambda: readiness(worker) != "ok", "that it is not ready")
            assert worker.lives
            gate.open()
            await asyncio.gather(*tasks)
            assert await worker.end() == 0
        await worker.start()
        for turn in turns:
            assert turn.announced is not None
            assert turn.announced["status"] == "completed"
            await client.assert_whole(turn.announced, "Go on.", "Hello")


@pytest.mark.parametrize("drain", [0, 0.2])
async def test_what_takes_longer_than_the_drain_timeout_is_kept_as_far_as_it_came(
    drain: float, store: Valkey, upstream: Upstream
) -> None:
    model, _ = held(upstream)
    async with replica.serving(store.url, upstream, drain_timeout=drain) as worker, calling(worker.url, upstream) as client:
        async with three_ways(worker, upstream, model) as (turns, tasks):
            worker.terminate()
            await asyncio.gather(*tasks)
            assert await worker.end() == 0
        await worker.start()
        for turn in turns:
            assert turn.response is None
            await assert_interrupted(client, turn)


async def test_what_is_being_saved_when_the_drain_timeout_is_over_is_saved(store: Valkey, upstream: Upstream) -> None:
    """The store takes it only when all clients have been cut off."""
    model, gate = held(upstream)
    async with proxy(store.port) as wire, replica.serving(wire.url, upstream, drain_timeout=0, store_timeout=DEADLINE) as worker:
        async with three_ways(worker, upstream, model) as (turns, tasks):
            hold_up("before the save", store, wire)
            gate.open()
            for turn in turns:
                await eventually(lambda turn=turn: turn.ref.unique.encode() in wire.sent, "the save")  # type: ignore[misc]
            worker.terminate()
            await asyncio.gather(*tasks)
            let_go(store, wire)
            assert await worker.end() == 0
        await worker.start()
        async with calling(worker.url, upstream) as client:
            for turn in turns:
                found = await client.read(turn.id)
                assert found is not None, "it was being saved, and is not there"
                assert found["status"] == "completed"
                await client.assert_whole(found, "Go on.", "Hello")


async def assert_interrupted(client: Client, turn: Turn) -> None:
    found = await client.read(turn.id)
    assert found is not None, "what was received is not kept"
    assert (found["status"], found["incomplete_details"]) == ("incomplete", {"reason": "interrupted"})
    await client.assert_whole(found, "Go on.", "Hel")


async def test_a_turn_that_finishes_without_its_client_is_waited_for(store: Valkey, upstream: Upstream) -> None:
    model, gate = held(upstream)
    options = {"drain_timeout": DEADLINE, "on_disconnect": "finish"}
    async with replica.serving(store.url, upstream, **options) as worker, calling(worker.url, upstream) as client:
        turn, ended = client.begin(model)
        await turn.until_said("Hel")
        ended.cancel()
        worker.terminate()
        await eventually(lambda: readiness(worker) != "ok", "that it is not ready")
        assert worker.lives
        gate.open()
        assert await worker.end() == 0
        await worker.start()
        found = await client.read(turn.id)
        assert found is not None
        assert found["status"] == "completed"
        await client.assert_whole(found, "Go on.", "Hello")


async def test_a_watched_health_does_not_hold_up_the_end(store: Valkey, upstream: Upstream) -> None:
    """As of gRPC clients that watch all the time."""
    async with replica.serving(store.url, upstream, drain_timeout=100 * DEADLINE) as worker, health_of(worker) as health:
        watched = health.Watch(health_pb2.HealthCheckRequest())
        assert (await watched.read()).status == SERVING
        worker.terminate()
        assert (await watched.read()).status == NOT_SERVING
        assert await worker.end() == 0


@asynccontextmanager
async def health_of(worker: Replica) -> AsyncIterator[Any]:
    """The worker's health service."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{worker.grpc}") as channel:
        yield health_pb2_grpc.HealthStub(channel)


@pytest.mark.parametrize("drain", [0.2, DEADLINE])
async def test_a_stream_through_envoy(drain: float, store: Valkey, upstream: Upstream) -> None:
    """Finished within the drain timeout, or cut and kept."""
    model, gate = held(upstream)
    options = ("--upstream", f"{upstream.url}/v1", "--store", store.url, "--drain-timeout", str(drain))
    with gateways.started(*options) as gateway:
        async with calling(gateway.url, upstream) as client:
            turn, ended = client.begin(model)
            await turn.until_said("Hel")
            gateway.process.terminate()
            await eventually(lambda: not gateway.accepts(), "the listener's end")
            if drain == DEADLINE:
                gate.open()
            await ended
        assert await asyncio.to_thread(gateway.end) == 0
        assert "Traceback" not in gateway.log()
    async with replica.serving(store.url, upstream) as worker, calling(worker.url, upstream) as client:
        if drain == DEADLINE:
            assert turn.announced is not None
            await client.assert_whole(turn.announced, "Go on.", "Hello")
        else:
            assert turn.response is None
            await assert_interrupted(client, turn)
