"""Numbers from numbers: percentiles, medians over rounds, ratios, and how they are written."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self


def percentile(values: Sequence[float], part: float) -> float:
    """The smallest value that at least this part (0 to 1) of all values does not exceed; nothing has none, so 0."""
    if not values:
        return 0.0
    ordered = sorted(values)
    rank = -(-len(ordered) * part // 1)  # rounded up
    return float(ordered[max(0, int(rank) - 1)])


@dataclass(frozen=True)
class Spread:
    """What several rounds gave."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        return cls(statistics.median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{number(self.median)} ({number(self.low)}–{number(self.high)})"


def ratios(values: Sequence[float], reference: Sequence[float]) -> Sequence[float]:
    """Round by round, because the machine's speed drifts between rounds."""
    return [value / other for value, other in zip(values, reference, strict=True) if other]


def differences(values: Sequence[float], reference: Sequence[float]) -> Sequence[float]:
    return [value - other for value, other in zip(values, reference, strict=True)]


def number(value: float) -> str:
    """About three digits; no more of them mean anything here."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first to the right."""
    marks = ["---", *["--:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, marks, *rows))


def doubling(costs: Mapping[float, float]) -> float:
    """How often the cost at the largest size contains the cost at half of it: 2 is a line, 4 a square."""
    largest = max(costs)
    return costs[largest] / costs[largest / 2]
