"""How the cost of a request grows: with the history, the chunks of its answer, the streams that are open, what is stored."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from bench import requests
from bench.contestants import ECHO, HTTP, INLINE, Arena, Contestant, arena
from bench.figures import doubling, number, table
from bench.load import loading
from bench.measure import Workload, measured
from bench.quiet import undisturbed
from bench.results import Figures, Results
from bench.workloads import paced

LINEAR = 2.3
"""The cost of twice the size: 2 on a line, and a little for noise; a square would be 4."""


@dataclass(frozen=True)
class Growing:
    """One axis; the last size is twice one before it."""

    name: str
    unit: str
    figure: str
    about: str
    sizes: Sequence[int]
    workload: Callable[[int], Workload]
    who: Sequence[str] = (ECHO, INLINE, HTTP)


def _history(items: int) -> Workload:
    return Workload(f"{items} items", requests.http(requests.history(items)), 1, seconds=0.8)


def _chunks(tokens: int) -> Workload:
    return Workload(f"{tokens} chunks", requests.http(requests.burst(tokens)), 1, seconds=0.8)


AXES = (
    Growing("history", "items of 2 kB", "processor ms/request", "CPU ms a request", (25, 50, 100, 200, 400), _history),
    Growing("chunks", "chunks in one answer", "processor ms/request", "CPU ms a request", (500, 1000, 2000, 4000, 8000), _chunks),
    Growing(
        "streams", "open streams of 50 tokens/s", "processor cores", "cores in use", (12, 25, 50, 75, 100), lambda n: paced(n, 1.0)
    ),
)
GROWTH = "growth"
"""What the results are called."""

STORED = "stored"
LEVELS = (1000, 2500, 5000, 7500, 10_000)
_CROWD = 32
_ROUNDS = 3  # are enough for what is so steady


async def grown(rounds: int, results: Results) -> None:
    async with arena() as place:
        who = {ECHO: await place.echo(), INLINE: await place.inline(), HTTP: await place.http()}
        for _ in range(min(rounds, _ROUNDS)):
            for axis in AXES:
                for size in axis.sizes:
                    await _take(axis, size, who, place, results)
        await _stored(who[INLINE], place, min(rounds, _ROUNDS), results)


async def _take(axis: Growing, size: int, who: Mapping[str, Contestant], place: Arena, results: Results) -> None:
    async def once() -> Mapping[str, Figures]:
        return {name: await measured(who[name], axis.workload(size), place) for name in axis.who}

    for name, figures in (await undisturbed(once)).items():
        results.add(f"{axis.name} {size}", name, {"cost": figures[axis.figure]})


async def _stored(contestant: Contestant, place: Arena, rounds: int, results: Results) -> None:
    """Turns that are stored, while more and more is."""
    request = requests.http(requests.small(store=True))
    there = 0
    for level in LEVELS:
        async with AsyncExitStack() as stack:
            load = await stack.enter_async_context(loading(contestant.port, request, _CROWD))
            while there < level:
                there += (await load.seen()).answered
        for _ in range(rounds):
            figures = await measured(contestant, Workload(STORED, request, 4, seconds=0.6), place)
            cost = {"cost": figures["processor ms/request"], "store": figures["store ms/request"]}
            results.add(f"{STORED} {level}", INLINE, cost)
            there += round(figures["rate"])


def curves(results: Results, axis: str, sizes: Sequence[int], figure: str = "cost") -> Mapping[str, Mapping[float, float]]:
    """For each who was measured: the median by size."""
    found: dict[str, dict[float, float]] = {}
    for size in sizes:
        for name in results.rows.get(f"{axis} {size}", {}):
            found.setdefault(name, {})[size] = statistics.median(results.values(f"{axis} {size}", name, figure))
    return found


def section(results: Results) -> str:
    rows = []
    for axis in AXES:
        for name, costs in curves(results, axis.name, axis.sizes).items():
            rows.append(_row(f"{axis.unit}, {axis.about}", name, costs))
    for figure, name in (("cost", "inline"), ("store", "the store itself")):
        for costs in curves(results, STORED, LEVELS, figure).values():
            rows.append(_row("responses already stored, CPU ms a request", name, costs))
    return table(["", "who", "cost by size", "twice the size costs"], rows)


def _row(what: str, name: str, costs: Mapping[float, float]) -> list[str]:
    times = doubling(costs)
    verdict = "" if times <= LINEAR else ", **worse than linear**"
    return [what, name, ", ".join(f"{size:,.0f}: {number(cost)}" for size, cost in costs.items()), f"{times:.2f}×{verdict}"]
