"""How many tokens a response took."""

from __future__ import annotations

from typing import Any

import pytest

from gw_extproc.core.usage import MAX_COUNT, added, count, counted, estimated, merged, said


def numbers(**given: Any) -> list[int]:
    """Input, cached, written, output, reasoning and total of what was given."""
    usage = counted(given)
    assert usage is not None
    into, out = usage["input_tokens_details"], usage["output_tokens_details"]
    return [
        usage["input_tokens"],
        into["cached_tokens"],
        into["cache_write_tokens"],
        usage["output_tokens"],
        out["reasoning_tokens"],
        usage["total_tokens"],
    ]


class TestMerging:
    @pytest.mark.parametrize("given", [None, {}, [], 5, "no"])
    def test_what_is_no_count_changes_nothing(self, given: object) -> None:
        assert merged({"prompt_tokens": 5}, given) == {"prompt_tokens": 5}
        assert merged(None, given) is None

    @pytest.mark.parametrize("nothing", [{}, {"completion_tokens": None}, {"completion_tokens": 0}])
    def test_a_field_that_says_nothing_takes_nothing_back(self, nothing: dict[str, Any]) -> None:
        assert merged({"prompt_tokens": 5, "completion_tokens": 1}, {"prompt_tokens": 6, **nothing}) == {
            "prompt_tokens": 6,
            "completion_tokens": 1,
        }

    def test_a_later_count_replaces_and_adds(self) -> None:
        known = merged(merged(None, {"input_tokens": 5, "output_tokens": 1}), {"output_tokens": 9, "reasoning_tokens": 2})
        assert known == {"input_tokens": 5, "output_tokens": 9, "reasoning_tokens": 2}


class TestCounted:
    def test_both_details_are_always_there(self) -> None:
        assert counted({"prompt_tokens": 5, "completion_tokens": 3}) == {
            "input_tokens": 5,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 3,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 8,
        }

    @pytest.mark.parametrize(
        ("prompt", "completion"),
        [("prompt_tokens", "completion_tokens"), ("input_tokens", "output_tokens"), ("prompt_tokens", "output_tokens")],
    )
    def test_tokens_have_the_names_of_either_api(self, prompt: str, completion: str) -> None:
        given = {
            prompt: 5,
            completion: "3",
            "total_tokens": 10,
            f"{prompt}_details": {"cached_tokens": 4, "cache_write_tokens": "1"},
            f"{completion}_details": {"reasoning_tokens": 2},
        }
        assert numbers(**given) == [5, 4, 1, 3, 2, 10]

    @pytest.mark.parametrize("name", ["cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens"])
    def test_cached_tokens_have_many_names(self, name: str) -> None:
        assert numbers(**{"prompt_tokens": 5, name: 4, "cache_creation_input_tokens": 1, "reasoning_tokens": 2}) == [5, 4, 1, 0, 2, 5]

    def test_the_total_is_the_sum_at_least(self) -> None:
        assert numbers(prompt_tokens=5, completion_tokens=3, total_tokens=20)[-1] == 20
        assert numbers(prompt_tokens=5, completion_tokens=3, total_tokens=5)[-1] == 8

    @pytest.mark.parametrize(
        "given", [None, {}, {"prompt_tokens": 0}, {"prompt_tokens": "many"}, {"completion_tokens": [3]}, {"total_tokens": 8}]
    )
    def test_what_counts_nothing_is_none(self, given: Any) -> None:
        assert counted(given) is None

    def test_details_of_the_wrong_type_are_zero(self) -> None:
        given = {"prompt_tokens": 5.0, "completion_tokens": 1e300, "prompt_tokens_details": [1], "completion_tokens_details": "no"}
        assert numbers(**given) == [5, 0, 0, 0, 0, 5]
        assert {number.__class__ for number in numbers(**given)} == {int}


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5),
        (5.9, 5),
        ("5", 5),
        ("005", 5),
        (-5, 0),
        ("-5", 0),
        ("5.0", 0),
        ("²", 0),
        ("9" * 16, 0),
        (MAX_COUNT, 0),
        (MAX_COUNT - 1, MAX_COUNT - 1),
        (None, 0),
        ([5], 0),
    ],
)
def test_a_count_is_a_whole_number_that_is_exact_everywhere(value: object, number: int) -> None:
    assert count(value) == number


def test_an_estimate_is_four_bytes_a_token() -> None:
    usage = estimated(9, 1)
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (3, 1, 4)


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({"content": [{"text": "ab"}, {"refusal": "é"}, {"text": ""}]}, 4),
        ({"arguments": "{}"}, 2),
        ({"input": "abc"}, 3),
        ({"action": {"commands": ["ls"]}}, 20),
        ({"operation": {"path": "a"}}, 13),
        ({"arguments": {"query": "q"}}, 14),
        ({"content": None}, 0),
    ],
)
def test_what_the_model_said_has_a_size(item: dict[str, Any], size: int) -> None:
    assert said(item) == size


def test_two_model_calls_are_added_up() -> None:
    one, two = estimated(8, 4), estimated(4, 4)
    assert added(one, two) == estimated(12, 8)
    assert added(one, None) == added(None, one) == one
    assert added(None, None) is None
