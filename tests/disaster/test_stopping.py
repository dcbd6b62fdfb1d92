"""SIGTERM in mid-stream: not ready any more, what is in flight is finished within the drain timeout, and what is cut is kept as far as it came."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import grpc
import httpx2
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests import gateway_process as gateways
from tests.disaster import replica
from tests.disaster.client import TERMINAL, Client, Turn, calling
from tests.disaster.replica import Replica
from tests.real import chat
from tests.real.upstream import Gate, Upstream
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


async def test_a_stream_is_finished_and_no_probe_finds_it_ready(store: Valkey, upstream: Upstream) -> None:
    model, gate = held(upstream)
    async with replica.serving(store.url, upstream, drain_timeout=DEADLINE) as worker, calling(worker.url, upstream) as client:
        turn, ended = client.begin(model)
        await turn.until_said("Hel")
        async with grpc.aio.insecure_channel(f"127.0.0.1:{worker.grpc}") as channel:
            assert (await health(channel)) == SERVING
            assert readiness(worker) == "ok"
            worker.terminate()
            await eventually(lambda: readiness(worker) != "ok", "that it is not ready")
            async with asyncio.timeout(DEADLINE):
                while await health(channel) == SERVING:
                    await asyncio.sleep(0.01)
        assert worker.lives
        gate.open()
        await ended
        assert await worker.end() == 0
        await worker.start()
        assert turn.announced is not None
        assert turn.announced["status"] == "completed"
        await client.assert_whole(turn.announced, "Go on.", "Hello")


async def test_a_websocket_turn_is_finished_and_who_is_connected_hears_of_it(store: Valkey, upstream: Upstream) -> None:
    model, gate = held(upstream)
    async with replica.serving(store.url, upstream, drain_timeout=DEADLINE) as worker, calling(worker.url, upstream) as client:
        async with socket_of(worker) as socket:
            turn = Turn()
            ended = asyncio.create_task(take_turn(socket, model, turn))
            await turn.until_said("Hel")
            worker.terminate()
            await eventually(lambda: readiness(worker) != "ok", "that it is not ready")
            gate.open()
            await ended
            with pytest.raises(ConnectionClosed):
                await socket.recv()
        assert await worker.end() == 0
        await worker.start()
        assert turn.announced is not None
        await client.assert_whole(turn.announced, "Go on.", "Hello")


@pytest.mark.parametrize("drain", [0, 0.2])
async def test_what_takes_longer_than_the_drain_timeout_is_kept_as_far_as_it_came(drain: float, store: Valkey, upstream: Upstream) -> None:
    model, _ = held(upstream)
    async with replica.serving(store.url, upstream, drain_timeout=drain) as worker, calling(worker.url, upstream) as client:
        turn, ended = client.begin(model)
        await turn.until_said("Hel")
        async with socket_of(worker) as socket:
            over_socket = Turn()
            spoken = asyncio.create_task(take_turn(socket, model, over_socket))
            await over_socket.until_said("Hel")
            worker.terminate()
            await asyncio.gather(ended, spoken)
        assert await worker.end() == 0
        await worker.start()
        for cut in (turn, over_socket):
            assert cut.response is None
            await assert_interrupted(client, cut)


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
    async with replica.serving(store.url, upstream, drain_timeout=100 * DEADLINE) as worker:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{worker.grpc}") as channel:
            watched = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
            assert (await watched.read()).status == SERVING
            worker.terminate()
            assert (await watched.read()).status == NOT_SERVING
            assert await worker.end() == 0


async def health(channel: grpc.aio.Channel) -> int:
    """What the health service says; a server that is leaving does not answer new calls."""
    try:
        return int((await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())).status)
    except grpc.aio.AioRpcError as error:
        assert error.code() == grpc.StatusCode.UNAVAILABLE
        return int(NOT_SERVING)


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
