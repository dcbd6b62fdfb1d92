"""The comparison: `python -m bench [--rounds N] [--only PART ...]`; the numbers and the report of all parts go to bench/results."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Coroutine, Mapping

import orjson

from bench.compare import COMPARE, compared
from bench.growth import GROWTH, grown
from bench.limits import raise_descriptors
from bench.memory import MEMORY, remembered
from bench.panels import panels
from bench.report import report
from bench.results import DIRECTORY, Results
from bench.workers import WORKERS, multiplied

PARTS: Mapping[str, Callable[[int, Results], Coroutine[None, None, None]]] = {
    COMPARE: compared,
    MEMORY: remembered,
    GROWTH: grown,
    WORKERS: multiplied,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="of the others the last results are shown")
    given = parser.parse_args()
    raise_descriptors()
    for name in given.only:
        print(name, flush=True)
        results = Results()
        asyncio.run(PARTS[name](given.rounds, results))
        results.save(name)
    found = {name: Results.saved(name) for name in PARTS}
    text = report(found)
    (DIRECTORY / "latest.md").write_text(text)
    (DIRECTORY / "panels.json").write_bytes(orjson.dumps(panels(found[COMPARE], found[GROWTH])))
    print(text)


if __name__ == "__main__":
    main()
