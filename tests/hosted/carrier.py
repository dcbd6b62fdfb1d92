"""Applications behind a real Envoy: a gRPC server in a thread hosts them, and nothing of them may reach the upstream."""

from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx2
import uvloop
from starlette.types import ASGIApp

from gw_extproc.extproc import messages
from gw_extproc.extproc.hosted import BrokenOff, Hosted
from gw_extproc.extproc.messages import Request
from gw_extproc.extproc.wire import Wire
from gw_extproc.local.envoy_binary import binary
from gw_extproc.telemetry.record import ELSEWHERE, Door, Exchange
from tests.sockets import accepts
from tests.waiting import DEADLINE, until

Context = grpc.aio.ServicerContext[Any, Any]

_SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"

_DUPLEX: Mapping[str, object] = {
    "grpc_service": {"envoy_grpc": {"cluster_name": "processor"}},
    "processing_mode": {
        **dict.fromkeys(("request_header_mode", "response_header_mode", "request_trailer_mode", "response_trailer_mode"), "SEND"),
        **dict.fromkeys(("request_body_mode", "response_body_mode"), "FULL_DUPLEX_STREAMED"),
    },
}

LISTENERS: Mapping[str, tuple[Mapping[str, object], str]] = {
    "bare": ({}, "60s"),
    "shipped": (
        {"mutation_rules": {"disallow_is_error": True}, "message_timeout": "0.05s", "allow_content_length_header": True},
        "60s",
    ),
    "hasty": ({}, "0.5s"),
}
"""What each adds to the filter, and how long a stream may be idle."""


class Carrier:
    """What became of the exchanges, in their order, and how to reach each listener."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._running: set[Hosted] = set()
        self._records: dict[str, Exchange] = {}
        self.admin = httpx2.Client()

    def url(self, path: str, listener: str = "shipped") -> str:
        return f"http://127.0.0.1:{self.port(listener)}{path}"

    def port(self, listener: str = "shipped") -> int:
        return self.ports()[listener]

    def ports(self) -> Mapping[str, int]:
        listeners = self.admin.get("/listeners?format=json").json().get("listener_statuses", [])
        return {each["name"]: each["local_address"]["socket_address"]["port_value"] for each in listeners}

    def upstream_calls(self) -> int:
        return int(self.admin.get("/stats?filter=^cluster.upstream.upstream_cx_total$").text.split()[-1])

    def record_of(self, path: str) -> Exchange:
        """What is known of the last call of that path."""
        return self._records[path]

    def await_idle(self) -> None:
        until(lambda: not self._running, "the end of all exchanges")

    async def process(self, _: AsyncIterator[Any], context: Context) -> None:
        first = await context.read()
        assert isinstance(first, Request)
        hosted, headers = Hosted(self._app), messages.headers(first.request_headers.headers)
        self._running.add(hosted)
        with Exchange(Door.INLINE, headers[":method"], ELSEWHERE, "") as exchange:
            try:
                await hosted.run(first, context, await _body_before(first, context))
            except BrokenOff as error:
                await context.abort(grpc.StatusCode.ABORTED, str(error))
            finally:
                self._records[headers[":path"]] = exchange
                self._running.discard(hosted)


async def _body_before(first: Request, wire: Wire) -> bytes | None:
    """The body where the exchange shall be given it, as the inline exchange does."""
    if "x-read-before" not in messages.headers(first.request_headers.headers):
        return None
    body = b""
    while isinstance(message := await wire.read(), Request):
        body += message.request_body.body
        if message.request_body.end_of_stream:
            break
    return body


@contextmanager
def carrying(app: ASGIApp) -> Iterator[Carrier]:
    """An Envoy with each of the listeners in front of the application. It has no upstream: it must not call any."""
    carrier = Carrier(app)
    with tempfile.TemporaryDirectory(prefix="hosted-", dir="/tmp") as name:
        directory = Path(name)
        (directory / "envoy.json").write_text(json.dumps(_config(directory)))
        envoy = (binary(), "-c", str(directory / "envoy.json"), "--disable-hot-restart", "--concurrency", "1", "-l", "error")
        transport = httpx2.HTTPTransport(uds=str(directory / "admin.sock"))
        with _serving(carrier, f"unix:{directory}/processor.sock"), subprocess.Popen(envoy) as process:
            try:
                with httpx2.Client(transport=transport, base_url="http://admin") as carrier.admin:
                    until(lambda: accepts(str(directory / "admin.sock")) and len(carrier.ports()) == len(LISTENERS), "the listeners")
                    yield carrier
            finally:
                process.terminate()


@contextmanager
def _serving(carrier: Carrier, address: str) -> Iterator[None]:
    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def main() -> None:
        server = grpc.aio.server(options=(("grpc.max_receive_message_length", 64 * 1024 * 1024),))
        handler: grpc.RpcMethodHandler[messages.Request, messages.Reply] = grpc.stream_stream_rpc_method_handler(
            carrier.process, Request.FromString
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {"Process": handler}),))
        server.add_insecure_port(address)
        await server.start()
        stop = asyncio.Event()
        ready.set_result((asyncio.get_running_loop(), stop))
        await stop.wait()
        await server.stop(0)

    thread = threading.Thread(target=uvloop.run, args=(main(),))
    thread.start()
    loop, stop = ready.result(DEADLINE)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(DEADLINE)


def _config(directory: Path) -> Mapping[str, object]:
    http2 = {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}},
        }
    }
    clusters = [_cluster(name, f"{directory}/{name}.sock") for name in ("processor", "upstream")]
    clusters[0]["typed_extension_protocol_options"] = http2
    return {
        "admin": {"address": {"pipe": {"path": f"{directory}/admin.sock"}}},
        "static_resources": {"clusters": clusters, "listeners": [_listener(name, *rest) for name, rest in LISTENERS.items()]},
    }


def _cluster(name: str, path: str) -> dict[str, object]:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": path}}}}]}]
    return {"name": name, "load_assignment": {"cluster_name": name, "endpoints": endpoints}}


def _listener(name: str, extra: Mapping[str, object], idle: str) -> Mapping[str, object]:
    ext_proc = {"@type": "type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor", **_DUPLEX, **extra}
    router = {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "stream_idle_timeout": idle,
        "use_remote_address": True,
        "http_protocol_options": {"enable_trailers": True},
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [_ROUTE]}]},
        "http_filters": [{"name": "ext_proc", "typed_config": ext_proc}, {"name": "router", "typed_config": router}],
    }
    filters = [{"name": "http", "typed_config": manager}]
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    return {"name": name, "address": address, "filter_chains": [{"filters": filters}]}


_ROUTE: Mapping[str, object] = {"match": {"prefix": "/"}, "route": {"cluster": "upstream", "timeout": "0s"}}
