"""The results as Markdown."""

from __future__ import annotations

from collections.abc import Mapping

from bench import growth, memory, targets, workers
from bench.compare import COMPARE
from bench.contestants import BARE, ECHO, HOSTED, HTTP, INLINE, PLAIN
from bench.figures import Spread, number, table
from bench.growth import GROWTH
from bench.memory import MEMORY
from bench.results import Results, machine
from bench.workers import WORKERS
from bench.workloads import (
    ALL,
    BURST,
    BURST_TOKENS,
    CHAIN,
    CLIENTS,
    HISTORY,
    IMAGE,
    JSON_MANY,
    JSON_ONE,
    STORED_MANY,
    STORED_ONE,
    paced_name,
)

_ABSENT = "–"

_HEAD = """\
# Measured in one run

{machine}. Begun: {when} UTC.

Several rounds, all in turn; medians (least–most). Each Envoy has one thread, each gateway one worker, and all share the cores with the
model server and the load. Ratios, differences and "added" are taken round by round against the echo, the floor of any processor in
Python, unless it says otherwise. CPU is what the system counts for the processes, in the time looked at.
"""


def report(found: Mapping[str, Results]) -> str:
    """Of the last run of each part."""
    results, memories = found[COMPARE], found[MEMORY]
    parts = [
        _HEAD.format(machine=machine(), when=", ".join(f"{name} {part.when}" for name, part in found.items() if part.rows)),
        _part("Targets", targets.section(results, memories)),
        _part("Is it the gateway that was measured?", checked(results)),
        _part("Requests", requests(results)),
        _part("Streams of 50 tokens/s", streams(results)),
        _part("A stream that comes at once", bursts(results)),
        _part("Bytes and round trips to the store", store(results)),
        _part("Memory of an open stream", opened(memories)),
    ]
    if found[WORKERS].rows:
        parts.append(_part("Workers", workers.section(found[WORKERS])))
    if found[GROWTH].rows:
        parts.append(_part("Growth", growth.section(found[GROWTH])))
    return "\n".join(parts)


def _part(title: str, text: str) -> str:
    return f"## {title}\n\n{text}\n"


def requests(results: Results) -> str:
    head = ["", "", "requests/s", "of the floor's", "p50 ms", "p99 ms", "added p50 ms", "added p99 ms", "CPU ms: processor", "Envoy"]
    rows = []
    for name in (JSON_ONE, JSON_MANY, STORED_ONE, STORED_MANY, HISTORY, IMAGE):
        for who in results.rows.get(name, {}):
            rows.append(
                [
                    name,
                    who,
                    _cell(results.spread(name, who, "rate")),
                    _median(results.ratio(name, who, ECHO, "rate"), "×"),
                    _cell(results.spread(name, who, "request p50")),
                    _median(results.spread(name, who, "request p99")),
                    _added(results, name, who, "request p50"),
                    _added(results, name, who, "request p99"),
                    _median(results.spread(name, who, "processor ms/request")),
                    _median(results.spread(name, who, "envoy ms/request")),
                ]
            )
    return table(head, rows)


def streams(results: Results) -> str:
    head = [
        "",
        "",
        "share of streams that flowed",
        "tokens/s",
        "CPU µs a token: processor",
        "of the floor's",
        "Envoy",
        "a token's way, p50 ms",
        "p99 ms",
        "added p50 ms",
    ]
    rows = []
    for name in map(paced_name, CLIENTS):
        for who in results.rows.get(name, {}):
            rows.append(
                [
                    name,
                    who,
                    _median(results.spread(name, who, "flowing")),
                    _median(results.spread(name, who, "event rate")),
                    _cell(results.spread(name, who, "processor µs/token")) if who not in (BARE, PLAIN) else _ABSENT,
                    _median(results.ratio(name, who, ECHO, "processor µs/token"), "×") if who not in (BARE, PLAIN) else _ABSENT,
                    _median(results.spread(name, who, "envoy µs/token")) if who not in (BARE, HTTP) else _ABSENT,
                    _median(results.spread(name, who, "token p50")),
                    _median(results.spread(name, who, "token p99")),
                    _added(results, name, who, "token p50"),
                ]
            )
    return table(head, rows)


