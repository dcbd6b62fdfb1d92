"""Counts in the memory of one process: a dictionary per metric, so that to count costs a look-up and an addition.

They are shown by the admin application, which puts those of all workers side by side.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

Labels = tuple[str, ...]
Series = Mapping[Labels, Sequence[float]]
"""By the values of its labels: one number, or of a histogram how many were in each group (not cumulated), then their sum."""


class Kind(Enum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, eq=False)
class Family:
    """One metric: what it is called, what it says, and the names of its labels."""

    name: str
    kind: Kind
    help: str
    labels: Labels = ()
    bounds: tuple[float, ...] = ()
    """Upper bounds of a histogram's groups; the last group has none."""
    by_worker: bool = True
    """Whether each worker has series of its own."""


class Table:
    """One family's series in this process."""

    __slots__ = ("_bounds", "_width", "series")

    def __init__(self, family: Family) -> None:
        self._bounds = family.bounds
        self._width = len(family.bounds) + 2 if family.kind is Kind.HISTOGRAM else 1
        self.series: dict[Labels, list[float]] = {}

    def add(self, labels: Labels, amount: float = 1.0) -> None:
        """To a counter."""
        (self.series.get(labels) or self._new(labels))[0] += amount

    def set(self, labels: Labels, value: float) -> None:
        """A gauge."""
        (self.series.get(labels) or self._new(labels))[0] = value

    def observe(self, labels: Labels, value: float) -> None:
        """In a histogram."""
        numbers = self.series.get(labels) or self._new(labels)
        numbers[bisect_left(self._bounds, value)] += 1
        numbers[-1] += value

    def merge(self, labels: Labels, counts: Sequence[int], total: float) -> None:
        """Many observations at once, counted in the same groups."""
        numbers = self.series.get(labels) or self._new(labels)
        for group, count in enumerate(counts):
            numbers[group] += count
        numbers[-1] += total

    def _new(self, labels: Labels) -> list[float]:
        numbers = self.series[labels] = [0.0] * self._width
        return numbers
