"""All of the comparison: `python -m bench [--rounds N] [--only PART ...]`; the report and the numbers go to bench/results."""

from __future__ import annotations

import argparse
import asyncio

import orjson

from bench import memory
from bench.compare import compared
from bench.growth import grown
from bench.limits import raise_descriptors
from bench.panels import panels
from bench.report import report
from bench.results import DIRECTORY, Results
from bench.workers import multiplied

_PARTS = ("compare", "growth", "workers")
_FEWER = 3  # rounds of what is long and steady


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=_PARTS, default=_PARTS, help="the other parts are left out of the report")
    given = parser.parse_args()
    raise_descriptors()
    parts, few = {part: Results() for part in _PARTS}, min(given.rounds, _FEWER)
    if "compare" in given.only:
        asyncio.run(compared(given.rounds, parts["compare"]))
        asyncio.run(memory.remembered(few, parts["compare"]))
        memory.begun(few, parts["compare"])
    if "growth" in given.only:
        asyncio.run(grown(few, parts["growth"]))
    if "workers" in given.only:
        asyncio.run(multiplied(given.rounds, parts["workers"]))
    for name, results in parts.items():
        results.save(name)
    text = report(parts["compare"], parts["growth"], parts["workers"], given.rounds)
    (DIRECTORY / "latest.md").write_text(text)
    (DIRECTORY / "panels.json").write_bytes(orjson.dumps(panels(parts["compare"], parts["growth"])))
    print(text)


if __name__ == "__main__":
    main()
