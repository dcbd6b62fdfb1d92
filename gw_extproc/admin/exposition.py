"""The counts of all workers in Prometheus's format: one family each, whose series say which worker they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

import orjson
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from gw_extproc.telemetry.families import FAMILIES
from gw_extproc.telemetry.tables import Family, Kind, Labels, Series

Snapshot = Mapping[str, Sequence[tuple[Sequence[str], Sequence[float]]]]
"""By family, its series: labels and numbers."""

_PROCESS: Mapping[str, Family] = {
    name: Family(name, kind, text)
    for name, kind, text in (
        ("process_virtual_memory_bytes", Kind.GAUGE, "Virtual memory size in bytes."),
        ("process_resident_memory_bytes", Kind.GAUGE, "Resident memory size in bytes."),
        ("process_start_time_seconds", Kind.GAUGE, "Start time of the process since the epoch in seconds."),
        ("process_cpu_seconds_total", Kind.COUNTER, "User and system CPU time in seconds."),
        ("process_open_fds", Kind.GAUGE, "Open file descriptors."),
        ("process_max_fds", Kind.GAUGE, "The most file descriptors that may be open."),
    )
}
"""What prometheus_client's collector tells of a process, for every worker here."""


def snapshot(series: Mapping[str, Series]) -> bytes:
    """One worker's counts and what its process takes, for the worker that answers for all."""
    told = {name: list(each.items()) for name, each in {**series, **_process()}.items()}
    return orjson.dumps(told)


def exposed(snapshots: Mapping[int, bytes], own: Mapping[str, float], accept: str) -> tuple[bytes, str]:
    """The answer's body and content type. By their numbers what the workers counted, and beside it what belongs to none of them."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_All({number: orjson.loads(text) for number, text in snapshots.items()}, own))
    encode, content_type = choose_encoder(accept)
    body: bytes = encode(registry)
    return body, content_type


class _All(Collector):
    def __init__(self, workers: Mapping[int, Snapshot], own: Mapping[str, float]) -> None:
        self._workers = workers
        self._own = own

    def collect(self) -> Iterator[Metric]:
        for family in (*FAMILIES, *_PROCESS.values()):
            if family.by_worker:
                yield _metric(family, self._series(family))
            elif family.name in self._own:
                yield _metric(family, [((), [self._own[family.name]])])

    def _series(self, family: Family) -> Iterator[tuple[Labels, Sequence[float]]]:
        for number, told in sorted(self._workers.items()):
            for labels, numbers in told.get(family.name, ()):
                yield (*labels, str(number)), numbers


def _metric(family: Family, series: Iterable[tuple[Labels, Sequence[float]]]) -> Metric:
    labels = (*family.labels, "worker") if family.by_worker else family.labels
    match family.kind:
        case Kind.COUNTER:
            counter = CounterMetricFamily(family.name, family.help, labels=labels)
            for values, (number,) in series:
                counter.add_metric(values, number)
            return counter
        case Kind.GAUGE:
            gauge = GaugeMetricFamily(family.name, family.help, labels=labels)
            for values, (number,) in series:
                gauge.add_metric(values, number)
            return gauge
        case Kind.HISTOGRAM:
            histogram = HistogramMetricFamily(family.name, family.help, labels=labels)
            for values, numbers in series:
                histogram.add_metric(values, _groups(family, numbers[:-1]), numbers[-1])
            return histogram


def _groups(family: Family, counts: Sequence[float]) -> list[tuple[str, float]]:
    bounds = (*map(str, family.bounds), "+Inf")
    return list(zip(bounds, accumulate(counts), strict=True))


def _process() -> Mapping[str, Series]:
    samples = [sample for metric in _collector.collect() for sample in metric.samples]
    return {sample.name: {(): [sample.value]} for sample in samples if sample.name in _PROCESS}


_collector = ProcessCollector(registry=None)
