from __future__ import annotations

import asyncio

from gw_extproc.telemetry.record import Door, Exchange
from gw_extproc.telemetry.telemetry import Telemetry
from gw_extproc.telemetry.together import MOMENT, MOST, Together


class Seen:
    def __init__(self) -> None:
        self.begun: list[Exchange] = []
        self.over: list[Exchange] = []
        self.closed = False

    def began(self, exchange: Exchange) -> None:
        self.begun.append(exchange)

    def ended(self, exchange: Exchange) -> None:
        self.over.append(exchange)

    async def close(self) -> None:
        self.closed = True


def exchanged(together: Together, times: int = 1) -> None:
    for _ in range(times):
        with Telemetry([together]).begin(Door.HTTP, "GET", "other", {}):
            pass


async def test_an_end_is_told_when_the_moment_is_over() -> None:
    seen = Seen()
    exchanged(together := Together([seen]), 2)
    assert (len(seen.begun), seen.over) == (2, [])
    await asyncio.sleep(MOMENT * 1.5)
    assert seen.over == seen.begun
    exchanged(together)
    await asyncio.sleep(MOMENT * 1.5)
    assert seen.over == seen.begun


async def test_many_do_not_wait_for_it() -> None:
    seen = Seen()
    exchanged(together := Together([seen]), MOST)
    assert seen.over == seen.begun
    exchanged(together)
    assert len(seen.over) == MOST


async def test_who_asks_and_who_closes_is_told_all() -> None:
    seen = Seen()
    exchanged(together := Together([seen]))
    together.catch_up()
    assert seen.over == seen.begun
    exchanged(together)
    await together.close()
    assert seen.over == seen.begun
    assert (len(seen.over), seen.closed) == (2, True)


async def test_one_that_fails_keeps_nothing_from_the_others() -> None:
    class Clumsy(Seen):
        def ended(self, exchange: Exchange) -> None:
            raise ZeroDivisionError

    seen = Seen()
    exchanged(together := Together([Clumsy(), seen]), 2)
    together.catch_up()
    assert seen.over == seen.begun
