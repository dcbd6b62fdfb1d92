"""How steadily an answer flows: noted for every piece of it, so with nothing but a few additions."""

from __future__ import annotations

from bisect import bisect_left

GAP_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds, in seconds, of the groups into which the gaps between pieces are counted; the last group has none."""


class Pace:
    """When the pieces of one streamed answer came. Times are those of `time.perf_counter`."""

    __slots__ = ("count", "first_token", "gap_seconds", "gaps", "last", "longest_gap")

    def __init__(self) -> None:
        self.first_token: float | None = None
        self.last: float | None = None
        """When the last piece of the present model call came."""
        self.count = 0
        self.gaps = [0] * (len(GAP_BOUNDS) + 1)
        self.gap_seconds = 0.0
        self.longest_gap = 0.0

    def tick(self, now: float) -> None:
        """A piece is there."""
        last, self.last = self.last, now
        self.count += 1
        if last is None:
            if self.first_token is None:
                self.first_token = now
            return
        gap = now - last
        self.gaps[bisect_left(GAP_BOUNDS, gap)] += 1
        self.gap_seconds += gap
        if gap > self.longest_gap:
            self.longest_gap = gap

    def pause(self) -> None:
        """Another model call follows: what passes until its first piece is no gap in an answer."""
        self.last = None
