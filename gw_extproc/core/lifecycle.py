"""The states of a response and the legal moves between them.

A response is created as queued or in progress and ends exactly once. Whatever arrives after the end is not an error (servers send
usage after the finish, bytes after a failure), so the assembler is replaced by one that ignores; an illegal *move*, however, is a bug
and raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Status(Enum):
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
    """A move that the table does not have."""


def move(current: Status, following: Status) -> Status:
    """Returns the new state; raises IllegalMove naming both where the table has no such move."""
    if following not in MOVES[current]:
        raise IllegalMove(f"a response that is {current.value} cannot become {following.value}")
    return following
