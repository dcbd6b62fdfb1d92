"""The processor's gRPC server: binds, serves, tells its health, drains."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from pathlib import Path

import grpc
import uvloop
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from gw_extproc.extproc import messages
from gw_extproc.extproc.stream import Processor
from gw_extproc.settings import Settings, SettingsError

logger = logging.getLogger("gw_extproc.server")

SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"

_LARGEST_MESSAGE = 64 * 1024 * 1024
"""What Envoy may send at once: pieces of a body as large as its connection buffer, usually 1 MiB. Who gives it more memory than the 4
MiB that gRPC takes by default shall not have broken streams."""


def run(settings: Settings, address: str, ready: Callable[[], None]) -> None:
    """Serves until SIGTERM or SIGINT, then drains; `ready` is called when it accepts connections.

    Raises SettingsError where the address cannot be bound.
    """
    uvloop.run(_serve(settings, address, ready))


async def _serve(settings: Settings, address: str, ready: Callable[[], None]) -> None:
    told_to_stop = _told_to_stop()
    status = health.aio.HealthServicer()
    server = _server(settings, status)
    try:
        server.add_insecure_port(address)
    except RuntimeError:
        raise SettingsError(f"--grpc (GW_GRPC): {address} cannot be bound; is another processor running?") from None
    try:
        await server.start()
        for service in ("", SERVICE):
            await status.set(service, health_pb2.HealthCheckResponse.SERVING)
        logger.info("serving ext_proc on %s", address)
        ready()
        await told_to_stop.wait()
        await status.enter_graceful_shutdown()
        await server.stop(settings.drain_timeout)
    finally:
        _remove_socket(address)


def _server(settings: Settings, status: health.aio.HealthServicer) -> grpc.aio.Server:
    # Workers share a TCP port; a second gateway must not join them unseen.
    shared = ("grpc.so_reuseport", int(settings.workers > 1))
    server = grpc.aio.server(options=(("grpc.max_receive_message_length", _LARGEST_MESSAGE), shared))
    handler = grpc.stream_stream_rpc_method_handler(
        Processor(settings).process,
        request_deserializer=messages.Request.FromString,
        response_serializer=messages.Reply.SerializeToString,
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Process": handler}),))
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    return server


def _told_to_stop() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _remove_socket(address: str) -> None:
    if address.startswith("unix:"):
        Path(address.removeprefix("unix:")).unlink(missing_ok=True)
