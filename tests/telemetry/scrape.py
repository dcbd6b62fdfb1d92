"""What /metrics says, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.waiting import DEADLINE


@dataclass(frozen=True)
class Scrape:
    samples: tuple[Sample, ...]
    types: dict[str, str]

    @classmethod
    def of(cls, url: str) -> Scrape:
        answer = httpx2.get(url, timeout=DEADLINE, headers={"connection": "close"})
        assert answer.status_code == 200, answer.text
        found = list(text_string_to_metric_families(answer.text))
        return cls(tuple(sample for family in found for sample in family.samples), {family.name: family.type for family in found})

    def each(self, name: str, **labels: str) -> Iterator[Sample]:
        """The series of that name with at least these labels."""
        for sample in self.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                yield sample

    def value(self, name: str, **labels: str) -> float:
        """Their sum, over all workers and all other labels."""
        return sum(sample.value for sample in self.each(name, **labels))
