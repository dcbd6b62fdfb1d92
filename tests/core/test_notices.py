"""The notice is one line that is fit for a header, whatever the names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gw_extproc.core.notices import MAX_LENGTH, Notices

NAMED = st.lists(st.tuples(st.sampled_from(("tools left out", "not sent")), st.text(st.characters(), max_size=30)), max_size=200)


@given(NAMED)
def test_any_names_make_a_line_of_printable_ascii_of_limited_length(named: list[tuple[str, str]]) -> None:
    notices = Notices()
    for heading, name in named:
        notices.add(heading, name)
    line = notices.header()
    assert (line is None) == (not named)
    assert line is None or (line.isascii() and line.isprintable() and len(line) <= MAX_LENGTH)


def test_names_stand_under_their_headings_and_are_said_once() -> None:
    notices = Notices()
    for heading, name in [("tools left out", "mcp"), ("not sent", "user"), ("tools left out", "web_search"), ("not sent", "user")]:
        notices.add(heading, name)
    assert notices.header() == "tools left out: mcp, web_search; not sent: user"


def test_line_breaks_and_other_letters_are_replaced() -> None:
    notices = Notices()
    notices.add("items left out", "a\r\nx-evil: größer")
    assert notices.header() == "items left out: a??x-evil: gr??er"


def test_a_line_is_cut_at_its_limit_before_its_letters_are_looked_at() -> None:
    notices = Notices()
    notices.add("not sent", "x" * 10_000_000)
    assert len(notices.header() or "") == MAX_LENGTH


def test_each_name_is_told_with_its_heading() -> None:
    notices = Notices()
    for heading, name in (("not sent", "user"), ("tools left out", "web_search"), ("not sent", "metadata"), ("not sent", "user")):
        notices.add(heading, name)
    assert list(notices) == [("not sent", "user", None), ("not sent", "metadata", None), ("tools left out", "web_search", None)]


def test_a_rule_that_lost_nothing_is_no_word_for_the_caller() -> None:
    notices = Notices()
    for _ in range(2):
        notices.shape("max_tokens", "max_output_tokens")
    assert list(notices.shaped()) == [("max_tokens", "max_output_tokens")]
    assert (notices.header(), list(notices)) == (None, [])
