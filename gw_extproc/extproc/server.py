"""The processor's gRPC server: binds, serves, tells its health, drains."""

from __future__ import annotations

import asyncio
import logging
import signal
from pathlib import Path

import grpc
import uvloop
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from gw_extproc.extproc import messages
from gw_extproc.extproc.stream import Processor
from gw_extproc.settings import Settings, SettingsError

logger = logging.getLogger("gw_extproc.server")

SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"

# A message is at most one piece of a body plus headers; Envoy sends pieces of up to 1 MiB (measured), Python's default is 4 MiB.
_OPTIONS = (
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ("grpc.max_send_message_length", 64 * 1024 * 1024),
    ("grpc.max_concurrent_streams", 1_000_000),
)


def run(settings: Settings, address: str) -> None:
    """Serves until SIGTERM or SIGINT, then drains; raises SettingsError where the address cannot be bound."""
    uvloop.run(_serve(settings, address))


async def _serve(settings: Settings, address: str) -> None:
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
        await told_to_stop.wait()
        await status.enter_graceful_shutdown()
        await server.stop(settings.drain_timeout)
    finally:
        _remove_socket(address)


def _server(settings: Settings, status: health.aio.HealthServicer) -> grpc.aio.Server:
    # Workers share a TCP port; a second gateway must not join them unseen.
    server = grpc.aio.server(options=(*_OPTIONS, ("grpc.so_reuseport", int(settings.workers > 1))))
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
