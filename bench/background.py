"""Background responses on two replicas of which one is killed half way: all end, none twice.

`python -m bench.background [--responses N]`. A scripted model server, a Valkey, two workers; a client that asks both and polls the one
that is left. A response of which nothing was said when its worker died is made by the other; one that had begun to speak fails, with
what it had said.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx2

from tests import valkey
from tests.disaster import replica
from tests.real import chat
from tests.real import upstream as upstreams
from tests.real.upstream import Step, Upstream
from tests.store.stores import eventually

LEASE = 3.0
CONCURRENCY = 25
POLL = 1.0
"""Seconds between two looks at a response."""

UNENDED = ("queued", "in_progress")


@dataclass
class Asked:
    """One response: when it was asked for, and when it was seen to have ended."""

    id: str
    model: str
    began: float
    ended: float = 0.0
    status: str = ""


def models(upstream: Upstream, count: int) -> list[str]:
    """Each with a script of its own, so that its calls can be counted."""
    speak: Sequence[Step] = [chat.EVENTS, *chat.text(*["word "] * 20), chat.finish()]
    return [upstream.script(speak) for _ in range(count)]


async def ask(client: httpx2.AsyncClient, model: str) -> Asked:
    began = time.monotonic()
    answer = await client.post("/responses", json={"model": model, "input": "Go on.", "background": True})
    answer.raise_for_status()
    return Asked(answer.json()["id"], model, began)


async def await_end(client: httpx2.AsyncClient, asked: Asked) -> None:
    while True:
        answer = await client.get(f"/responses/{asked.id}")
        answer.raise_for_status()
        asked.status = answer.json()["status"]
        if asked.status not in UNENDED:
            asked.ended = time.monotonic()
            return
        await asyncio.sleep(POLL)


async def story(client: httpx2.AsyncClient, asked: Asked) -> bool:
    """Whether its events are told without gap and repeat, to one end."""
    answer = await client.get(f"/responses/{asked.id}", params={"stream": "true"})
    numbers = [
        line.partition('"sequence_number":')[2].partition(",")[0] for line in answer.text.splitlines() if line.startswith("data: {")
    ]
    return numbers == [str(number) for number in range(len(numbers))] and f"event: response.{asked.status}\n" in answer.text


async def run(count: int) -> bool:
    async with AsyncExitStack() as stack:
        upstream = stack.enter_context(upstreams.running())
        store = stack.enter_context(valkey.running())
        options: dict[str, Any] = {"background_lease": LEASE, "background_concurrency": CONCURRENCY, "background_queue": 2 * count}
        workers = [await stack.enter_async_context(replica.serving(store.url, upstream, **options)) for _ in range(2)]
        clients = [
            await stack.enter_async_context(httpx2.AsyncClient(base_url=worker.url, timeout=60, headers={"authorization": "Bearer me"}))
            for worker in workers
        ]
        began = time.monotonic()
        names = models(upstream, count)
        asked: list[Asked] = []
        for start in range(0, count, 50):
            some = names[start : start + 50]
            asked += await asyncio.gather(*(ask(clients[number % 2], name) for number, name in enumerate(some)))
            if start < count / 2 <= start + 50:
                workers[0].kill()
                clients[0] = clients[1]
                print(f"{time.monotonic() - began:6.2f} s: {len(asked)} asked for; one replica is killed", flush=True)
        print(f"{time.monotonic() - began:6.2f} s: all {count} asked for", flush=True)
        await asyncio.gather(*(await_end(clients[1], each) for each in asked))
        print(f"{time.monotonic() - began:6.2f} s: all have ended: {dict(Counter(each.status for each in asked))}", flush=True)
        await eventually(lambda: store.command("XLEN", "gw:{jobs}:queue") == 0, "an empty queue")
        times = sorted(each.ended - each.began for each in asked)
        whole = [await story(clients[1], each) for each in asked]
        calls = Counter(upstream.count(each.model) for each in asked)
        endless = [name for name in store.command("KEYS", "*") if name != b"gw:secrets" and store.command("TTL", name) < 0]
        print(f"from request to end: median {statistics.median(times):.2f} s, longest {times[-1]:.2f} s")
        print(f"model calls of a response: {dict(calls)}; events whole: {sum(whole)}; keys without expiry: {len(endless)}")
        ended_once = all(each.status in ("completed", "failed") for each in asked) and all(whole) and not endless
        print("all ended, none twice" if ended_once else "SOMETHING IS WRONG")
        return ended_once


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--responses", type=int, default=500)
    raise SystemExit(0 if asyncio.run(run(parser.parse_args().responses)) else 1)


if __name__ == "__main__":
    main()
