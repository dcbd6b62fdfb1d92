"""What the plot shows, as plain numbers: who draws it needs nothing else (see plot.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench import growth
from bench.contestants import ECHO, HOSTED, HTTP, INLINE
from bench.results import Results
from bench.workloads import BURST, CLIENTS, HISTORY, IMAGE, JSON_MANY, STORED_MANY, paced_name

_WHO = (ECHO, INLINE, HOSTED, HTTP)

Panel = Mapping[str, Any]


def panels(compared: Results, grown: Results) -> Sequence[Panel]:
    found: list[Panel] = []
    if compared.rows:
        rates = {"small JSON": JSON_MANY, "stored": STORED_MANY, "2,000 tokens": BURST, "400 kB": HISTORY, "10 MB": IMAGE}
        streams = {
            (f"{clients:,} streams" if clients > 1 else "1 stream"): paced_name(clients)
            for clients in CLIENTS
            if compared.rows.get(paced_name(clients))
        }
        found.append(_bars("Requests/s, of the floor's", rates, compared, "rate"))
        found.append(_bars("CPU per streamed chunk, of the floor's", streams, compared, "processor µs/token"))
    if grown.rows:
        for axis in growth.AXES:
            lines = growth.curves(grown, axis.name, axis.sizes)
            found.append({"title": f"{axis.about[0].upper()}{axis.about[1:]}", "x": axis.unit, "lines": _points(lines)})
        stored = growth.curves(grown, growth.STORED, growth.LEVELS)
        kept = growth.curves(grown, growth.STORED, growth.LEVELS, "store")
        lines = {**stored, "the store itself": kept[INLINE]}
        found.append({"title": "CPU ms a stored request", "x": "responses already stored", "lines": _points(lines)})
    return found


def _bars(title: str, names: Mapping[str, str], results: Results, figure: str) -> Panel:
    series = {}
    for who in _WHO:
        spreads = [results.ratio(name, who, ECHO, figure) for name in names.values()]
        series[who] = [[0.0, 0.0, 0.0] if found is None else [found.median, found.low, found.high] for found in spreads]
    return {"title": title, "groups": list(names), "bars": series}


def _points(lines: Mapping[str, Mapping[float, float]]) -> Mapping[str, Sequence[Sequence[float]]]:
    return {name: [list(costs), list(costs.values())] for name, costs in lines.items()}
