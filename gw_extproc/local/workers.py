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
    check_address(settings)
    async with gathered(socket_files(settings)) as crew:
        await supervise(crew, signals, partial(_start, settings, ready), partial(_stop, settings))


async def start_workers(crew: Crew, settings: Settings, addresses: list[str]) -> None:
    """Returns when all accept connections."""
    for number, address in enumerate(addresses, start=1):
        name = "the processor" if len(addresses) == 1 else f"processor {number}"
        command = (sys.executable, "-P", "-m", "gw_extproc.worker", address)
        await crew.start(Part(name, command, environment(settings)))
    await asyncio.gather(*(probes.until_accepting(address) for address in addresses))


def check_address(settings: Settings) -> None:
    """Raises LocalError where somebody else listens at the processor's address."""
    for address in dict.fromkeys(worker_addresses(settings.grpc, settings.workers)):
        if problem := probes.address_problem(address):
            raise LocalError(f"--grpc (GW_GRPC): {problem}; choose another address")


def socket_files(settings: Settings) -> list[Path]:
    """The sockets that the workers leave behind when they are killed."""
    addresses = worker_addresses(settings.grpc, settings.workers)
    return [Path(address.removeprefix("unix:")) for address in addresses if address.startswith("unix:")]


async def _start(settings: Settings, ready: Callable[[], None], crew: Crew) -> None:
    await start_workers(crew, settings, worker_addresses(settings.grpc, settings.workers))
    ready()


async def _stop(settings: Settings, crew: Crew) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(settings.drain_timeout + _GRACE):
            await crew.stop()
