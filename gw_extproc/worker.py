"""One process of the gateway; the launchers start several: `python -m gw_extproc.worker [--grpc ADDRESS] [--http ADDRESS]`."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop

from gw_extproc.api.app import build
from gw_extproc.api.server import HttpServer
from gw_extproc.engine.tools.toolset import Toolset
from gw_extproc.engine.workers import Workers
from gw_extproc.extproc.server import GrpcServer
from gw_extproc.session.gateway import Gateway, gateway
from gw_extproc.settings import Settings, SettingsError
from gw_extproc.store.store import Store
from gw_extproc.telemetry.readers import readers
from gw_extproc.telemetry.telemetry import Telemetry
from gw_extproc.upstream import UpstreamClient

_FORMAT = "%(asctime)s %(name)s %(levelname)s %(message)s"


def serve(settings: Settings, *, grpc: str | None, http: str | None, ready: Callable[[], None]) -> None:
    """Serves at the addresses given until a signal, with its log on stderr; calls `ready` when it accepts connections.

    Raises SettingsError where an address cannot be bound.
    """
    logging.basicConfig(level=settings.log_level.upper(), format=_FORMAT, stream=sys.stderr)
    for chatty in ("httpx2", "uvicorn.error"):  # the one would log the URL of every call, the other that it has started
        logging.getLogger(chatty).setLevel(logging.WARNING)
    for indiscreet in ("mcp",):  # what goes wrong with a caller's server is told to the caller; here it would show his URLs
        logging.getLogger(indiscreet).setLevel(logging.CRITICAL)
    uvloop.run(_serve(settings, grpc, http, ready))


async def _serve(settings: Settings, grpc: str | None, http: str | None, ready: Callable[[], None]) -> None:
    told_to_stop = _told_to_stop()
    async with _gateway(settings) as shared:
        app = build(shared)
        servers: list[GrpcServer | HttpServer] = []
        if grpc is not None:
            servers.append(GrpcServer(shared, app, grpc))
        if http is not None:
            servers.append(HttpServer(shared, app, http))
        for server in servers:
            await server.start()
        workers = Workers(shared)
        workers.start()
        gc.collect()
        gc.freeze()  # what is here now stays: to look through it again and again took a fifth of a small request's time
        ready()
        await told_to_stop.wait()
        shared.stopping.set()
        end = time.monotonic() + settings.drain_timeout
        await asyncio.gather(*(server.stop() for server in servers), workers.drain(settings.drain_timeout))
        _remove_sockets(grpc, http)
        await shared.aftermath.settled(max(0.0, end - time.monotonic()))


@asynccontextmanager
async def _gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """The parts that all servers share."""
    store = await Store.open(
        settings.store,
        attempt_seconds=settings.store_timeout,
        retries=settings.store_retries,
        retention=settings.retention,
        secrets=settings.given_secrets,
    )
    upstream, telemetry = UpstreamClient(settings), Telemetry(readers(settings))
    shared = gateway(settings, store, upstream, Toolset(settings), telemetry)
    try:
        yield shared
    finally:
        await telemetry.close()
        await upstream.close()
        await store.close()


def _told_to_stop() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _remove_sockets(*addresses: str | None) -> None:
    for address in addresses:
        if address is not None and address.startswith("unix:"):
            Path(address.removeprefix("unix:")).unlink(missing_ok=True)


def main() -> None:
    """The launcher does not wait to be told: it tries the addresses."""
    parser = argparse.ArgumentParser(prog="python -m gw_extproc.worker", description=__doc__)
    parser.add_argument("--grpc", metavar="ADDRESS")
    parser.add_argument("--http", metavar="ADDRESS")
    given = parser.parse_args()
    try:
        serve(Settings.read({}), grpc=given.grpc, http=given.http, ready=lambda: None)
    except SettingsError as error:
        sys.exit(f"gw-extproc: {error}")


if __name__ == "__main__":
    main()
