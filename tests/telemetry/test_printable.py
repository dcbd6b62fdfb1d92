"""What comes from outside, made fit for a log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw_extproc.telemetry.printable import LONGEST, printable


@pytest.mark.parametrize(
    ("text", "shown"), [("gpt-oss:20b", "gpt-oss:20b"), ("a b\x1b[3m\n…", "a?b?[3m??"), ("x" * 200, "x" * LONGEST), ("", "")]
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_nothing_acts_on_a_terminal(text: str) -> None:
    assert all("!" <= char <= "~" for char in printable(text))
