"""What the gateway costs, as ratios: plain Envoy, an echoing processor (the floor in Python), ours; `python -m bench.smoke`.

All stand in front of the same fake upstream and take turns, so that a noisy machine is noisy for all. Every Envoy has one
worker thread, every processor is one process. A last row has no Envoy at all: while it is well above plain Envoy, neither the
upstream nor the load is what was measured. CPU times are those that the system counts for the processes, taken while all
streams flow: their beginnings and ends are not in them.
"""

from __future__ import annotations

import asyncio
import json
import socket
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil

from bench.load import open_streams, requests_per_second
from bench.upstream import CHUNKS, INTERVAL
from gw_extproc.local import plan, probes, valkey, workers
from gw_extproc.local.crew import Crew, Part, gathered
from gw_extproc.local.environment import environment
from gw_extproc.local.envoy_admin import EnvoyAdmin
from gw_extproc.local.envoy_binary import binary
from gw_extproc.local.envoy_config import as_json, bootstrap_of
from gw_extproc.local.workers import Listening
from gw_extproc.settings import Settings

ROUNDS = 3
CONNECTIONS = 16
SECONDS = 1.0
STREAMS = 40
WINDOW = CHUNKS * INTERVAL - 0.7  # seconds in which every stream flows

Config = dict[str, Any]


@dataclass
class Contestant:
    """A port to call, the processes behind it, and what was measured of them."""

    name: str
    port: int
    envoy: psutil.Process | None = None
    processor: psutil.Process | None = None
    rates: list[float] = field(default_factory=list)
    """Requests a second."""
    envoy_costs: list[float] = field(default_factory=list)
    """Microseconds of CPU for a chunk."""
    processor_costs: list[float] = field(default_factory=list)


LIMIT = 90  # seconds; it takes about half of that


async def measure() -> None:
    async with asyncio.timeout(LIMIT), gathered() as crew:
        upstream = await _start_upstream(crew)
        settings = Settings(upstream=f"http://127.0.0.1:{upstream}/v1", log_level="warning")
        contestants = [
            Contestant("no Envoy", upstream),
            await _plain(crew, settings),
            await _echoing(crew, settings),
            await _ours(crew, settings),
        ]
        for _ in range(ROUNDS):
            for contestant in contestants:
                contestant.rates.append(await requests_per_second(contestant.port, CONNECTIONS, SECONDS))
            for contestant in contestants[1:]:
                await _stream(contestant)
        print(table(contestants[1:], contestants[0]))


async def _stream(contestant: Contestant) -> None:
    """Adds the cost of a chunk, while all streams flow."""
    streams = await open_streams(contestant.port, STREAMS)
    await asyncio.sleep(0.3)
    envoy, processor, events = _used(contestant.envoy), _used(contestant.processor), sum(stream.events for stream in streams)
    await asyncio.sleep(WINDOW)
    chunks, expected = sum(stream.events for stream in streams) - events, STREAMS * WINDOW / INTERVAL
    if abs(chunks / expected - 1) > 0.1:
        sys.exit(f"{contestant.name}: {chunks} chunks instead of {expected:.0f}: something failed, or the machine is too slow")
    contestant.envoy_costs.append((_used(contestant.envoy) - envoy) / chunks * 1e6)
    contestant.processor_costs.append((_used(contestant.processor) - processor) / chunks * 1e6)
    await asyncio.gather(*(stream.done for stream in streams))


def _used(process: psutil.Process | None) -> float:
    """Seconds of CPU so far."""
    if process is None:
        return 0.0
    times = process.cpu_times()
    return float(times.user + times.system)


async def _start_upstream(crew: Crew) -> int:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        number = listening.fileno()
        command = (sys.executable, "-m", "bench.upstream", str(number))
        await crew.start(Part("the upstream", command, environment(Settings()), (number,)))
        return int(listening.getsockname()[1])


