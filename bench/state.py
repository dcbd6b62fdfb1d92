"""What a long history costs, without Envoy: turn 200 of a chain and of a conversation beside turn 2; `python -m bench.state`.

A turn late in a history sends the model more than an early one does, whoever keeps the history. So each is also held against a request
that brings the same context itself and stores nothing: what that one costs more for the long context is the price of the payload, and
what is left of the late turn without it is what keeping the history costs. All take turns, so that a noisy machine is noisy for all.
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx2

from bench.native import program
from tests.gateway_process import started

ROUNDS = 3
SAMPLES = 40
EARLY = 2
LATE = 200
LARGE = 1000
"""Items of the large conversation."""

SAID = "All that is gold does not glitter, not all those who wander are lost. " * 4

Fields = Mapping[str, Any]
Times = dict[str, list[float]]


class Calls:
    """One client on one connection."""

    def __init__(self, url: str) -> None:
        self._http = httpx2.Client(base_url=url, timeout=60.0, trust_env=False)

    def post(self, path: str, fields: Fields) -> Fields:
        answer = self._http.post(path, json=fields)
        assert answer.status_code == 200, answer.text
        found: Fields = answer.json()
        return found

    def turn(self, **fields: Any) -> Fields:
        return self.post("/responses", {"model": "whole", "input": SAID, **fields})

    def chain(self, turns: int) -> Sequence[str]:
        """The ids of a new chain's responses, oldest first."""
        ids: list[str] = []
        for _ in range(turns):
            before = {"previous_response_id": ids[-1]} if ids else {}
            ids.append(str(self.turn(**before)["id"]))
        return ids

    def conversation(self, items: int) -> str:
        """A new one with so many items."""
        id = str(self.post("/conversations", {})["id"])
        for start in range(0, items, 20):
            self.post(f"/conversations/{id}/items", {"items": _said(min(20, items - start))})
        return id


def _said(items: int) -> Sequence[Fields]:
    """So many messages, of the user and the model by turns."""
    return [{"type": "message", "role": "assistant" if at % 2 else "user", "content": SAID} for at in range(items)]


def measure() -> None:
    with _upstream() as upstream, started("--upstream", upstream, command="http") as gateway:
        calls = Calls(gateway.url)
        for number in range(ROUNDS):
            print(f"run {number + 1}")
            _compare("chain", _times(_of_chains(calls)), f"turn {LATE} beside turn {EARLY}")
            _compare("conversation", _times(_of_conversations(calls)), f"{LARGE} items beside {2 * EARLY - 2}")


def _of_chains(calls: Calls) -> Mapping[str, Callable[[], object]]:
    """What is timed: turns that continue the same response again and again, so that the history keeps its length."""
    ids = calls.chain(LATE - 1)
    return {
        "early": lambda: calls.turn(previous_response_id=ids[EARLY - 2]),
        "late": lambda: calls.turn(previous_response_id=ids[LATE - 2]),
        **_brought(calls, 2 * EARLY - 1, 2 * LATE - 1),
    }


def _of_conversations(calls: Calls) -> Mapping[str, Callable[[], object]]:
    """Each turn adds two items, so the small one is new each time; what the large one gets in addition is little beside what it has."""
    small = iter([calls.conversation(2 * EARLY - 2) for _ in range(SAMPLES)])
    large = calls.conversation(LARGE)
    return {
        "early": lambda: calls.turn(conversation=next(small)),
        "late": lambda: calls.turn(conversation=large),
        **_brought(calls, 2 * EARLY - 1, LARGE + 1),
    }


def _brought(calls: Calls, early: int, late: int) -> Mapping[str, Callable[[], object]]:
    """Requests with contexts of so many items."""
    short, long = _said(early), _said(late)
    return {
        "early, brought": lambda: calls.turn(input=short, store=False),
        "late, brought": lambda: calls.turn(input=long, store=False),
    }


def _times(work: Mapping[str, Callable[[], object]]) -> Mapping[str, float]:
    """The median of each, in milliseconds."""
    times: Times = {name: [] for name in work}
    for _ in range(SAMPLES):
        for name, call in work.items():
            began = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - began) * 1000)
    return {name: statistics.median(found) for name, found in times.items()}


def _compare(what: str, times: Mapping[str, float], about: str) -> None:
    early, late = times["early"], times["late"]
    payload = times["late, brought"] - times["early, brought"]
    net = late - payload
    print(f"  {what:13} {about}: {late:.1f} / {early:.1f} ms = {late / early:.2f}")
    print(f"  {'':13} the payload alone costs {payload:.1f} ms; net of it {net:.1f} / {early:.1f} ms = {net / early:.2f}")


@contextmanager
def _upstream() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        number = listening.fileno()
        with subprocess.Popen([program("upstream"), str(number)], pass_fds=(number,)) as process:
            try:
                yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
            finally:
                process.kill()


if __name__ == "__main__":
    measure()
