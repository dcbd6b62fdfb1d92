"""What it costs to be seen: CPU for a streamed token and for a small request, with nothing on, with metrics, and with all of it.

`python -m bench.telemetry [--rounds N]`. Gateways behind an Envoy each take turns under the same load, so that the machine's moods are
the same for all; the figures are ratios within each round. All of it is metrics, a line of JSON for each exchange (on stderr), every
trace told to a collector, and the inspector with contents.
"""

from __future__ import annotations

import argparse
import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bench import requests
from bench.contestants import Arena, Contestant, arena
from bench.figures import Spread, ratios, table
from bench.measure import Workload, measured
from bench.quiet import undisturbed
from bench.results import Figures
from bench.workloads import paced

OFF, METRICS, ALL = "off", "metrics", "all"

Switches = Mapping[str, object]
_OFF: Switches = {"admin_port": 0, "inspector": "off"}
_METRICS: Switches = {"admin_port": 9090, "inspector": "off"}
_ALL: Switches = {"admin_port": 9090, "inspector": "content", "log_level": "info", "log_format": "json"}

SMALL = Workload("a small JSON request, 4 clients", requests.http(requests.small(store=False)), 4, seconds=2.0)

LOADS: Sequence[tuple[Workload, str, str]] = (
    (paced(50, seconds=2.5), "processor µs/token", "µs"),
    (SMALL, "processor ms/request", "ms"),
)
"""What is measured under each load, and its unit."""


async def compare(rounds: int) -> str:
    """The report, as a table."""
    names = (OFF, METRICS, ALL)
    found: dict[tuple[str, str], list[float]] = {(load.name, name): [] for load, _, _ in LOADS for name in names}
    with collector() as endpoint:
        switches = zip(names, (_OFF, _METRICS, {**_ALL, "otlp_endpoint": endpoint}), strict=True)
        async with arena() as place:
            contestants = {name: await place.inline(name=name, more=settings) for name, settings in switches}
            for number in range(rounds):
                for load, figure, _ in LOADS:
                    for name in names if number % 2 else reversed(names):
                        figures = await undisturbed(partial(_one, contestants[name], load, place))
                        found[load.name, name].append(figures[load.name][figure])
    return table(["", *names, "metrics / off", "all / off"], [_row(load, unit, found) for load, _, unit in LOADS])


def _row(load: Workload, unit: str, found: Mapping[tuple[str, str], Sequence[float]]) -> Sequence[str]:
    off, metrics, everything = (found[load.name, name] for name in (OFF, METRICS, ALL))
    figures = [f"{Spread.of(figures)} {unit}" for figures in (off, metrics, everything)]
    return [load.name, *figures, *(f"{Spread.of(ratios(figures, off))}×" for figures in (metrics, everything))]


@contextmanager
def collector() -> Iterator[str]:
    """The base URL of a collector that takes what it is told and looks at nothing."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Collector(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: it would stand among the log of the gateways."""


async def _one(contestant: Contestant, load: Workload, place: Arena) -> Mapping[str, Figures]:
    return {load.name: await measured(contestant, load, place)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.telemetry", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    print(asyncio.run(compare(parser.parse_args().rounds)))


if __name__ == "__main__":
    main()