def bursts(results: Results) -> str:
    head = ["", "streams/s", "first token p50 ms", "p99 ms", "added p50 ms", "whole p50 ms", "CPU µs a token: processor", "Envoy"]
    rows = []
    for who in results.rows.get(BURST, {}):
        cpu = [results.spread(BURST, who, f"{part} ms/request") for part in ("processor", "envoy")]
        rows.append(
            [
                who,
                _cell(results.spread(BURST, who, "rate")),
                _median(results.spread(BURST, who, "first p50")),
                _median(results.spread(BURST, who, "first p99")),
                _added(results, BURST, who, "first p50"),
                _median(results.spread(BURST, who, "request p50")),
                *(_ABSENT if part is None else number(part.median / BURST_TOKENS * 1000) for part in cpu),
            ]
        )
    return table(head, rows)


def store(results: Results) -> str:
    head = ["", "", "round trips", "bytes to the store", "bytes from it", "CPU ms: processor", "store", "ms: first turns", "last turns"]
    figures = (
        "round trips",
        "bytes to store",
        "bytes from store",
        "processor ms/request",
        "store ms/request",
        "first turns ms",
        "last turns ms",
    )
    rows = [[CHAIN, who, *(_median(results.spread(CHAIN, who, figure)) for figure in figures)] for who in results.rows.get(CHAIN, {})]
    for name in (JSON_MANY, STORED_MANY):
        for who in (INLINE, HOSTED, HTTP):
            trips, size = results.spread(name, who, "round trips"), results.spread(name, who, "store bytes")
            used = [results.spread(name, who, f"{part} ms/request") for part in ("processor", "store")]
            rows.append([name, who, _median(trips), f"both ways {_median(size)}", "", *map(_median, used), "", ""])
    return table(head, rows)


def opened(results: Results) -> str:
    """Between so many open streams and so many more."""
    rows = []
    for who in results.rows.get(memory.OPEN, {}):
        own = [_cell(results.spread(memory.OPEN, who, f"{part} KiB/stream")) for part in ("processor", "envoy")]
        rows.append([who, *own, _median(results.more(memory.OPEN, who, ECHO, "processor KiB/stream"))])
    told = f"Resident memory with {memory.MANY:,} open streams less that with {memory.FEW}, in new processes."
    return f"{table(['KiB a stream', 'processor', 'Envoy', 'processor beyond the floor'], rows)}\n\n{told}"


def checked(results: Results) -> str:
    """The same load without any gateway: far above what any gateway reaches, or these numbers mean nothing."""
    rows = []
    for name in (JSON_MANY, HISTORY, IMAGE, BURST, paced_name(CLIENTS[-1])):
        figure = "event rate" if name == paced_name(CLIENTS[-1]) else "rate"
        bare, around = results.spread(name, BARE, figure), results.spread(name, BARE, "around cores")
        best = max((found.median for who in ALL[2:] if (found := results.spread(name, who, figure))), default=0.0)
        busy = results.spread(name, INLINE, "around cores")
        if bare and around and best:
            rows.append([name, f"{bare}", f"{bare.median / best:.1f}×", _median(around), _median(busy)])
    head = [
        "without a gateway",
        "requests/s, or tokens/s",
        "of the best gateway's",
        "cores of load and model server",
        "the same beside inline",
    ]
    others = [value for row in results.rows.values() for figures in row.values() for value in figures.get("others cores", [])]
    told = f"What else ran on the machine took {Spread.of(others)} cores while it was measured." if others else ""
    return f"{table(head, rows)}\n\n{told}"


def _added(results: Results, name: str, who: str, figure: str) -> str:
    return _ABSENT if who in (BARE, PLAIN, ECHO) else _median(results.more(name, who, ECHO, figure))


def _cell(found: Spread | None) -> str:
    return _ABSENT if found is None else str(found)


def _median(found: Spread | None, unit: str = "") -> str:
    return _ABSENT if found is None else f"{number(found.median)}{unit}"
