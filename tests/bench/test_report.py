"""What is written about the rounds."""

from __future__ import annotations

from bench import memory, workers
from bench.__main__ import PARTS
from bench.contestants import BARE, ECHO, INLINE
from bench.growth import AXES, LEVELS, STORED
from bench.growth import section as growth_section
from bench.panels import panels
from bench.report import report
from bench.results import Results
from bench.targets import targets
from bench.workloads import CHAIN, HISTORY, JSON_MANY, JSON_ONE, STORED_MANY, paced_name


def compared() -> Results:
    results = Results()
    for slow in (1, 2):  # the machine is half as fast in the second round
        for name, cost in ((ECHO, 1.0), (INLINE, 1.25)):
            for workload in (JSON_ONE, JSON_MANY, STORED_MANY, HISTORY):
                figures = {"rate": 1000 / cost / slow, "request p50": cost * slow, "processor ms/request": 4 * cost * slow}
                results.add(workload, name, figures)
            results.add(paced_name(50), name, {"flowing": 1, "processor µs/token": 80 * cost * slow})
            results.add(memory.OPEN, name, {"processor KiB/stream": 20 * cost})
    results.add(CHAIN, INLINE, {"round trips": 2.0})
    return results


def test_a_target_is_judged_by_the_median_of_the_rounds() -> None:
    found = {target.name: target for target in targets(compared(), compared()) if target.found is not None}
    rate = found["requests/s to the floor's, not stored"]
    assert rate.row() == ["requests/s to the floor's, not stored", "≥ 0.80×", "0.80 (0.80–0.80)×", "yes"]
    chunk = found["CPU per paced chunk to the floor's, 50 clients"]
    assert chunk.row()[2:] == ["1.25 (1.25–1.25)×", "**no**"]


def test_what_was_not_measured_is_said() -> None:
    assert targets(Results(), Results())[0].row()[2:] == ["not measured", ""]


def test_the_report_has_a_row_for_all_that_was_measured() -> None:
    text = report({**dict.fromkeys(PARTS, Results()), "compare": compared()})
    assert f"| {JSON_ONE} | inline | 600 (400–800) | 0.80× | 1.88 (1.25–2.50) |" in text
    assert f"| {paced_name(50)} | inline | 1.00 |" in text
    assert BARE not in text
    assert "## Growth" not in text


def grown() -> Results:
    results = Results()
    for axis in AXES:
        for size in axis.sizes:
            results.add(f"{axis.name} {size}", INLINE, {"cost": size / 10})
    for level in LEVELS:
        results.add(f"{STORED} {level}", INLINE, {"cost": float(level) ** 2, "store": 0.2})
    return results


def test_what_grows_worse_than_linear_is_marked() -> None:
    *lines, stored, store = growth_section(grown()).splitlines()
    assert all(line.endswith("| 2.00× |") for line in lines[2:])
    assert stored.endswith("| 4.00×, **worse than linear** |")
    assert store.endswith("| 1.00× |")


def test_panels_show_bars_of_ratios_and_lines_by_size() -> None:
    rates, chunks, *growing = panels(compared(), grown())
    assert rates["bars"][INLINE][0] == [0.8, 0.8, 0.8]
    assert chunks["groups"] == ["50 streams"]
    assert [panel["x"] for panel in growing] == [*(axis.unit for axis in AXES), "responses already stored"]


def test_two_workers_are_compared_with_one() -> None:
    results, parts = Results(), ("processor", "envoy", "around", "store")
    for name in (workers.INLINE, workers.ALONE):
        for count in (1, 2):
            results.add(name, str(count), {"rate": 100.0 * count, **{f"{part} cores": 0.25 * count for part in parts}})
    assert "| 2 | 200 (200–200) | 2.00 (2.00–2.00)× |" in workers.section(results)
