"""<think> tags, split anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw_extproc.core.think import Kind, ThinkSplitter

R, T = Kind.REASONING, Kind.TEXT


def split(pieces: Iterable[str], *, enabled: bool = True) -> list[tuple[Kind, str]]:
    """What the pieces give, neighbours of one kind joined."""
    splitter = ThinkSplitter(enabled=enabled)
    given = [said for piece in pieces for said in splitter.feed(piece)] + list(splitter.end())
    assert all(text for _, text in given)
    return [(kind, "".join(text for _, text in said)) for kind, said in groupby(given, key=lambda each: each[0])]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("<think>\nHm. Well.\n</think>\n\nYes.\n", [(R, "Hm. Well."), (T, "Yes.\n")]),
        ("\n <think>a</think>b", [(R, "a"), (T, "b")]),
        ("<think>\n\n</think>\n\nYes", [(T, "Yes")]),
        ("<think></think>", []),
        ("<think>a < b </th inks</think>c", [(R, "a < b </th inks"), (T, "c")]),
        ("<think>never closed \n", [(R, "never closed")]),
        ("<think>half</thi", [(R, "half</thi")]),
        ("<think>", []),
        ("<think> \n", []),
        ("<thin", [(T, "<thin")]),
        (" \n", [(T, " \n")]),
        ("", []),
        ("Yes. <think>no</think>", [(T, "Yes. <think>no</think>")]),
        ("<thing>", [(T, "<thing>")]),
        ("<think>a</think>b<think>c</think>", [(R, "a"), (T, "b<think>c</think>")]),
        ("  indented", [(T, "  indented")]),
        ("</think>\n\nYes", [(T, "Yes")]),
        ("\n</think>", []),
        ("</think></think>Yes", [(T, "</think>Yes")]),
        ("</thin", [(T, "</thin")]),
        ("[1]", [(T, "[1]")]),
        ("<think>a</thought></think>b", [(R, "a</thought>"), (T, "b")]),
    ],
)
def test_only_tags_at_the_beginning_count(text: str, parts: list[tuple[Kind, str]]) -> None:
    assert split([text] if text else []) == parts
    assert split(text) == parts
    for at in range(1, len(text)):
        assert split([text[:at], text[at:]]) == parts


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("<think>", "</think>"),
        ("<seed:think>", "</seed:think>"),
        ("[THINK]", "[/THINK]"),
        ("◁think▷", "◁/think▷"),
    ],
)
def test_models_have_tags_of_their_own(opening: str, closing: str) -> None:
    text = f"{opening}\nHm.\n{closing}\nYes"
    for at in range(1, len(text)):
        assert split([text[:at], text[at:]]) == [(R, "Hm."), (T, "Yes")]
    assert split(f"{closing}Yes") == [(T, "Yes")]


@pytest.mark.parametrize("text", ["<thinking>a</thinking>b", "<THINK>a</THINK>b", "[think]a[/think]b"])
def test_other_tags_belong_to_the_answer(text: str) -> None:
    assert split(text) == [(T, text)]


def test_where_the_server_has_no_tags_all_is_text() -> None:
    assert split(["<think>a</think>b"], enabled=False) == [(T, "<think>a</think>b")]


def test_a_thought_is_told_as_soon_as_it_is_certain() -> None:
    splitter = ThinkSplitter(enabled=True)
    assert list(splitter.feed("<think>one ")) == [(R, "one")]
    assert list(splitter.feed("two</")) == [(R, " two")]
    assert list(splitter.feed("three")) == [(R, "</three")]


def test_after_the_end_all_is_text() -> None:
    splitter = ThinkSplitter(enabled=True)
    assert list(splitter.end()) == []
    assert list(splitter.feed("<think>")) == [(T, "<think>")]


@given(
    st.lists(st.sampled_from(["<think>", "</think>", "[THINK]", "[/THINK]", "<", "/", "th", "ink>", "ought>", " ", "\n", "a", "é"])),
    st.data(),
)
def test_any_split_gives_the_same_parts(tokens: list[str], data: st.DataObject) -> None:
    text = "".join(tokens)
    at = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    pieces = [text[start:end] for start, end in zip([0, *at], [*at, len(text)], strict=True) if end > start]
    assert split(pieces) == split([text] if text else [])
