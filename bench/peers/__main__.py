"""LiteLLM's proxy and ours, alone and behind Envoy, in front of the same fake model server."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import requests
from bench.contestants import BARE, HTTP, INLINE, Arena, Contestant, arena, free_port
from bench.figures import Spread, table
from bench.limits import raise_descriptors
from bench.measure import Workload, measured
from bench.quiet import undisturbed
from bench.results import DIRECTORY, Figures, Results, machine

LITELLM = "LiteLLM"
JSON, PACED, BURST = "small JSON, 16 clients", "50 tokens/s, 10 clients", "2,000 tokens at once, 2 clients"

_HERE = Path(__file__).parent
_OWN = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "LITELLM_MODE": "PRODUCTION"}
_START = 60.0  # seconds


def workloads() -> Sequence[Workload]:
    """Few enough streams that LiteLLM keeps up with them."""
    return (
        Workload(JSON, requests.http(requests.small(store=False)), 16, seconds=2.0, warm_up=1.0),
        Workload(PACED, requests.http(requests.paced(250)), 10, seconds=3.0, warm_up=0.5, ramp=0.3, again=False),
        Workload(BURST, requests.http(requests.burst(2000)), 2, seconds=3.0, warm_up=0.5),
    )


async def litellm(place: Arena, python: Path) -> Contestant:
    port = free_port()
    command = (python.parent / "litellm", "--config", _HERE / "litellm.yaml", "--host", "127.0.0.1", "--port", str(port))
    more = {**_OWN, "BENCH_UPSTREAM": f"http://127.0.0.1:{place.upstream}/v1"}
    async with asyncio.timeout(_START):
        return await place.other(LITELLM, command, more, port)


async def compared(rounds: int, python: Path) -> Results:
    results = Results()
    async with arena() as place:
        who = [place.bare, await litellm(place, python), await place.inline(), await place.http()]
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", flush=True)
            for workload in workloads():
                await _take(workload, who, place, results)
    return results


async def _take(workload: Workload, who: Sequence[Contestant], place: Arena, results: Results) -> None:
    async def once() -> Mapping[str, Figures]:
        return {contestant.name: await measured(contestant, workload, place) for contestant in who}

    for name, figures in (await undisturbed(once)).items():
        results.add(workload.name, name, figures)


def tokens_for_cpu(results: Results, workload: str, name: str) -> Sequence[float]:
    """Streamed tokens for a second of CPU, Envoy's share included."""
    rates = results.values(workload, name, "token rate")
    cores = zip(results.values(workload, name, "processor cores"), results.values(workload, name, "envoy cores"), strict=True)
    return [rate / (ours + envoys) for rate, (ours, envoys) in zip(rates, cores, strict=True)]


def report(results: Results) -> str:
    measures: Mapping[str, Mapping[str, Sequence[float]]] = {
        f"{JSON}: requests/s": {name: results.values(JSON, name, "rate") for name in (LITELLM, INLINE, HTTP)},
        **{
            f"{workload}: tokens per CPU second": {name: tokens_for_cpu(results, workload, name) for name in (LITELLM, INLINE, HTTP)}
            for workload in (PACED, BURST)
        },
    }
    rows = [[what, *(_cell(values, found[LITELLM]) for values in found.values())] for what, found in measures.items()]
    bare = results.spread(JSON, BARE, "rate")
    note = f"Medians (least–most), and how often they contain LiteLLM's. Without any gateway: {bare} requests/s. {machine()}."
    return f"{table(['', LITELLM, INLINE, HTTP], rows)}\n\n{note}\n"


def _cell(values: Sequence[float], reference: Sequence[float]) -> str:
    times = Spread.of([value / other for value, other in zip(values, reference, strict=True)])
    return f"{Spread.of(values)}, {times.median:.1f}×"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--python", type=Path, required=True, help="the interpreter of the environment where LiteLLM is installed")
    given = parser.parse_args()
    if not given.python.exists():
        sys.exit(f"{given.python} is not there: make bench-peers installs it")
    raise_descriptors()
    results = asyncio.run(compared(given.rounds, given.python.absolute()))
    results.save("peers")
    text = report(results)
    (DIRECTORY / "peers.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
