"""What the gateway should cost, beside what it did: ratios of one run."""

from __future__ import annotations

from dataclasses import dataclass

from bench import memory
from bench.contestants import ECHO, HTTP, INLINE
from bench.figures import Spread, number, table
from bench.results import Results
from bench.workloads import CHAIN, HISTORY, JSON_MANY, JSON_ONE, STORED_MANY, paced_name


@dataclass(frozen=True)
class Target:
    """A bound on a figure; the median counts."""

    name: str
    bound: float
    found: Spread | None
    unit: str = ""
    at_least: bool = False

    @property
    def met(self) -> bool:
        assert self.found is not None, "it was measured"
        return self.found.median >= self.bound if self.at_least else self.found.median <= self.bound

    def row(self) -> list[str]:
        sign = "≥" if self.at_least else "≤"
        if self.found is None:
            return [self.name, f"{sign} {number(self.bound)}{self.unit}", "not measured", ""]
        return [self.name, f"{sign} {number(self.bound)}{self.unit}", f"{self.found}{self.unit}", "yes" if self.met else "**no**"]


def targets(results: Results, memories: Results) -> list[Target]:
    chunk = "processor µs/token"
    return [
        *(
            Target(
                f"CPU per paced chunk to the floor's, {clients} clients",
                1.2,
                results.ratio(paced_name(clients), INLINE, ECHO, chunk),
                "×",
            )
            for clients in (50, 200, 1000)
        ),
        Target("requests/s to the floor's, not stored", 0.8, results.ratio(JSON_MANY, INLINE, ECHO, "rate"), "×", at_least=True),
        Target("requests/s to the floor's, stored", 0.65, results.ratio(STORED_MANY, INLINE, ECHO, "rate"), "×", at_least=True),
        Target("p50 beyond the floor's, small, not stored", 0.3, results.more(JSON_ONE, INLINE, ECHO, "request p50"), " ms"),
        Target("CPU beyond the floor's for a 400 kB history", 6, results.more(HISTORY, INLINE, ECHO, "processor ms/request"), " ms"),
        Target(
            "memory of an open stream beyond the floor's", 40, memories.more(memory.OPEN, INLINE, ECHO, "processor KiB/stream"), " KiB"
        ),
        Target("round trips of a stored turn", 2, results.spread(CHAIN, INLINE, "round trips")),
        Target("start of `run` until it is ready", 2, memories.spread(memory.START, INLINE, "ready s"), " s"),
        Target("idle memory of a worker, behind Envoy", 110, memories.spread(memory.START, INLINE, "idle MiB"), " MiB"),
        Target("idle memory of a worker, alone", 110, memories.spread(memory.START, HTTP, "idle MiB"), " MiB"),
    ]


def section(results: Results, memories: Results) -> str:
    return table(["target", "bound", "measured", "met"], [target.row() for target in targets(results, memories)])
