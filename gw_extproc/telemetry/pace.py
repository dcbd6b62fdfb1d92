"""How steadily an answer flows. While it does, nothing but the times of its pieces is noted; what they say is reckoned when asked."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from itertools import pairwise
from typing import NamedTuple

GAP_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds, in seconds, of the groups into which the gaps between pieces are counted; the last group has none."""


class Gaps(NamedTuple):
    """The times between pieces of the same model call."""

    counts: list[int]
    """By group."""
    seconds: float
    longest: float


class Pace:
    """When the pieces of one streamed answer came. Times are those of `time.perf_counter`."""

    __slots__ = ("_calls", "tick")

    def __init__(self) -> None:
        self._calls: list[array[float]] = []
        self.pause()

    def pause(self) -> None:
        """Another model call follows: what passes until its first piece is no gap in an answer."""
        self._calls.append(array("d"))
        self.tick = self._calls[-1].append
        """A piece came at that time."""

    @property
    def first(self) -> float | None:
        return next((times[0] for times in self._calls if times), None)

    @property
    def last(self) -> float | None:
        """When the last piece of the present model call came."""
        return self._calls[-1][-1] if self._calls[-1] else None

    @property
    def count(self) -> int:
        """How many pieces there were."""
        return sum(map(len, self._calls))

    def gaps(self) -> Gaps:
        gaps = [later - sooner for times in self._calls for sooner, later in pairwise(times)]
        counts = [0] * (len(GAP_BOUNDS) + 1)
        for gap in gaps:
            counts[bisect_left(GAP_BOUNDS, gap)] += 1
        return Gaps(counts, sum(gaps), max(gaps, default=0.0))
