"""What it costs to be seen: CPU for a streamed token and for a small request, with metrics on and off.

`python -m bench.telemetry [--rounds N]`. Two gateways behind an Envoy each take turns under the same load, so that the machine's moods
are the same for both; the figures are ratios within each round.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from bench import requests
from bench.contestants import Arena, Contestant, arena
from bench.figures import Spread, ratios, table
from bench.measure import Workload, measured
from bench.quiet import undisturbed
from bench.results import Figures
from bench.workloads import paced

ON: Mapping[str, object] = {"admin_port": 9090}
OFF: Mapping[str, object] = {"admin_port": 0}

SMALL = Workload("a small JSON request, 4 clients", requests.http(requests.small(store=False)), 4, seconds=2.0)

LOADS: Sequence[tuple[Workload, str, str]] = (
    (paced(50, seconds=2.5), "processor µs/token", "µs"),
    (SMALL, "processor ms/request", "ms"),
)
"""What is measured under each load, and its unit."""


async def compare(rounds: int) -> str:
    """The report, as a table."""
    found: dict[tuple[str, str], list[float]] = {(load.name, name): [] for load, _, _ in LOADS for name in ("on", "off")}
    async with arena() as place:
        contestants = {name: await place.inline(name=name, more=settings) for name, settings in (("on", ON), ("off", OFF))}
        for number in range(rounds):
            for load, figure, _ in LOADS:
                for name in ("on", "off") if number % 2 else ("off", "on"):
                    figures = await undisturbed(partial(_one, contestants[name], load, place))
                    found[load.name, name].append(figures[load.name][figure])
    return table(["", "off", "on", "on / off"], [_row(load, unit, found) for load, _, unit in LOADS])


def _row(load: Workload, unit: str, found: Mapping[tuple[str, str], Sequence[float]]) -> Sequence[str]:
    off, on = found[load.name, "off"], found[load.name, "on"]
    return [load.name, f"{Spread.of(off)} {unit}", f"{Spread.of(on)} {unit}", f"{Spread.of(ratios(on, off))}×"]


async def _one(contestant: Contestant, load: Workload, place: Arena) -> Mapping[str, Figures]:
    return {load.name: await measured(contestant, load, place)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.telemetry", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    print(asyncio.run(compare(parser.parse_args().rounds)))


if __name__ == "__main__":
    main()
