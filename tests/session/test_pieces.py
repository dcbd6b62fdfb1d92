"""However the model's stream is cut into pieces, the caller is told the same: the shortest way of a token changes nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from gw_extproc.core.errors import UpstreamError
from gw_extproc.core.lane import LONGEST
from gw_extproc.session import answers
from tests.real import chat
from tests.session.talk import Talk, answer_of

_OURS = re.compile(rb"[0-9a-f]{48,}|\"(created|completed)_at\":\d+")
"""What differs from response to response."""

THOUGHT = [chat.chunk(reasoning_content=text) for text in ("Let", " me", " think", ".")]
SAID = chat.text("One", " two", " three", " four", " [1]", " five")
STREAMS: dict[str, Sequence[bytes]] = {
    "text": SAID,
    "thought and text": [*THOUGHT, *SAID],
    "thought between text": [*SAID, *THOUGHT, *SAID],
    "tags": chat.text("<think>", "a", "b", "</think>", "c", "d", "e"),
    "calls between text": [*SAID, chat.chunk(tool_calls=[{"index": 0, **chat.call("f", "{}")}]), *SAID],
    "empty texts between": [*SAID, *chat.text("", ""), *SAID],
    "comments between": [*SAID, b": still here\n\n", *SAID, b": half a comm", b"ent\n\n", *SAID],
    "a refusal between": [*SAID, chat.chunk(refusal="No."), *SAID],
}


def normal(body: bytes) -> bytes:
    return _OURS.sub(b"", body)


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
async def test_one_by_one_or_together(me: Talk, name: str, line_end: bytes) -> None:
    pieces = [piece.replace(b"\n", line_end) for piece in (*STREAMS[name], chat.finish())]
    whole = b"".join(pieces)
    one_by_one = await me.turn("hello", *pieces, stream=True)
    together = await me.turn("hello", whole, stream=True)
    in_bytes = await me.turn("hello", *(whole[at : at + 1] for at in range(len(whole))), stream=True)
    assert normal(one_by_one.body) == normal(together.body) == normal(in_bytes.body)
    assert one_by_one.events[-1]["type"] == "response.completed"


async def test_an_endless_answer_is_ended(me: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MAX_ANSWER", 3 * LONGEST)
    session = await me.begin(stream=True)
    answer = answer_of(session)
    (piece,) = chat.text("on and on " * 100)
    with pytest.raises(UpstreamError, match="too large"):
        await _fed(answer, piece, 4 * LONGEST // len(piece))


async def _fed(answer: answers.Answer, piece: bytes, times: int) -> None:
    for _ in range(times):
        await answer.body(piece)
