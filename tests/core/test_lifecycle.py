"""The table: every state meets every other."""

from __future__ import annotations

import itertools

import pytest

from gw_extproc.core import lifecycle
from gw_extproc.core.lifecycle import MOVES, TERMINAL, IllegalMove, Status

LEGAL = {(current, following) for current, moves in MOVES.items() for following in moves}


@pytest.mark.parametrize(("current", "following"), list(itertools.product(Status, Status)), ids=lambda status: status.value)
def test_every_state_meets_every_other(current: Status, following: Status) -> None:
    if (current, following) in LEGAL:
        assert lifecycle.move(current, following) is following
    else:
        with pytest.raises(IllegalMove, match=rf"is {current.value} cannot become {following.value}"):
            lifecycle.move(current, following)


def test_the_table_says_what_the_standard_says() -> None:
    assert set(MOVES) == set(Status)
    assert all(not MOVES[status] for status in TERMINAL)
    assert MOVES[Status.IN_PROGRESS] == TERMINAL
    assert MOVES[Status.QUEUED] == {Status.IN_PROGRESS, Status.FAILED, Status.CANCELLED}


def test_only_a_response_in_progress_takes_input() -> None:
    assert [status for status in Status if status is not Status.QUEUED and lifecycle.takes_input(status)] == [Status.IN_PROGRESS]
    with pytest.raises(IllegalMove, match="queued cannot take input"):
        lifecycle.takes_input(Status.QUEUED)
