"""Mixed traffic for long, with clients that leave and errors: memory and descriptors of the workers must stay flat.

`python -m bench.soak [--minutes N]`. Each kind of traffic has its own clients, which are dropped in the middle of what they do and
replaced all the time. In between nothing is asked until answers without a client have ended and connections that wait for another
exchange are closed: only then sizes can be compared.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from bench import cpu, requests
from bench.chain import Client
from bench.contestants import Contestant, arena
from bench.figures import number, table
from bench.limits import raise_descriptors
from bench.load import loading
from gw_extproc.http1.client import IDLE

CYCLES = 30
_STILL = 0.15  # part of a cycle in which nothing is asked
_LEAST_STILL = IDLE + 0.6
_LEAST_BUSY = 1.2
_TOKENS = 50  # of a paced stream: where answers are finished without their client, they have ended before sizes are compared

MEMORY = 1.15, 12 * 2**20
"""What the second half may have beyond the first: so much of it, and so many bytes. A leak of 100 bytes a request is far more in 30
minutes."""

DESCRIPTORS = 16


@dataclass
class Course:
    """What a worker had at the end of each cycle, when all was still."""

    name: str
    memory: list[int] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)

    def note(self, contestant: Contestant) -> None:
        self.memory.append(cpu.memory(contestant.processors))
        self.descriptors.append(cpu.descriptors(contestant.processors))

    def __str__(self) -> str:
        return f"{self.name} {self.memory[-1] / 2**20:.0f} MiB, {self.descriptors[-1]} descriptors"

    def complaints(self) -> Sequence[str]:
        """What has grown; the first third warms up, and counts for nothing."""
        found = []
        before, after = halves(self.memory)
        if after > before * MEMORY[0] and after > before + MEMORY[1]:
            found.append(f"{self.name}: memory went from {before / 2**20:.0f} to {after / 2**20:.0f} MiB")
        before, after = halves(self.descriptors)
        if after > before + DESCRIPTORS:
            found.append(f"{self.name}: descriptors went from {before:.0f} to {after:.0f}")
        return found


def halves(values: Sequence[float]) -> tuple[float, float]:
    """Medians of the first and the second half of what is left without the first third."""
    settled = values[len(values) // 3 :]
    middle = len(settled) // 2
    return statistics.median(settled[: middle or 1]), statistics.median(settled[middle:])


def traffic(previous: str) -> Mapping[bytes, int]:
    """Requests, and how many clients repeat each."""
    stored, streamed = requests.small(store=True), {"store": True, "stream": True}
    return {
        requests.http(requests.small(store=False)): 4,
        requests.http(stored): 2,
        requests.http({**stored, "previous_response_id": previous}): 2,
        requests.http(requests.history(40)): 1,
        requests.http(requests.burst(500)): 2,
        requests.http({**requests.burst(500), **streamed}): 1,
        requests.http(requests.paced(_TOKENS)): 10,
        requests.http({**requests.paced(_TOKENS), **streamed}): 5,
        requests.http({**requests.paced(40, 5000), **streamed}): 4,
        requests.http({**stored, "model": "error-503"}): 1,
        requests.http({**stored, "model": "cut-20", "stream": True}): 2,
        requests.http({**stored, "temperature": "hot"}): 1,
        requests.http({**stored, "previous_response_id": "resp_none"}): 1,
        requests.raw(b'{"model": '): 1,
    }


async def soaked(seconds: float, cycles: int = CYCLES) -> tuple[Sequence[Course], Mapping[str, int]]:
    """What became of each worker, and how many requests each kind of gateway answered, errors among them."""
    async with arena() as place:
        who = [await place.inline(), await place.hosted(), await place.http()]
        mixed = traffic(_stored(who[0]))
        courses, answered = [Course(contestant.name) for contestant in who], dict.fromkeys((one.name for one in who), 0)
        still = max(_LEAST_STILL, seconds / cycles * _STILL)
        busy = max(_LEAST_BUSY, seconds / cycles - still) / len(who)
        for cycle in range(cycles):
            for contestant in who:
                answered[contestant.name] += await _busy(contestant, mixed, busy)
            await asyncio.sleep(still)
            for contestant, course in zip(who, courses, strict=True):
                course.note(contestant)
            print(f"cycle {cycle + 1} of {cycles}: {', '.join(map(str, courses))}", flush=True)
        return courses, answered


def _stored(contestant: Contestant) -> str:
    """The id of a response that all can continue, because they share the store."""
    client = Client(contestant.port)
    id: str = client.post(requests.small(store=True))["id"]
    client.close()
    return id


async def _busy(contestant: Contestant, kinds: Mapping[bytes, int], seconds: float) -> int:
    """All kinds at once; then all clients leave, wherever they are."""
    async with AsyncExitStack() as stack:
        loads = [
            await stack.enter_async_context(loading(contestant.port, request, clients, ramp=0.1, quiet=True))
            for request, clients in kinds.items()
        ]
        await asyncio.sleep(seconds)
        seen = [await load.seen() for load in loads]
        return sum(one.answered + one.failed for one in seen)


def report(courses: Sequence[Course], answered: Mapping[str, int]) -> str:
    rows = []
    for course in courses:
        small, large = (number(size / 2**20) for size in halves(course.memory))
        few, many = halves(course.descriptors)
        rows.append([course.name, f"{answered[course.name]:,}", f"{small} → {large}", f"{few:.0f} → {many:.0f}"])
    return table(["", "requests", "memory, MiB", "descriptors"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    given = parser.parse_args()
    raise_descriptors()
    courses, answered = asyncio.run(soaked(given.minutes * 60))
    print(report(courses, answered))
    complaints = [complaint for course in courses for complaint in course.complaints()]
    sys.exit("\n".join(complaints) or 0)


if __name__ == "__main__":
    main()
