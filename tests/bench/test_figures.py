"""Numbers from numbers."""

from __future__ import annotations

import pytest

from bench.figures import Spread, differences, doubling, number, percentile, ratios, table


def test_a_percentile_is_one_of_the_values() -> None:
    values = list(range(100, 0, -1))
    assert [percentile(values, part) for part in (0.0, 0.5, 0.99, 1.0)] == [1, 50, 99, 100]


def test_a_single_value_is_every_percentile_and_nothing_is_zero() -> None:
    assert percentile([7], 0.5) == percentile([7], 0.99) == 7
    assert percentile([], 0.5) == 0


def test_rounds_are_compared_one_by_one() -> None:
    """A machine that was half as fast in one round was so for both."""
    assert list(ratios([10, 5], [20, 10])) == [0.5, 0.5]
    assert list(differences([3, 7], [1, 4])) == [2, 3]


def test_rounds_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratios([1, 2], [1])


def test_a_spread_shows_the_median_and_both_ends() -> None:
    assert str(Spread.of([1.0, 30.0, 2.5])) == "2.50 (1.00–30.0)"


@pytest.mark.parametrize(("value", "text"), [(0.1234, "0.12"), (12.34, "12.3"), (1234.5, "1,234"), (-0.5, "-0.50")])
def test_numbers_have_about_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_a_table_is_markdown() -> None:
    assert table(["", "a"], [["x", "1"]]) == "|  | a |\n| --- | --: |\n| x | 1 |"


def test_doubling_tells_a_line_from_a_square() -> None:
    assert doubling({size: 3 * size for size in (1, 2, 4)}) == 2
    assert doubling({size: size**2 for size in (1, 2, 4)}) == 4
