"""One worker and two: requests a second, and what kept the machine busy.

Model server, load and Envoy need cores too. Where there are only two, a small request leaves the second worker no core of its own: what
is seen then is the machine's limit, not the workers'. So the workers are also asked for what is nearly all their own work, a long
history without an Envoy, and the report says how much of the machine was in use.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from bench import requests
from bench.contestants import Arena, Contestant, arena
from bench.figures import Spread, number, table
from bench.measure import Workload, measured
from bench.quiet import undisturbed
from bench.results import Figures, Results

WORKERS = "workers"
"""What the results are called."""

INLINE, ALONE = "small JSON through Envoy, 32 clients", "400 kB history, http alone, 16 clients"
_COUNTS = (1, 2)


async def multiplied(rounds: int, results: Results) -> None:
    small = Workload(INLINE, requests.http(requests.small(store=False)), 32)
    long = Workload(ALONE, requests.http(requests.history(200)), 16, seconds=1.5)
    async with arena() as place:
        through = {count: await place.inline(count, f"of{count}") for count in _COUNTS}
        alone = {count: await place.http(count) for count in _COUNTS}
        for _ in range(rounds):
            for count in _COUNTS:
                pairs: tuple[tuple[Contestant, Workload], ...] = ((through[count], small), (alone[count], long))
                for contestant, workload in pairs:
                    found = await undisturbed(lambda: _one(contestant, workload, place))  # noqa: B023 - called at once
                    results.add(workload.name, str(count), found[workload.name])


async def _one(contestant: Contestant, workload: Workload, place: Arena) -> Mapping[str, Figures]:
    return {workload.name: await measured(contestant, workload, place)}


def section(results: Results) -> str:
    rows = []
    for name in (INLINE, ALONE):
        for count in map(str, _COUNTS):
            cores = [
                Spread.of(results.values(name, count, f"{part} cores")).median for part in ("processor", "envoy", "around", "store")
            ]
            times = results.ratio(name, count, "1", "rate")
            shares = " + ".join(map(number, cores[:3]))
            rows.append(
                [
                    name,
                    count,
                    str(results.spread(name, count, "rate")),
                    f"{times}×",
                    shares,
                    f"{sum(cores) / (os.cpu_count() or 1):.0%}",
                ]
            )
    head = ["", "workers", "requests/s", "of one worker's", "cores: workers + Envoy + model server and load", "of the machine"]
    return table(head, rows)
