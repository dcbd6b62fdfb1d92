"""The states of a response and the legal moves between them.

A response is created as queued or in progress and ends exactly once. Whatever arrives after the end is not an error (servers send
usage after the finish, bytes after a failure) and is ignored; an illegal *move*, however, is a bug and raises, and so is input for a
response that was never announced.
"""

from __future__ import annotations

from collections.abc import Mapping

from gw_extproc.core.quick_enum import QuickEnum


class Status(QuickEnum):
    """The `status` of a response object."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = frozenset({Status.COMPLETED, Status.INCOMPLETE, Status.FAILED, Status.CANCELLED})

MOVES: Mapping[Status, frozenset[Status]] = {
    Status.QUEUED: frozenset({Status.IN_PROGRESS, Status.FAILED, Status.CANCELLED}),
    Status.IN_PROGRESS: TERMINAL,
    **{status: frozenset() for status in TERMINAL},
}


class IllegalMove(Exception):
    """A move that the table does not have, or input before its time."""


def move(current: Status, following: Status) -> Status:
    """Returns the new state; raises IllegalMove naming both where the table has no such move."""
    if following not in MOVES[current]:
        raise IllegalMove(f"a response that is {current.text} cannot become {following.text}")
    return following


def takes_input(status: Status) -> bool:
    """Whether the upstream's answer still counts; raises IllegalMove where the response has not begun."""
    if status is Status.IN_PROGRESS:
        return True
    if status is Status.QUEUED:
        raise IllegalMove(f"a response that is {status.text} cannot take input before it is {Status.IN_PROGRESS.text}")
    return False
