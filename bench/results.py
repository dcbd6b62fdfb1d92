"""What was measured, round by round: it is written as JSON, so that a report and a plot can be made from it."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

import orjson

from bench.figures import Spread, differences, ratios

DIRECTORY = Path(__file__).parent / "results"

Figures = Mapping[str, float]
Comparison = Callable[[Sequence[float], Sequence[float]], Sequence[float]]


@dataclass
class Results:
    """One run: by workload, contestant and figure, what each round gave."""

    when: str = field(default_factory=lambda: time.strftime("%Y-%m-%d %H:%M", time.gmtime()))
    rows: dict[str, dict[str, dict[str, list[float]]]] = field(default_factory=dict)

    def add(self, workload: str, contestant: str, figures: Figures) -> None:
        row = self.rows.setdefault(workload, {}).setdefault(contestant, {})
        for name, value in figures.items():
            row.setdefault(name, []).append(value)

    def values(self, workload: str, contestant: str, figure: str) -> Sequence[float]:
        """Empty where it was not measured."""
        return self.rows.get(workload, {}).get(contestant, {}).get(figure, [])

    def spread(self, workload: str, contestant: str, figure: str) -> Spread | None:
        values = self.values(workload, contestant, figure)
        return Spread.of(values) if values else None

    def ratio(self, workload: str, contestant: str, other: str, figure: str) -> Spread | None:
        """One to the other, round by round."""
        return self._beside(ratios, workload, contestant, other, figure)

    def more(self, workload: str, contestant: str, other: str, figure: str) -> Spread | None:
        """How much one has beyond the other, round by round."""
        return self._beside(differences, workload, contestant, other, figure)

    def _beside(self, compared: Comparison, workload: str, contestant: str, other: str, figure: str) -> Spread | None:
        values, reference = self.values(workload, contestant, figure), self.values(workload, other, figure)
        found = compared(values, reference) if values and reference else ()
        return Spread.of(found) if found else None

    def save(self, name: str) -> None:
        DIRECTORY.mkdir(exist_ok=True)
        (DIRECTORY / f"{name}.json").write_bytes(orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2))

    @classmethod
    def saved(cls, name: str) -> Self:
        """The last run of that name; empty where there was none."""
        path = DIRECTORY / f"{name}.json"
        return cls(**orjson.loads(path.read_bytes())) if path.exists() else cls()


def machine() -> str:
    """Where this was measured."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), platform.machine()
    )
    return f"{os.cpu_count()} cores ({model}), Linux {platform.release()}, Python {platform.python_version()}"


def _lines(path: str) -> Sequence[str]:
    file = Path(path)
    return file.read_text().splitlines() if file.exists() else ()
