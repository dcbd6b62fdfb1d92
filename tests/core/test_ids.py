"""Ids: each says where the store keeps what it names, and nothing else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw_extproc.core import ids
from gw_extproc.core.ids import Ref

parts = st.text("0123456789abcdef", min_size=ids.PART, max_size=ids.PART)
refs = st.builds(Ref, parts, parts)
A, B = "a" * ids.PART, "b" * ids.PART


def test_ids_as_they_look() -> None:
    ref = Ref(A, B)
    assert (made := ids.response_id(ref), ids.parse_response(made)) == (f"resp_{A}{B}", ref)
    assert (made := ids.conversation_id(A), ids.parse_conversation(made)) == (f"conv_{A}", A)
    assert (made := ids.prompt_id(A), ids.parse_prompt(made)) == (f"pmpt_{A}", A)
    assert (made := ids.item_id("msg", ref, 11), ids.parse_item(made)) == (f"msg_{A}{B}0b", (ref, 11))


@given(refs)
def test_a_response_id_names_its_place(ref: Ref) -> None:
    assert ids.parse_response(ids.response_id(ref)) == ref


@given(parts)
def test_a_conversation_id_names_its_thread(thread: str) -> None:
    assert ids.parse_conversation(ids.conversation_id(thread)) == thread


@given(parts)
def test_a_prompt_id_names_it(unique: str) -> None:
    assert ids.parse_prompt(ids.prompt_id(unique)) == unique


@pytest.mark.parametrize("id", ["", "pmpt_", f"pmpt_{A}0", f"conv_{A}", f"pmpt_{A}\n", f"pmpt_{A.upper()}"])
def test_what_is_no_prompt_id_names_nothing(id: str) -> None:
    assert ids.parse_prompt(id) is None


@given(refs, st.sampled_from([*ids.PREFIXES.values(), ids.OTHER]), st.integers(0, 0xFFFFF))
def test_an_item_id_names_its_record_and_position(ref: Ref, prefix: str, position: int) -> None:
    assert ids.parse_item(ids.item_id(prefix, ref, position)) == (ref, position)


@pytest.mark.parametrize(
    "id", ["", "resp_", "resp_abc", f"resp_{A}", f"resp_{A}{B}0", f"resp_{A.upper()}{B}", f"resp_{A}{B}\n", f"conv_{A}{B}", f"x{A}{B}"]
)
def test_what_is_no_response_id_names_nothing(id: str) -> None:
    assert ids.parse_response(id) is None


@pytest.mark.parametrize("id", ["", "conv_", f"conv_{A}0", f"conv_{A.upper()}", f"conv_{A}\n", f"resp_{A}"])
def test_what_is_no_conversation_id_names_nothing(id: str) -> None:
    assert ids.parse_conversation(id) is None


@pytest.mark.parametrize(
    "id", ["", f"msg_{A}{B}", f"msg_{A}{B}0", f"msg_{A}{B}000000", f"m_{A}{B}00", f"msg_{A}{B}0g", f"msg_{A}{B}00\n"]
)
def test_what_is_no_item_id_names_nothing(id: str) -> None:
    assert ids.parse_item(id) is None


def test_a_prefix_goes_by_the_type() -> None:
    assert ids.prefix_of("message") == "msg"
    assert ids.prefix_of("something_new") == ids.OTHER
    assert len(set(ids.PREFIXES.values())) == len(ids.PREFIXES)
