"""What a process waits for before it ends."""

from __future__ import annotations

import asyncio
import logging

import pytest

from gw_extproc.aftermath import Aftermath, InFlight
from tests.store.stores import eventually
from tests.waiting import DEADLINE


class Work:
    """Some work: it begins, waits for the test and ends."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.goes_on = asyncio.Event()

    async def run(self) -> None:
        self.told.append("begun")
        try:
            await self.goes_on.wait()
        except asyncio.CancelledError:
            self.told.append("cut off")
            raise
        self.told.append("done")


@pytest.fixture
async def work() -> Work:
    return Work()


async def fails() -> None:
    raise ValueError("broken")


async def test_nothing_to_wait_for_is_settled_at_once() -> None:
    await Aftermath().settled(DEADLINE)
    await InFlight().ended(DEADLINE)


async def test_what_goes_on_is_waited_for(work: Work) -> None:
    aftermath = Aftermath()
    aftermath.go_on(work.run())
    settling = asyncio.create_task(aftermath.settled(DEADLINE))
    await eventually(lambda: work.told == ["begun"], "the work")
    assert not settling.done()
    work.goes_on.set()
    await settling
    assert work.told == ["begun", "done"]


async def test_what_goes_on_too_long_is_cut_off_and_what_it_leaves_is_saved(work: Work) -> None:
    aftermath, saving = Aftermath(), Work()

    async def interrupted() -> None:
        try:
            await work.run()
        finally:
            await aftermath.saved(saving.run())

    aftermath.go_on(interrupted())
    await eventually(lambda: work.told == ["begun"], "the work")
    settling = asyncio.create_task(aftermath.settled(0))
    await eventually(lambda: saving.told == ["begun"], "the save")
    assert not settling.done()
    saving.goes_on.set()
    await settling
    assert (work.told, saving.told) == (["begun", "cut off"], ["begun", "done"])


async def test_whoever_is_cancelled_leaves_the_save_to_end_by_itself(work: Work) -> None:
    aftermath = Aftermath()
    waiting = asyncio.create_task(aftermath.saved(work.run()))
    await eventually(lambda: work.told == ["begun"], "the save")
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert waiting.cancelled()
    work.goes_on.set()
    await aftermath.settled(0)
    assert work.told == ["begun", "done"]


async def test_who_waits_for_a_save_waits_until_it_is_done(work: Work) -> None:
    aftermath = Aftermath()
    waiting = asyncio.create_task(aftermath.saved(work.run()))
    await eventually(lambda: work.told == ["begun"], "the save")
    assert not waiting.done()
    work.goes_on.set()
    await waiting


async def test_a_failure_is_logged_once_and_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    aftermath = Aftermath()
    with caplog.at_level(logging.ERROR):
        aftermath.save(fails())
        await aftermath.settled(DEADLINE)
    (record,) = caplog.records
    assert record.message == "work after a request failed"
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ValueError)


async def test_requests_in_flight_are_listed_while_they_last(work: Work) -> None:
    requests = InFlight()

    async def request() -> None:
        with requests:
            await work.run()

    serving = asyncio.create_task(request())
    await eventually(lambda: work.told == ["begun"], "the request")
    await requests.ended(0)
    ending = asyncio.create_task(requests.ended(DEADLINE))
    work.goes_on.set()
    await ending
    assert serving.done()
    await requests.ended(DEADLINE)
