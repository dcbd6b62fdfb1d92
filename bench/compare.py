"""All contestants under all workloads, in turns, so that a noisy machine is noisy for all; several rounds.

Each round begins with new processes, as two of the same program may differ by a few percent for as long as they live.
"""

from __future__ import annotations

from collections.abc import Mapping

from bench.chain import chained
from bench.contestants import BARE, ECHO, HOSTED, HTTP, INLINE, PLAIN, Arena, Contestant, arena
from bench.measure import measured
from bench.quiet import undisturbed
from bench.results import Figures, Results
from bench.workloads import CHAIN, Turn, turns

COMPARE = "compare"
"""What its results are called."""

_KEEPING = (INLINE, HOSTED, HTTP)


async def compared(rounds: int, results: Results) -> None:
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", flush=True)
        async with arena() as place:
            who = await everyone(place)
            for turn in turns():
                if number % turn.every == 0:
                    await _take(turn, who, place, results)
            for name in _KEEPING:
                results.add(CHAIN, name, chained(who[name], place))


async def everyone(place: Arena) -> Mapping[str, Contestant]:
    return {
        BARE: place.bare,
        PLAIN: await place.plain(),
        ECHO: await place.echo(),
        INLINE: await place.inline(),
        HOSTED: await place.hosted(),
        HTTP: await place.http(),
    }


async def _take(turn: Turn, who: Mapping[str, Contestant], place: Arena, results: Results) -> None:
    async def once() -> Mapping[str, Figures]:
        return {name: await measured(who[name], turn.workload, place) for name in turn.who}

    for name, figures in (await undisturbed(once)).items():
        results.add(turn.workload.name, name, figures)
    results.save(COMPARE)  # so that a run that is stopped has not been for nothing
