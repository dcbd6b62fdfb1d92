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

from .answers import Answer, announced, assembler, chunk, usage

FAILED = ["error", "response.failed"]

Input = Callable[[Assembler], bytes]


def abandon(made: Assembler) -> bytes:
    made.abandon("nobody")
    return b""


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
    "abandon": abandon,
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
    (Status.IN_PROGRESS, "abandon"): Status.INCOMPLETE,
}
IGNORED = {
    (Status.QUEUED, "abandon"),  # nobody knows of it
    *((status, name) for status in TERMINAL for name in INPUTS if name != "start"),
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
    before = told(made)
    if (status, input) in LEGAL:
        given = INPUTS[input](made)
        assert made.status is LEGAL[status, input]
        assert made.ended == (made.status in TERMINAL)
        assert not any(end in given for end in ENDS)
    elif (status, input) in IGNORED:
        assert INPUTS[input](made) == b""
        assert told(made) == before
    else:
        with pytest.raises(IllegalMove, match=f"{status.value} cannot .* {Status.IN_PROGRESS.value}"):
            INPUTS[input](made)
        assert told(made) == before
    if made.status is Status.QUEUED:
        assert made.start() == assembler().start()


ENDS = (b"[DONE]", *(f"event: response.{status.value}".encode() for status in TERMINAL))
"""What only the announcement may say."""


def told(made: Assembler) -> tuple[object, ...]:
    """All that can be asked of an assembler."""
    return made.status, made.ended, made.error, [*made.outputs], made.kept(), made.response(stored=True), made.trace()


@pytest.mark.parametrize("status", [status for status in Status if status in TERMINAL], ids=str)
def test_the_terminal_event_says_what_the_response_became_and_whether_it_is_stored(status: Status) -> None:
    for stored in (True, False):
        made = reached(status)
        event, end = announced(made, stored=stored).removesuffix(b"\n\n").split(b"\n\n")
        assert event.startswith(f"event: response.{status.value}\n".encode())
        assert orjson.loads(event.partition(b"\ndata: ")[2])["response"]["store"] is stored
        assert end == b"data: [DONE]"


class TestAbandoned:
    def test_it_is_incomplete_with_what_there_was(self) -> None:
        made = reached(Status.IN_PROGRESS)
        made.feed(chunk({"content": "a"}))
        made.feed(usage())
        made.abandon("nobody")
        response = orjson.loads(made.response(stored=True))
        assert (response["status"], response["incomplete_details"], response["error"]) == ("incomplete", {"reason": "nobody"}, None)
        assert [(item["status"], item["content"][0]["text"]) for item in response["output"]] == [("incomplete", "a")]
        assert response["usage"]["total_tokens"] == 8
        assert made.error is None

    def test_it_is_what_it_had_become_where_the_model_had_come_to_its_end(self) -> None:
        made = reached(Status.IN_PROGRESS)
        made.feed(chunk({"content": "a"}, finish="stop"))
        made.abandon("nobody")
        assert made.status is Status.COMPLETED
        assert orjson.loads(made.outputs[0])["status"] == "completed"


def test_a_response_that_fails_before_it_began_says_so_all_the_same() -> None:
    made = assembler()
    wire = made.fail(UpstreamError("no")) + announced(made)
    got = Answer(wire, orjson.loads(made.response(stored=True)), False)
    assert got.types == FAILED
    assert [each["sequence_number"] for each in got.events] == [0, 1]
