"""`gw-extproc serve` and `gw-extproc http`: the workers with their store, without an Envoy of ours."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from gw_extproc.local import admin_port, model, plan, valkey, workers
from gw_extproc.local.addresses import joined
from gw_extproc.local.banner import banner
from gw_extproc.local.crew import Crew, gathered
from gw_extproc.local.supervisor import Signals, supervise
from gw_extproc.local.valkey import Claim
from gw_extproc.local.workers import Listening
from gw_extproc.settings import Settings

_GRACE = 5.0  # seconds that a worker may take to end beyond drain_timeout


async def serve(settings: Settings, ready: Callable[[], None]) -> None:
    """Runs all workers until a signal; raises LocalError where they cannot, or where one ends by itself."""
    places = workers.listening(settings)
    workers.check(places)
    admin = admin_port.bound(settings, elsewhere=False)

    async def start(claim: Claim | None, crew: Crew) -> None:
        await _serving(crew, await valkey.start(crew, settings, claim), places, admin)
        ready()

    await _until_a_signal(settings, start)


async def http(settings: Settings, ready: Callable[[str], None]) -> None:
    """Serves the HTTP application alone until a signal; `ready` gets what to tell the user. Raises LocalError as `serve`."""
    host = plan.free_host(settings)
    port, admin = settings.port or _free_port(host), admin_port.bound(settings, elsewhere=True)

    async def start(claim: Claim | None, crew: Crew) -> None:
        stored = await valkey.start(crew, settings, claim)
        found = {"upstream": await model.reached(crew, settings), "port": port, "admin_port": admin_port.at(admin)}
        found["inspector"] = admin_port.inspector(settings)
        given = stored.model_copy(update=found)
        await _serving(crew, given, Listening(http=[joined(host, port)] * settings.workers), admin)
        ready(banner(given.model_copy(update={"store": settings.store}), is_demo=settings.upstream is None))

    await _until_a_signal(settings, start)


async def _until_a_signal(settings: Settings, start: Callable[[Claim | None, Crew], Awaitable[None]]) -> None:
    signals = Signals()
    signals.catch()
    async with valkey.claimed(settings) as claim, gathered() as crew:
        await supervise(crew, signals, partial(start, claim), partial(_stop, settings))


async def _serving(crew: Crew, settings: Settings, places: Listening, admin: socket.socket | None) -> None:
    await workers.start(crew, settings, places, admin)
    await workers.until_serving(places)
    workers.keep(crew, settings)


async def _stop(settings: Settings, crew: Crew) -> None:
    """First the workers, which finish what is in flight, then what they need for it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(settings.drain_timeout + _GRACE):
            await crew.stop(*workers.names(settings))
    await valkey.stop(crew)


def _free_port(host: str) -> int:
    """One that the system chooses: all workers have to be told the same."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as probe:
        return int(probe.getsockname()[1])
