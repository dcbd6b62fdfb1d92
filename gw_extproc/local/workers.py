"""The processor's workers: processes that each serve one gRPC address; for `run`, and for `serve` with several."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from gw_extproc.local import probes
from gw_extproc.local.crew import Crew, Part, gathered
from gw_extproc.local.environment import environment
from gw_extproc.local.errors import LocalError
from gw_extproc.local.supervisor import Signals, supervise
from gw_extproc.settings import Settings, worker_addresses

_GRACE = 5.0  # seconds that a worker may take to end beyond drain_timeout


async def serve(settings: Settings, ready: Callable[[], None]) -> None:
    """Runs all workers until a signal; raises LocalError where they cannot, or where one ends by itself."""
    signals = Signals()
    signals.catch()
    async with gathered() as crew:
        await supervise(crew, signals, partial(_start, settings, ready), partial(_stop, settings))


async def start_workers(crew: Crew, settings: Settings, addresses: list[str]) -> None:
    """Starts a worker for each address; raises LocalError where somebody else listens there: until then no socket file is ours."""
    check(addresses)
    crew.adopt(Path(address.removeprefix("unix:")) for address in addresses if address.startswith("unix:"))
    for number, address in enumerate(addresses, start=1):
        name = "the processor" if len(addresses) == 1 else f"processor {number}"
        command = (sys.executable, "-P", "-m", "gw_extproc.worker", address)
        await crew.start(Part(name, command, environment(settings)))


def check(addresses: list[str]) -> None:
    """Raises LocalError where somebody else listens at one of them."""
    for address in dict.fromkeys(addresses):
        if problem := probes.address_problem(address):
            raise LocalError(f"--grpc (GW_GRPC): {problem}; choose another address")


async def until_serving(addresses: list[str]) -> None:
    """Returns when every address accepts connections: where workers share a TCP port, with the first of them."""
    await asyncio.gather(*map(probes.until_accepting, dict.fromkeys(addresses)))


async def _start(settings: Settings, ready: Callable[[], None], crew: Crew) -> None:
    addresses = worker_addresses(settings.grpc, settings.workers)
    await start_workers(crew, settings, addresses)
    await until_serving(addresses)
    ready()


async def _stop(settings: Settings, crew: Crew) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(settings.drain_timeout + _GRACE):
            await crew.stop()
