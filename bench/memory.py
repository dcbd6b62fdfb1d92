"""What open streams take in memory, what an idle worker takes, how long a start takes: in processes that did nothing before."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable

from bench import cpu, requests
from bench.chain import Client
from bench.contestants import HTTP, INLINE, Arena, Contestant, arena
from bench.load import loading
from bench.results import Figures, Results
from tests.gateway_process import started

MEMORY = "memory"
"""What the results are called."""

OPEN, START = "open streams", "start"
FEW, MANY = 200, 1000

_SECOND = 1_000_000  # microseconds between two tokens: what is open matters here, not what flows
_LASTING = 60
_SETTLE = 1.5
_RAMP = 2.5
_ROUNDS = 3  # are enough for what is so steady

_FRESH: tuple[Callable[[Arena], Awaitable[Contestant]], ...] = (Arena.echo, Arena.inline, Arena.hosted, Arena.http)


async def remembered(rounds: int, results: Results) -> None:
    """KiB of an open stream, from the difference between few and many; seconds from the command to the banner, and MiB then."""
    for _ in range(min(rounds, _ROUNDS)):
        for made in _FRESH:
            async with arena() as place:
                await _opened(await made(place), results)
        for command, name in (("run", INLINE), ("http", HTTP)):
            results.add(START, name, await asyncio.to_thread(_begun, command))


async def _opened(contestant: Contestant, results: Results) -> None:
    client = Client(contestant.port)
    for _ in range(10):
        client.post(requests.small(store=False))
    client.close()
    request = requests.http(requests.paced(_LASTING, _SECOND))
    async with loading(contestant.port, request, FEW, ramp=_RAMP, again=False):
        few = await _sizes(contestant)
        async with loading(contestant.port, request, MANY - FEW, ramp=_RAMP, again=False) as load:
            many = await _sizes(contestant)
            assert (await load.seen()).open == MANY - FEW, "all streams must be open"
    kib = {name: (many[name] - few[name]) / (MANY - FEW) / 1024 for name in few}
    results.add(OPEN, contestant.name, {f"{name} KiB/stream": size for name, size in kib.items()})


async def _sizes(contestant: Contestant) -> dict[str, int]:
    await asyncio.sleep(_RAMP + _SETTLE)
    return {"processor": cpu.memory(contestant.processors), "envoy": cpu.memory(contestant.envoy)}


def _begun(command: str) -> Figures:
    with socket.create_server(("127.0.0.1", 0)) as model:  # that it accepts connections is all that a start asks of it
        before = time.monotonic()
        with started("--upstream", f"http://127.0.0.1:{model.getsockname()[1]}/v1", command=command) as gateway:
            ready = time.monotonic() - before
            time.sleep(_SETTLE)
            return {"ready s": ready, "idle MiB": cpu.memory([gateway.part("gw_extproc.worker").pid]) / 2**20}