async def _plain(crew: Crew, settings: Settings) -> Contestant:
    config = _config(crew, settings, "plain", "unix:/nobody")
    (chain,) = config["static_resources"]["listeners"][0]["filter_chains"]
    manager = chain["filters"][0]["typed_config"]
    del manager["http_filters"][0]
    for route in manager["route_config"]["virtual_hosts"][0]["routes"]:
        route.pop("typed_per_filter_config", None)
    return await _envoy(crew, "plain", config)


async def _echoing(crew: Crew, settings: Settings) -> Contestant:
    address = f"unix:{crew.directory}/echo.sock"
    await crew.start(Part("the echo", (sys.executable, "-m", "bench.echo", address), environment(settings)))
    await probes.until_accepting(address)
    contestant = await _envoy(crew, "echo", _config(crew, settings, "echo", address))
    return replace(contestant, processor=_child("bench.echo"))


async def _ours(crew: Crew, settings: Settings) -> Contestant:
    address = f"unix:{crew.directory}/ours.sock"
    here = settings.model_copy(update={"data_dir": crew.directory / "data"})
    async with valkey.claimed(here) as claim:
        stored = await valkey.start(crew, here, claim)
    await workers.start(crew, stored, Listening([address]))
    await probes.until_accepting(address)
    contestant = await _envoy(crew, "ours", _config(crew, settings, "ours", address))
    return replace(contestant, processor=_child("gw_extproc.worker"))


def _config(crew: Crew, settings: Settings, name: str, processor: str) -> Config:
    """The configuration of `gw-extproc run`, on any free port."""
    assert settings.upstream is not None
    here = settings.model_copy(update={"port": 0})
    places = Listening([processor], [f"unix:{crew.directory}/nobody.sock"])
    egress = f"unix:{crew.directory}/{name}.sock.egress"
    return as_json(bootstrap_of(plan.private(here, settings.upstream, places, f"unix:{_admin(crew, name)}", egress)))


async def _envoy(crew: Crew, name: str, config: Config) -> Contestant:
    path = crew.directory / f"{name}.json"
    path.write_text(json.dumps(config))
    command = (binary(), "--disable-hot-restart", "--concurrency", "1", "-l", "error", "-c", path)
    await crew.start(Part(f"Envoy ({name})", command, environment(Settings())))
    admin = EnvoyAdmin(_admin(crew, name))
    await admin.until_ready()
    return Contestant(name, await admin.listening_port(), envoy=_child(path.name))


def _admin(crew: Crew, name: str) -> Path:
    return crew.directory / f"{name}.sock.admin"


def _child(mark: str) -> psutil.Process:
    return next(child for child in psutil.Process().children(recursive=True) if mark in " ".join(child.cmdline()))


def table(contestants: Sequence[Contestant], bare: Contestant) -> str:
    """The medians, each beside its ratio to the first row that has one."""
    plain, echo, _ = contestants
    lines = [f"{'':28}{'requests/s':>18}{'processor CPU/chunk':>24}{'Envoy CPU/chunk':>22}"]
    labels = ("plain Envoy", "with an echoing processor", "with ours")
    for label, one in zip(labels, contestants, strict=True):
        rate = _cell(one.rates, plain.rates, "")
        processor = "-" if one.processor is None else _cell(one.processor_costs, echo.processor_costs, " µs")
        lines.append(f"{label:28}{rate:>18}{processor:>24}{_cell(one.envoy_costs, plain.envoy_costs, ' µs'):>22}")
    lines.append(f"{'(upstream without Envoy':28}{_cell(bare.rates, plain.rates, ''):>18})")
    ours, floor = (statistics.median(one.processor_costs) for one in (contestants[2], echo))
    lines.append(f"\nour translation: {ours - floor:+.0f} µs per chunk over the echo; {ROUNDS} rounds, medians")
    lines.append(f"{CONNECTIONS} connections; {STREAMS} streams of {1 / INTERVAL:.0f} chunks a second each")
    return "\n".join(lines)


def _cell(values: Sequence[float], reference: Sequence[float], unit: str) -> str:
    value = statistics.median(values)
    return f"{value / statistics.median(reference):.2f} ({value:,.0f}{unit})"


if __name__ == "__main__":
    asyncio.run(measure())  # uvloop cannot start a process in a group
