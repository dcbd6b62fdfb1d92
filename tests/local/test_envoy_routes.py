"""Whom Envoy hands a request to: the real one, in front of servers that tell what reached them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import connect

from gw_extproc.local import plan
from gw_extproc.local.crew import Part, gathered
from gw_extproc.local.environment import environment
from gw_extproc.local.envoy_admin import EnvoyAdmin
from gw_extproc.local.envoy_binary import binary
from gw_extproc.local.envoy_config import as_json, bootstrap_of
from gw_extproc.local.workers import Listening
from gw_extproc.settings import Settings, Upstream
from tests.waiting import DEADLINE


@dataclass(frozen=True)
class Front:
    """An Envoy, for clients and for the gateway's own calls."""

    admin: EnvoyAdmin
    port: int
    egress: Path

    @property
    def client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=DEADLINE)

    @property
    def own_client(self) -> httpx2.AsyncClient:
        transport = httpx2.AsyncHTTPTransport(uds=str(self.egress))
        return httpx2.AsyncClient(transport=transport, base_url="http://egress", timeout=DEADLINE)


@pytest.fixture
async def front() -> AsyncIterator[Front]:
    settings = Settings.read({"port": 0, "upstream_api_key": "sk-of-the-gateway"})
    async with gathered() as crew, _answering("model") as model, _answering("gateway", crew.directory / "http.sock"):
        egress, admin, config = crew.directory / "egress.sock", crew.directory / "admin.sock", crew.directory / "envoy.json"
        places = Listening([f"unix:{crew.directory}/nobody.sock"], [f"unix:{crew.directory}/http.sock"])
        upstream = Upstream("http", "127.0.0.1", model, "/api/v1")
        planned = plan.private(settings, upstream, places, f"unix:{admin}", f"unix:{egress}")
        config.write_text(json.dumps(as_json(bootstrap_of(planned))))
        command = (binary(), "--disable-hot-restart", "--concurrency", "1", "-l", "off", "-c", config)
        await crew.start(Part("Envoy", command, environment(settings)))
        await EnvoyAdmin(admin).until_ready()
        yield Front(EnvoyAdmin(admin), await EnvoyAdmin(admin).listening_port(), egress)


async def test_each_path_has_its_place(front: Front) -> None:
    async with front.client as client:
        for path in ("/healthz", "/readyz"):
            assert (await client.get(path)).json()["server"] == "gateway"
        for path in ("/v1/chat/completions", "/v1/modelsandmore", "/healthz/", "/"):
            assert (await client.get(path)).json()["server"] == "model"
        ours = ("/v1/responses", "/v1/responses/resp_1?stream=true", "/v1/conversations/conv_1/items", "/v1/models")
        for answer in await asyncio.gather(*map(client.get, ours)):
            assert answer.json()["error"]["code"] == "processor_error"  # nobody is there to process it, which Envoy waits for


async def test_a_websocket_reaches_the_gateway(front: Front) -> None:
    async with connect(f"ws://127.0.0.1:{front.port}/v1/responses", additional_headers={"authorization": "Bearer mine"}) as socket:
        await socket.send("Hi")
        assert await socket.recv() == "Bearer mine: Hi"


async def test_other_upgrades_are_none(front: Front) -> None:
    headers = {"connection": "upgrade", "upgrade": "websocket"}
    async with front.client as client:
        assert (await client.get("/v1/chat/completions", headers=headers)).status_code == 403


async def test_the_gateways_own_calls_reach_the_model_with_nothing_changed_but_the_host(front: Front) -> None:
    async with front.own_client as client:
        told = (await client.post("/api/v1/chat/completions?a=b", headers={"authorization": "Bearer mine"})).json()
    assert (told["server"], told["path"], told["headers"]["authorization"]) == ("model", "/api/v1/chat/completions?a=b", "Bearer mine")
    assert told["headers"]["host"].startswith("127.0.0.1:")
    assert not [name for name in told["headers"] if name.startswith("x-envoy")]


async def test_draining_waits_for_no_websocket_and_lets_own_calls_through(front: Front) -> None:
    async with connect(f"ws://127.0.0.1:{front.port}/v1/responses") as socket, front.own_client as client:
        await asyncio.wait_for(front.admin.drain(), DEADLINE)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", front.port)
        assert (await client.get("/v1/models")).json()["server"] == "model"
        await socket.send("Hi")
        assert await socket.recv() == ": Hi"


@asynccontextmanager
async def _answering(name: str, path: Path | None = None) -> AsyncIterator[int]:
    """A server that tells its name and what it received, and echoes on WebSockets; gives its port, where it has no path."""

    async def tell(request: Request) -> Response:
        url = request.url
        whole = url.path + (f"?{url.query}" if url.query else "")
        return JSONResponse({"server": name, "path": whole, "headers": dict(request.headers)})

    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        try:
            while True:
                text = await socket.receive_text()
                await socket.send_text(f"{socket.headers.get('authorization', '')}: {text}")
        except WebSocketDisconnect:
            return

    app = Starlette(routes=[WebSocketRoute("/v1/responses", echo), Route("/{rest:path}", tell, methods=["GET", "POST"])])
    config = uvicorn.Config(app, uds=str(path) if path else None, port=0, lifespan="off", log_config=None)
    server = _Quiet(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.001)
    try:
        yield 0 if path else server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving


class _Quiet(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The tests keep theirs."""
        yield
