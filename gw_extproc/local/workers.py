"""The gateway's workers: processes that serve ext_proc, HTTP or both, each at an address of its own or at a TCP port they share."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from gw_extproc.local import probes
from gw_extproc.local.crew import Crew, Part
from gw_extproc.local.environment import environment
from gw_extproc.local.errors import LocalError
from gw_extproc.settings import Settings, worker_addresses


@dataclass(frozen=True)
class Listening:
    """Where the workers listen, each with the address of its number; what they do not serve has none."""

    grpc: Sequence[str] = ()
    http: Sequence[str] = ()

    @property
    def all(self) -> list[str]:
        return list(dict.fromkeys((*self.grpc, *self.http)))


def listening(settings: Settings, private: Path | None = None) -> Listening:
    """What the settings say; in a directory `private`, where that is given and they say nothing."""

    def addresses(name: str, named: str) -> list[str]:
        own = private is not None and name not in settings.model_fields_set
        return worker_addresses(f"unix:{private}/{name}.sock" if own else named, settings.workers)

    return Listening(addresses("grpc", settings.grpc), addresses("http", settings.http))


def check(places: Listening) -> None:
    """Raises LocalError where somebody else listens at one of them: until then no socket file is ours."""
    for name, addresses in (("grpc", places.grpc), ("http", places.http)):
        for address in dict.fromkeys(addresses):
            if problem := probes.address_problem(address):
                raise LocalError(f"--{name} (GW_{name.upper()}): {problem}; choose another address")


async def start(crew: Crew, settings: Settings, places: Listening, admin: socket.socket | None) -> None:
    """Starts them all; they serve when `until_serving` says so. They share the admin application's port, if there is one."""
    crew.adopt(Path(address.removeprefix("unix:")) for address in places.all if address.startswith("unix:"))
    inherited = () if admin is None else (admin.fileno(),)
    peers = [f"{crew.directory}/worker-{number}.sock" for number in range(settings.workers)]
    for number, (name, command) in enumerate(zip(names(settings), _commands(places), strict=True)):
        shared = ("--number", str(number), "--peers", ",".join(peers), *(text for fd in inherited for text in ("--admin", str(fd))))
        await crew.start(Part(name, (*command, *shared), environment(settings), inherited))


async def until_serving(places: Listening) -> None:
    """Returns when every address accepts connections: where workers share a TCP port, with the first of them."""
    await asyncio.gather(*map(probes.until_accepting, places.all))


def keep(crew: Crew, settings: Settings) -> None:
    """From now on one of several that ends is started again: the others answer meanwhile. A single one ends the gateway, which whoever
    started that notices at once."""
    if settings.workers > 1:
        for name in names(settings):
            crew.revive(name)


def names(settings: Settings) -> list[str]:
    """What the workers are called in the crew."""
    return ["the processor"] if settings.workers == 1 else [f"processor {number}" for number in range(1, settings.workers + 1)]


def _commands(places: Listening) -> Iterator[tuple[str, ...]]:
    for grpc, http in zip_longest(places.grpc, places.http):
        options = {"--grpc": grpc, "--http": http}
        given = [text for name, address in options.items() if address is not None for text in (name, address)]
        yield (sys.executable, "-P", "-m", "gw_extproc.process", "gw_extproc.worker", *given)
