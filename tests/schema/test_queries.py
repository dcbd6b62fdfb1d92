"""Query parameters: the forms in which clients write them, and what they are told of wrong ones."""

from __future__ import annotations

import pytest

from gw_extproc.core.errors import CallerError
from gw_extproc.schema.queries import Inclusion, PageQuery, Query, RetrieveQuery, validate_query

LOGPROBS = "message.output_text.logprobs"
SEALED = "reasoning.encrypted_content"


def test_what_is_left_out_has_its_default() -> None:
    assert validate_query(PageQuery, []) == PageQuery(include=[], limit=20, order="desc", after=None)
    assert validate_query(RetrieveQuery, [("stream", ""), ("starting_after", "")]) == RetrieveQuery()


@pytest.mark.parametrize("name", ["include", "include[]", "include[0]"])
def test_lists_are_written_in_three_ways(name: str) -> None:
    assert validate_query(Inclusion, [(name, LOGPROBS), ("include", SEALED)]).include == [LOGPROBS, SEALED]


@pytest.mark.parametrize(("text", "value"), [("true", True), ("True", True), ("1", True), ("false", False), ("0", False)])
def test_booleans_are_words_or_digits(text: str, value: bool) -> None:
    assert validate_query(RetrieveQuery, [("stream", text)]).stream is value


def test_of_two_the_last_counts_and_what_nobody_reads_is_not_looked_at() -> None:
    given = [("limit", "1"), ("limit", "7"), ("api-version", "x"), ("limits[0]", "y")]
    assert validate_query(PageQuery, given).limit == 7
    validate_query(Query, [("limit", "x")])


@pytest.mark.parametrize(
    ("name", "value", "code", "message"),
    [
        (
            "limit",
            "0",
            "integer_below_min_value",
            "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got 0 instead.",
        ),
        (
            "limit",
            "101",
            "integer_above_max_value",
            "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 instead.",
        ),
        ("limit", "ten", "invalid_type", "Invalid type for 'limit': expected an integer, but got 'ten' instead."),
        ("limit", "1.5", "invalid_type", "Invalid type for 'limit': expected an integer, but got '1.5' instead."),
        ("limit", "9" * 5000, "invalid_type", f"Invalid type for 'limit': expected an integer, but got '{'9' * 64}...' instead."),
        ("order", "up", "invalid_value", "Invalid value: 'up'. Supported values are: 'asc' and 'desc'."),
    ],
)
def test_a_wrong_value_is_told_by_its_name(name: str, value: str, code: str, message: str) -> None:
    assert refusal(PageQuery, name, value) == (message, name, code)


def test_a_wrong_member_of_a_list_is_told_by_its_place() -> None:
    message, param, code = refusal(Inclusion, "include[]", "everything")
    assert (param, code) == ("include[0]", "invalid_value")
    assert message.startswith("Invalid value: 'everything'. Supported values are: 'file_search_call.results', ")
    assert message.endswith("'code_interpreter_call.outputs', and 'reasoning.encrypted_content'.")


@pytest.mark.parametrize(("name", "value", "kind"), [("stream", "perhaps", "a boolean"), ("starting_after", "x", "an integer")])
def test_the_parameters_of_a_replay(name: str, value: str, kind: str) -> None:
    assert refusal(RetrieveQuery, name, value) == (
        f"Invalid type for '{name}': expected {kind}, but got '{value}' instead.",
        name,
        "invalid_type",
    )


def refusal(model: type[Query], name: str, value: str) -> tuple[str, str | None, str | None]:
    with pytest.raises(CallerError) as caught:
        validate_query(model, [(name, value)])
    assert caught.value.status == 400
    return caught.value.message, caught.value.param, caught.value.code
