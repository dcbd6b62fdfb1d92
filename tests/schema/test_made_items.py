"""Which model an item, or an annotation, that is sent belongs to."""

from __future__ import annotations

import pytest

from gw_extproc.schema.output_items import kept_tag
from gw_extproc.schema.output_parts import annotation_tag


@pytest.mark.parametrize(
    ("item", "tag"),
    [
        ({"type": "message", "role": "assistant"}, "<assistant>"),
        ({"type": "message", "role": "user"}, "<message>"),
        ({"type": "function_call"}, "<function_call>"),
        ({"type": "an item of tomorrow"}, "<>"),
    ],
)
def test_messages_go_by_their_role_and_other_items_by_their_type(item: object, tag: str) -> None:
    assert kept_tag(item) == tag


@pytest.mark.parametrize(("annotation", "tag"), [({"type": "url_citation"}, "<url_citation>"), ({"type": "file_path"}, "<>")])
def test_citations_are_known_and_other_annotations_kept(annotation: object, tag: str) -> None:
    assert annotation_tag(annotation) == tag
