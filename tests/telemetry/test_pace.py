from __future__ import annotations

from gw_extproc.telemetry.pace import GAP_BOUNDS, Gaps, Pace


def test_nothing_came() -> None:
    pace = Pace()
    assert (pace.first, pace.last, pace.count) == (None, None, 0)
    assert pace.gaps() == Gaps([0] * (len(GAP_BOUNDS) + 1), 0.0, 0.0)


def test_gaps_are_those_within_a_model_call() -> None:
    pace = Pace()
    for at in (10.0, 10.0005, 10.7505):
        pace.tick(at)
    pace.pause()
    assert (pace.first, pace.last, pace.count) == (10.0, None, 3)
    pace.tick(99.0)
    pace.tick(199.0)
    assert (pace.first, pace.last, pace.count) == (10.0, 199.0, 5)
    counts, seconds, longest = pace.gaps()
    assert {GAP_BOUNDS[group] if group < len(GAP_BOUNDS) else None: count for group, count in enumerate(counts) if count} == {
        0.001: 1,
        1.0: 1,
        None: 1,
    }
    assert round(seconds, 6) == 100.7505
    assert longest == 100.0
