"""Chunks that repeat the one before them, but for one text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from gw_extproc.core.repetition import PATIENCE, Pattern, Repetition, learned
from gw_extproc.core.sse import ChunkDecoder, Piece

from .answers import SAID_DONE, chunk, event, said


def pattern(made: dict[str, Any]) -> Pattern | None:
    return learned(orjson.dumps(made), made)


@pytest.mark.parametrize("name", ["content", "reasoning_content", "reasoning"])
@pytest.mark.parametrize("text", ["a", 'é"\\\n', ""])
def test_a_pattern_is_a_chunk_with_another_text(name: str, text: str) -> None:
    found = pattern(chunk({"role": "assistant", name: text}))
    assert found is not None
    following = chunk({"role": "assistant", name: "more 🙂"})
    repetition = found.repeated(orjson.dumps(following))
    assert repetition is not None
    assert repetition.text == "more 🙂"
    assert repetition.chunk() == following


def test_white_space_is_part_of_it() -> None:
    text = '{"choices": [{"delta": {"content" : "a"}, "index": 0} ] }'
    found = learned(text.encode(), orjson.loads(text))
    assert found is not None
    assert found.repeated(text.replace('"a"', '"b"').encode()) == Repetition("b", found)


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(chunk({"content": "a", "reasoning": "b"}), id="two texts"),
        pytest.param(chunk({"content": None}), id="no text"),
        pytest.param(chunk({"tool_calls": []}), id="nothing of it"),
        pytest.param({"content": "a"}, id="no choices"),
        pytest.param({"choices": {"delta": {"content": "a"}}}, id="choices that are no list"),
        pytest.param({"choices": [{"delta": {"content": "a"}}, {"delta": {}}]}, id="two choices"),
        pytest.param({"choices": ["content"], "content": "a"}, id="a choice that is no object"),
        pytest.param({"choices": [{"delta": None, "content": "a"}]}, id="no delta"),
        pytest.param({"choices": [{"delta": {}, "content": "a"}]}, id="a text elsewhere"),
        pytest.param({"choices": [{"delta": {"content": "a"}}], "content": "a"}, id="the same text elsewhere too"),
        pytest.param({"choices": [{"delta": {}}], "told": '"content": "a"'}, id="a field inside a text"),
    ],
)
def test_what_has_no_single_text_is_no_pattern(made: dict[str, Any]) -> None:
    assert pattern(made) is None


def test_what_was_read_leniently_is_no_pattern() -> None:
    made = chunk({"content": "a"})
    assert learned(orjson.dumps(made).replace(b'"index":0', b'"index":NaN'), made) is None


@pytest.mark.parametrize("between", [b"1", b"null", b'""', b'"a" ,"b"', b'"\xff"', b'"\\ud800"', b'"a', b"", b'{"a":"b"}'])
def test_only_one_text_that_says_something_repeats_it(between: bytes) -> None:
    whole = orjson.dumps(chunk({"content": "a"}))
    found = learned(whole, orjson.loads(whole))
    assert found is not None
    assert found.repeated(whole.replace(b'"a"', between)) is None


def test_a_payload_that_is_shorter_than_the_pattern_does_not() -> None:
    found = Pattern(b"[1,1,", b",1,1]", {}, "content")
    assert found.repeated(b"[1,1,1]") is None


def pieces(*data: bytes) -> Sequence[Piece]:
    decoder = ChunkDecoder()
    return [piece for each in data for piece in decoder.feed(each)]


def texts(found: Sequence[Piece]) -> list[str]:
    """Of the pieces that were not parsed."""
    return [piece.text for piece in found if isinstance(piece, Repetition)]


def test_a_stream_is_parsed_once() -> None:
    events = [event(each) for each in said("a", "b", "c")]
    assert texts(pieces(*events)) == ["b", "c"]
    assert texts(pieces(b"".join(events))) == ["b", "c"]
    assert texts(pieces(*(each.replace(b"\n", b"\r\n") for each in events))) == ["b", "c"]


def test_after_another_chunk_it_is_learned_anew() -> None:
    data = [event(each) for each in (*said("a", "b"), chunk(finish="stop"), *said("c", "d"))]
    assert texts(pieces(*data)) == ["b", "d"]


def test_an_event_that_has_begun_is_not_passed_over() -> None:
    first, second, third = (event(each) for each in said("a", "b", "c"))
    found = pieces(first, b"event: error\n", second, b"data: {", third, third)
    assert not texts(found)
    assert "error" in found[1]


def test_nothing_repeats_after_the_end() -> None:
    first, second = (event(each) for each in said("a", "b"))
    assert len(pieces(first, SAID_DONE, second)) == 1


def test_a_stream_whose_chunks_all_differ_is_not_learned_for_ever() -> None:
    data = [event({**each, "obfuscation": str(at)}) for at, each in enumerate(said(*"a" * PATIENCE))]
    assert not texts(pieces(*data, *(event(each) for each in said("a", "b"))))
    assert texts(pieces(*data[1:], *(event(each) for each in said("a", "b")))) == ["b"]
