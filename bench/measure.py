"""One measurement: a contestant under one kind of load, for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench import cpu
from bench.contestants import Arena, Contestant
from bench.figures import percentile
from bench.load import Load, Seen, loading
from bench.store import Traffic

Figures = Mapping[str, float]

_PATIENCE = 20.0  # seconds for streams to end by themselves
_QUIET = 0.2


@dataclass(frozen=True)
class Workload:
    """A load, and how long it is looked at."""

    name: str
    request: bytes = field(repr=False)
    connections: int
    seconds: float = 1.0
    warm_up: float = 0.3
    ramp: float = 0.0
    again: bool = True
    """Whether a connection asks anew when it was answered; else it asks once, and all streams flow while we look."""
    begin: float = 0.0
    """Seconds that streams may take to begin after the ramp; each must be longer by these."""


class MeasurementFailed(Exception):
    """Something else than answers came back, or a process that was measured has ended."""


async def measured(contestant: Contestant, workload: Workload, arena: Arena) -> Figures:
    """Raises MeasurementFailed."""
    crowd = loading(contestant.port, workload.request, workload.connections, ramp=workload.ramp, again=workload.again)
    async with crowd as load:
        await asyncio.sleep(workload.ramp)
        flowing = None if workload.again else await load.until_begun(workload.connections, workload.begin)
        await asyncio.sleep(workload.warm_up)
        before, began = await _moment(contestant, load, arena), time.monotonic()
        await asyncio.sleep(workload.seconds)
        after, seconds = await _moment(contestant, load, arena), time.monotonic() - began
        if not workload.again:
            await load.until_idle(_PATIENCE)
    await asyncio.sleep(_QUIET)  # what was dropped is cleared away
    seen = after.seen
    if seen.failed or seen.broken:
        raise MeasurementFailed(f"{contestant.name}, {workload.name}: {seen.failed} failed, {seen.broken} broken")
    used = {name: after.used[name] - used for name, used in before.used.items()}
    figures = _figures(seen, seconds, used, after.store.since(before.store))
    return figures if flowing is None else {**figures, "flowing": flowing / workload.connections}


@dataclass(frozen=True)
class _Moment:
    seen: Seen
    used: Mapping[str, float]
    """Seconds of CPU; `others` is what is none of ours."""
    store: Traffic


async def _moment(contestant: Contestant, load: Load, arena: Arena) -> _Moment:
    seen = await load.seen()
    parts = {"processor": contestant.processors, "envoy": contestant.envoy, "around": (load.pid, arena.model), "store": (arena.keeper,)}
    try:
        used = {name: cpu.used(pids) for name, pids in parts.items()}
    except OSError:
        ended = [f"{name} {pid}" for name, pids in parts.items() for pid in pids if not Path(f"/proc/{pid}").exists()]
        raise MeasurementFailed(f"{contestant.name}: ended meanwhile: {', '.join(ended)}") from None
    others = cpu.busy() - sum(used.values()) - time.process_time()
    return _Moment(seen, {**used, "others": others}, Traffic.of(arena.store))


def _figures(seen: Seen, seconds: float, used: Figures, store: Traffic) -> Figures:
    """All times in milliseconds, but CPU for a token or event in microseconds."""
    figures = {
        "rate": seen.answered / seconds,
        "event rate": seen.events / seconds,
        "token rate": len(seen.tokens) / seconds,
        **{f"{name} cores": spent / seconds for name, spent in used.items()},
    }
    for name, times in (("request", seen.requests), ("first", seen.firsts), ("token", seen.tokens)):
        if times:
            figures |= {f"{name} p50": percentile(times, 0.5) / 1000, f"{name} p99": percentile(times, 0.99) / 1000}
    if seen.tokens:
        figures |= {f"{name} µs/token": spent / len(seen.tokens) * 1e6 for name, spent in used.items()}
    if seen.answered:
        figures |= {f"{name} ms/request": spent / seen.answered * 1000 for name, spent in used.items()}
        figures |= {"round trips": store.round_trips / seen.answered, "store bytes": (store.received + store.sent) / seen.answered}
    return figures
