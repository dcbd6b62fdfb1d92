"""What all contestants are asked in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench import requests
from bench.contestants import BARE, ECHO, HOSTED, HTTP, INLINE, PLAIN
from bench.measure import Workload

ALL = (BARE, PLAIN, ECHO, INLINE, HOSTED, HTTP)
STORING = (ECHO, INLINE, HOSTED, HTTP)

JSON_ONE, JSON_MANY = "small JSON, 1 client", "small JSON, 16 clients"
STORED_ONE, STORED_MANY = "small JSON, stored, 1 client", "small JSON, stored, 16 clients"
BURST = "2,000 tokens at once, 4 clients"
HISTORY, IMAGE = "400 kB history, 1 client", "10 MB image, 1 client"
CHAIN = "100-turn stored chain"
CLIENTS = (1, 50, 200, 1000)

BURST_TOKENS = 2000


def paced_name(clients: int) -> str:
    return f"50 tokens/s, {clients:,} clients" if clients > 1 else "50 tokens/s, 1 client"


@dataclass(frozen=True)
class Turn:
    """A workload, who takes part, and in which rounds: every, every second, ..."""

    workload: Workload
    who: Sequence[str] = ALL
    every: int = 1


def turns() -> Sequence[Turn]:
    plain, kept = requests.http(requests.small(store=False)), requests.http(requests.small(store=True))
    return (
        Turn(Workload(JSON_ONE, plain, 1)),
        Turn(Workload(JSON_MANY, plain, 16)),
        Turn(Workload(STORED_ONE, kept, 1), STORING),
        Turn(Workload(STORED_MANY, kept, 16), STORING),
        Turn(Workload(BURST, requests.http(requests.burst(BURST_TOKENS)), 4)),
        Turn(Workload(HISTORY, requests.http(requests.history(200)), 1)),
        Turn(Workload(IMAGE, requests.http(requests.image()), 1, seconds=1.5)),
        *(Turn(paced(clients), every=2 if clients > 200 else 1) for clients in CLIENTS),
    )


def paced(clients: int, seconds: float = 1.5) -> Workload:
    """Streams that begin spread over a while, as those of different users do, and flow all the time that they are looked at."""
    ramp, begin, warm_up = max(0.2, clients / 400), clients / 100, 0.4
    tokens = round((ramp + begin + warm_up + seconds + 0.4) * 1e6 / requests.TOKEN_US)
    request = requests.http(requests.paced(tokens))
    return Workload(paced_name(clients), request, clients, seconds, warm_up, ramp, again=False, begin=begin)
