"""The soak: what it calls flat, and a very short one."""

from __future__ import annotations

import shutil

import pytest

from bench.soak import Course, halves, soaked

_MB = 2**20


def test_the_first_third_warms_up() -> None:
    assert halves([1, 1, 1, 5, 5, 6, 7, 7, 7]) == (5, 7)


def test_a_worker_that_stays_as_it_is_gives_no_cause_to_complain() -> None:
    assert not Course("one", [80 * _MB, *[90 * _MB] * 8], [20, *[30] * 8]).complaints()


def test_growth_of_memory_and_of_descriptors_is_told() -> None:
    course = Course("one", [size * 10 * _MB for size in range(1, 10)], [size * 10 for size in range(1, 10)])
    assert course.complaints() == ["one: memory went from 50 to 80 MiB", "one: descriptors went from 50 to 80"]


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
async def test_a_short_soak_leaves_all_workers_flat() -> None:
    courses, answered = await soaked(0, cycles=3)
    assert all(answered.values())
    assert not [complaint for course in courses for complaint in course.complaints()]
