"""JSON values as commented YAML."""

from __future__ import annotations

from textwrap import dedent

import pytest

from gw_extproc.local.commented_yaml import CommentedYaml


def test_comments_stand_above_their_places_once() -> None:
    value = {"clusters": [{"name": "model", "timeout": "5s"}, {"name": "other", "timeout": "5s"}], "empty": {"list": [], "map": {}}}
    writer = CommentedYaml({"clusters[model]": "The model.", "timeout": "Not long.", "nowhere": "?"})
    assert writer.text(value) == dedent("""\
        clusters:
          # The model.
          - name: model
            # Not long.
            timeout: 5s
          - name: other
            timeout: 5s
        empty:
          list: []
          map: {}
        """)
    assert writer.unused == {"nowhere"}


def test_a_comment_on_an_items_first_key_stands_inside_the_item() -> None:
    assert CommentedYaml({"key": "Why."}).text([{"key": 1}]) == "- # Why.\n  key: 1\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain.name", "plain.name"),
        ("/a/path-1", "/a/path-1"),
        ("0.5s", "0.5s"),
        ("127.0.0.1", '"127.0.0.1"'),
        ("12", '"12"'),
        ("", '""'),
        ("*", '"*"'),
        ("a: b", '"a: b"'),
        ("No", '"No"'),
        (True, "true"),
        (3, "3"),
        (None, "null"),
    ],
)
def test_strings_are_quoted_where_yaml_would_read_something_else(value: object, text: str) -> None:
    assert CommentedYaml({}).text({"key": value}) == f"key: {text}\n"
