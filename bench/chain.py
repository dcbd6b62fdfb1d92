"""A chain of stored turns, each of which continues the one before: what a turn takes, early and late, and what it asks of the store."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from http.client import HTTPConnection
from typing import Any

import orjson

from bench import cpu
from bench.contestants import Arena, Contestant
from bench.measure import Figures
from bench.store import Traffic

TURNS = 100

_SAID = "All that is gold does not glitter, not all those who wander are lost. " * 4
_TENTH = 10


class Client:
    """One connection that is kept."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=30.0)

    def post(self, fields: Mapping[str, Any], path: str = "/v1/responses") -> Mapping[str, Any]:
        self._connection.request("POST", path, orjson.dumps(fields), {"content-type": "application/json"})
        answer = self._connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        found: Mapping[str, Any] = orjson.loads(body)
        return found

    def close(self) -> None:
        self._connection.close()


def chained(contestant: Contestant, arena: Arena, turns: int = TURNS) -> Figures:
    """Milliseconds of a turn at the beginning and at the end, and what a turn costs on average."""
    client, times = Client(contestant.port), list[float]()
    previous: Mapping[str, Any] = {}
    used, kept = {"processor": cpu.used(contestant.processors), "store": cpu.used([arena.keeper])}, Traffic.of(arena.store)
    for _ in range(turns):
        began = time.perf_counter()
        turn = client.post({"model": "whole", "input": _SAID, **previous})
        times.append((time.perf_counter() - began) * 1000)
        previous = {"previous_response_id": turn["id"]}
    client.close()
    now = {"processor": cpu.used(contestant.processors), "store": cpu.used([arena.keeper])}
    traffic = Traffic.of(arena.store).since(kept)
    return {
        "first turns ms": statistics.median(times[1:_TENTH]),
        "last turns ms": statistics.median(times[-_TENTH:]),
        **{f"{name} ms/request": (now[name] - before) / turns * 1000 for name, before in used.items()},
        "round trips": traffic.round_trips / turns,
        "bytes to store": traffic.received / turns,
        "bytes from store": traffic.sent / turns,
    }
