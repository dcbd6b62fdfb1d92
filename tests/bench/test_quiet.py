"""What was disturbed does not count."""

from __future__ import annotations

from collections.abc import Mapping

from bench.quiet import BUSY, is_disturbed, undisturbed


def test_one_disturbed_contestant_spoils_the_turn() -> None:
    assert is_disturbed([{"others cores": 0.0}, {"others cores": 2 * BUSY}])
    assert not is_disturbed([{"others cores": 0.0}, {"others cores": BUSY / 2}])


async def test_what_was_quiet_is_measured_once() -> None:
    calls: list[Mapping[str, float]] = []

    async def work() -> Mapping[str, Mapping[str, float]]:
        calls.append({"others cores": 0.0})
        return {"one": calls[-1]}

    assert (await undisturbed(work))["one"] is calls[0]
    assert len(calls) == 1
