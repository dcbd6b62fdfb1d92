"""One process of the gateway; the launchers start several: `python -m gw_extproc.worker [--grpc ADDRESS] [--http ADDRESS]`."""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import uvloop
from starlette.types import ASGIApp

from gw_extproc.admin import app as admin_app
from gw_extproc.admin import inspecting
from gw_extproc.admin.peers import Place
from gw_extproc.admin.server import AdminServer
from gw_extproc.api.app import build
from gw_extproc.api.server import HttpServer
from gw_extproc.engine.tools.toolset import Toolset
from gw_extproc.engine.workers import Workers
from gw_extproc.extproc.server import GrpcServer
from gw_extproc.late import excused
from gw_extproc.schema import validation
from gw_extproc.serving import unix_socket
from gw_extproc.session.gateway import Gateway, gateway
from gw_extproc.settings import Settings, SettingsError
from gw_extproc.store.connection import untold
from gw_extproc.store.store import Store
from gw_extproc.telemetry import logs
from gw_extproc.telemetry.inspector import Inspector
from gw_extproc.telemetry.lag import watch
from gw_extproc.telemetry.metrics import Metrics
from gw_extproc.telemetry.readers import inspector, metrics, readers
from gw_extproc.telemetry.telemetry import Telemetry
from gw_extproc.upstream import UpstreamClient


class Admin(NamedTuple):
    """Where the admin application is served: at a port that all workers share, and for the other workers at a socket of its own."""

    listening: socket.socket | None = None
    number: int = 0
    peers: Sequence[str] = ()
    """Of all workers, in the order of their numbers."""

    def sockets(self) -> Iterator[socket.socket]:
        if self.listening is not None:
            yield self.listening
        if len(self.peers) > 1:
            yield unix_socket(self.peers[self.number])


def serve(settings: Settings, *, grpc: str | None, http: str | None, admin: Admin, ready: Callable[[], None]) -> None:
    """Serves at the addresses given until a signal, with its log on stderr; calls `ready` when it accepts connections.

    Raises SettingsError where an address cannot be bound.
    """
    logs.configure(settings.log_level, settings.log_format)
    uvloop.run(_serve(settings, grpc, http, admin, ready))


async def _serve(settings: Settings, grpc: str | None, http: str | None, admin: Admin, ready: Callable[[], None]) -> None:
    asyncio.get_running_loop().set_exception_handler(excused)
    told_to_stop, counts, kept = _told_to_stop(), metrics(settings), inspector(settings, admin.number)
    async with _gateway(settings, counts, kept) as shared, _watched(shared, app := build(shared), counts, kept, admin):
        servers: list[GrpcServer | HttpServer] = []
        if grpc is not None:
            servers.append(GrpcServer(shared, app, grpc))
        if http is not None:
            servers.append(HttpServer(shared, app, http))
        for server in servers:
            await server.start()
        workers = Workers(shared)
        workers.start()
        validation.prepare()
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
async def _watched(shared: Gateway, app: ASGIApp, counts: Metrics | None, kept: Inspector | None, admin: Admin) -> AsyncIterator[None]:
    """Serves the admin application: before there is anything to see, and until everything has ended."""
    if counts is None:
        yield
        return
    place = Place.among(admin.peers, admin.number)
    pages = () if kept is None else inspecting.routes(kept, place, app, shared)
    application = admin_app.build(counts, shared.store, place, pages)
    server = AdminServer(application, list(admin.sockets()))
    await server.start()
    lag = asyncio.create_task(watch(counts.lagged))
    try:
        yield
    finally:
        lag.cancel()
        await server.stop()


@asynccontextmanager
async def _gateway(settings: Settings, counts: Metrics | None, kept: Inspector | None) -> AsyncIterator[Gateway]:
    """The parts that all servers share."""
    store = await Store.open(
        settings.store,
        attempt_seconds=settings.store_timeout,
        retries=settings.store_retries,
        retention=settings.retention,
        secrets=settings.given_secrets,
        told=untold if counts is None else counts.stored,
    )
    upstream, telemetry = UpstreamClient(settings), Telemetry(readers(settings, counts, kept))
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
    parser.add_argument("--admin", metavar="FD", type=int, help="a socket that listens")
    parser.add_argument("--number", metavar="NUMBER", type=int, default=0)
    parser.add_argument("--peers", metavar="PATHS", type=lambda text: text.split(","), default=())
    given = parser.parse_args()
    admin = Admin(None if given.admin is None else socket.socket(fileno=given.admin), given.number, given.peers)
    try:
        serve(Settings.read({}), grpc=given.grpc, http=given.http, admin=admin, ready=lambda: None)
    except SettingsError as error:
        sys.exit(f"gw-extproc: {error}")


if __name__ == "__main__":
    main()
