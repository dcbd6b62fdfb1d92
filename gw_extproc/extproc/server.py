"""The processor's gRPC server: binds, serves, tells its health, drains."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from starlette.types import ASGIApp

from gw_extproc.aftermath import LAST_SAVES, InFlight
from gw_extproc.extproc import messages
from gw_extproc.extproc.stream import Context, Processor
from gw_extproc.session.gateway import Gateway
from gw_extproc.settings import SettingsError

logger = logging.getLogger("gw_extproc.server")

SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"

_LARGEST_MESSAGE = 64 * 1024 * 1024
"""What Envoy may send at once: pieces of a body as large as its connection buffer, usually 1 MiB. Who gives it more memory than the 4
MiB that gRPC takes by default shall not have broken streams."""

_ENDLESS = 1e6
"""Seconds of grace for a server that is stopped a second time when its time has come. Were the grace over just then, gRPC (up to 1.85)
would cancel the calls of a server that it has destroyed, and crash; it should know that it is gone."""


class GrpcServer:
    """Serves ext_proc and the gRPC health service at one address."""

    def __init__(self, gateway: Gateway, app: ASGIApp, address: str) -> None:
        self._gateway = gateway
        self._address = address
        self._status = health.aio.HealthServicer()
        self._processor = Processor(gateway, app)
        self._exchanges = InFlight()
        self._server = self._made()

    async def start(self) -> None:
        """Accepts connections; raises SettingsError where the address cannot be bound."""
        try:
            self._server.add_insecure_port(self._address)
        except RuntimeError:
            message = f"--grpc (GW_GRPC): {self._address} cannot be bound; is another processor running?"
            raise SettingsError(message) from None
        await self._server.start()
        for service in ("", SERVICE):
            await self._status.set(service, health_pb2.HealthCheckResponse.SERVING)
        logger.info("serving ext_proc on %s", self._address)

    async def stop(self) -> None:
        """Not healthy any more, then no new streams, then the end of those in flight, within the settings' drain_timeout.

        What is cut off then may still save what it has.
        """
        await self._status.enter_graceful_shutdown()
        stopping = asyncio.create_task(self._server.stop(_ENDLESS))
        await self._exchanges.ended(self._gateway.settings.drain_timeout)
        await self._server.stop(None)  # whoever watches our health would not leave
        await stopping
        await self._exchanges.ended(LAST_SAVES)

    async def _process(self, messages: AsyncIterator[Any], context: Context) -> None:
        with self._exchanges:
            await self._processor.process(messages, context)

    def _made(self) -> grpc.aio.Server:
        # Workers share a TCP port; a second gateway must not join them unseen.
        shared = ("grpc.so_reuseport", int(self._gateway.settings.workers > 1))
        server = grpc.aio.server(options=(("grpc.max_receive_message_length", _LARGEST_MESSAGE), shared))
        handler: grpc.RpcMethodHandler[messages.Request, messages.Reply] = grpc.stream_stream_rpc_method_handler(
            self._process,
            request_deserializer=messages.Request.FromString,
            response_serializer=None,  # replies are encoded where they are made
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Process": handler}),))
        health_pb2_grpc.add_HealthServicer_to_server(self._status, server)
        return server
