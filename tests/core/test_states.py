"""Law: every state of a response meets every input of the assembler."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import orjson
import pytest

from gw_extproc.core.assembler import Assembler
from gw_extproc.core.errors import UpstreamError
from gw_extproc.core.lifecycle import TERMINAL, IllegalMove, Status
from gw_extproc.core.sse import Ending

from .answers import SAID_DONE, Answer, assembler, chunk

FAILED = ["error", "response.failed"]

Input = Callable[[Assembler], bytes]

REACH: dict[Status, Input] = {
    Status.QUEUED: lambda _: b"",
    Status.IN_PROGRESS: lambda made: made.start(),
    Status.COMPLETED: lambda made: made.start() + made.end(Ending.DONE),
    Status.INCOMPLETE: lambda made: made.start() + made.feed(chunk(finish="length")) + made.end(Ending.DONE),
    Status.FAILED: lambda made: made.start() + made.fail(UpstreamError("no")),
}
INPUTS: dict[str, Input] = {
    "start": lambda made: made.start(),
    "feed text": lambda made: made.feed(chunk({"content": "a"})),
    "feed error": lambda made: made.feed({"error": "no"}),
    "feed finish": lambda made: made.feed(chunk(finish="stop")),
    "end whole": lambda made: made.end(Ending.WHOLE),
    "end done": lambda made: made.end(Ending.DONE),
    "end cut": lambda made: made.end(Ending.CUT),
    "fail": lambda made: made.fail(UpstreamError("no")),
}
LEGAL = {
    (Status.QUEUED, "start"): Status.IN_PROGRESS,
    (Status.QUEUED, "fail"): Status.FAILED,
    (Status.IN_PROGRESS, "feed text"): Status.IN_PROGRESS,
    (Status.IN_PROGRESS, "feed finish"): Status.IN_PROGRESS,
    (Status.IN_PROGRESS, "feed error"): Status.FAILED,
    (Status.IN_PROGRESS, "end whole"): Status.FAILED,  # nothing was fed: no choices
    (Status.IN_PROGRESS, "end done"): Status.COMPLETED,
    (Status.IN_PROGRESS, "end cut"): Status.FAILED,
    (Status.IN_PROGRESS, "fail"): Status.FAILED,
}


def reached(status: Status) -> Assembler:
    made = assembler()
    if status in REACH:
        REACH[status](made)
    else:
        made.status = status  # nothing cancels yet
    assert made.status is status
    return made


@pytest.mark.parametrize(("status", "input"), list(itertools.product(Status, INPUTS)), ids=str)
def test_every_state_meets_every_input(status: Status, input: str) -> None:
    made = reached(status)
    before = (made.response, made.error)
    if (status, input) in LEGAL:
        given = INPUTS[input](made)
        assert made.status is LEGAL[status, input]
        assert (SAID_DONE in given) == (made.status in TERMINAL) == bool(made.response)
    elif status in TERMINAL and input != "start":
        assert INPUTS[input](made) == b""
        assert (made.status, made.response, made.error) == (status, *before)
    else:
        with pytest.raises(IllegalMove, match=f"{status.value} cannot .* {Status.IN_PROGRESS.value}"):
            INPUTS[input](made)
        assert (made.status, made.response, made.error) == (status, *before)
        if status is Status.QUEUED:
            assert made.start() == assembler().start()


def test_a_response_that_fails_before_it_began_says_so_all_the_same() -> None:
    made = assembler()
    got = Answer(made.fail(UpstreamError("no")), orjson.loads(made.response), False)
    assert got.types == FAILED
    assert [each["sequence_number"] for each in got.events] == [0, 1]
