"""Law: wherever the events of a response break off, what is ended there tells the same events again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw_extproc.core.assembler import Assembler
from gw_extproc.core.errors import GatewayError, UpstreamError
from gw_extproc.core.events import DONE, PROFILES, pieces
from gw_extproc.core.lifecycle import Status
from gw_extproc.core.partial import OPENING, Partial, end
from gw_extproc.core.replay import replay
from gw_extproc.core.sse import ChunkDecoder, Ending
from gw_extproc.core.trace import Mark
from tests.events import Json, events

from .answers import announced, assembler, chunk, cut, stream, usage
from .test_laws import CALLS, CUTS, REASONS, REQUESTS, TEXTS, deltas
from .test_wire import BODIES
from .test_wire import REQUESTS as ALL_REQUESTS

EVERY_BYTE = 40
"""Bytes between the cuts of an answer."""


def batches(made: Assembler, body: Sequence[bytes]) -> Iterator[tuple[bytes, list[Mark]]]:
    """What a worker publishes, piece by piece: the events, and the marks that belong to them."""
    decoder, marked = ChunkDecoder(), 1
    yield made.start(), []
    for piece in body:
        said = b"".join([made.feed(chunk) for chunk in decoder.feed(piece)])
        marks = made.marks(marked)
        marked += len(marks)
        yield said, list(marks)


def assert_ends_as_it_stands(told: Partial, wire: bytes, marks: list[Mark], profile: str, error: GatewayError | None) -> None:
    status = Status.CANCELLED if error is None else Status.FAILED
    ended = end(told, marks, status, error, PROFILES[profile])
    again = replay(orjson.loads(ended.object), [orjson.loads(item) for item in ended.outputs], ended.trace, PROFILES[profile])
    assert b"".join(again) == wire + ended.events
    assert ended.count == len(again) - 1
    assert [event["sequence_number"] for event in events(wire + ended.events)] == list(range(ended.count))
    last = events(ended.events)[-1]
    assert last["type"] == f"response.{status.value}"
    assert last["response"]["status"] == status.value
    assert all(item["status"] != "in_progress" for item in last["response"]["output"])
    assert (last["response"]["error"] is None) == (error is None)


def assert_wherever_it_breaks_off(body: Sequence[bytes], request: Json) -> None:
    profile = request.get("profile", "openai")
    made = assembler(**{**request, "background": True})
    told, wire, marks = Partial(), b"", list[Mark]()
    for number, (said, more) in enumerate(batches(made, body)):
        if made.error is not None:  # it has ended, and is published with its end
            break
        told.read(said)
        wire, marks = wire + said, marks + more
        assert told.count == len(pieces(wire))
        error = UpstreamError("gone", code="server_error") if number % 2 else None
        assert_ends_as_it_stands(told, wire, marks, profile, error)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("request_", ALL_REQUESTS.values(), ids=ALL_REQUESTS)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_after_every_event_there_is(body: bytes, request_: Json, profile: str) -> None:
    request = {name: value for name, value in request_.items() if name != "store"}
    assert_wherever_it_breaks_off(
        [body[at : at + EVERY_BYTE] for at in range(0, len(body), EVERY_BYTE)], {**request, "profile": profile}
    )


@given(TEXTS, TEXTS, CALLS, st.none() | REASONS, CUTS, st.sampled_from(REQUESTS))
def test_however_the_answer_was_cut(
    reasoning: str, content: str, calls: list[tuple[str, str]], reason: str | None, at: list[int], request: Json
) -> None:
    assert_wherever_it_breaks_off(cut(stream(*deltas(reasoning, content, calls, at), usage(), finish=reason), at), request)


def test_what_is_shown_meanwhile_is_what_the_end_would_show() -> None:
    made = assembler(background=True, reasoning={"summary": "auto"})
    told = Partial()
    for said, _ in batches(made, [BODIES["reasoning"]]):
        told.read(said)
    made_of = told.shown(Status.IN_PROGRESS)
    assert made_of["status"] == "in_progress"
    made.end(Ending.CUT)
    announced(made)
    final = orjson.loads(made.response(stored=True))
    assert [item["type"] for item in made_of["output"]] == [item["type"] for item in final["output"]]
    assert made_of["output"][0] == final["output"][0]
    assert made_of["output"][1]["content"] == final["output"][1]["content"]


def test_logprobs_are_shown_as_far_as_they_came() -> None:
    tokens = [{"token": text, "logprob": -1.0, "bytes": [97], "top_logprobs": []} for text in "ab"]
    made, told = assembler(include=["message.output_text.logprobs"]), Partial()
    chunks = [chunk({"content": token["token"]}) for token in tokens]
    for each, token in zip(chunks, tokens, strict=True):
        each["choices"][0]["logprobs"] = {"content": [token]}
    for said, _ in batches(made, [stream(*chunks)]):
        told.read(said)
    assert told.items[0]["content"][0]["logprobs"] == tokens


def test_one_that_was_only_queued_is_told_to_be_in_progress_first() -> None:
    opening = assembler(background=True).opening()
    assert [event["type"] for event in events(b"".join(opening))] == ["response.created", "response.queued", "response.in_progress"]
    assert [event["response"]["status"] for event in events(b"".join(opening))] == ["queued", "queued", "in_progress"]
    assert len(opening) == OPENING
    told = Partial()
    told.read(b"".join(opening[:2]))
    ended = end(told, [], Status.CANCELLED, None, PROFILES["openai"])
    assert ended.events.startswith(opening[2])
    assert ended.events.endswith(DONE)


@pytest.mark.parametrize(
    ("item", "delta", "grown"),
    [
        ({"type": "mcp_call", "arguments": ""}, {"type": "response.mcp_call_arguments.delta"}, {"arguments": "ab"}),
        ({"type": "code_interpreter_call"}, {"type": "response.code_interpreter_call_code.delta"}, {"code": "ab"}),
        ({"type": "mcp_list_tools"}, {"type": "response.mcp_list_tools.in_progress"}, {}),
    ],
)
def test_items_of_tools_grow_too(item: Json, delta: Json, grown: Json) -> None:
    said = [{"type": "response.output_item.added", "item": item}, *({**delta, "output_index": 0, "delta": each} for each in "ab")]
    told = Partial()
    told.read(b"".join(b"event: %b\ndata: %b\n\n" % (event["type"].encode(), orjson.dumps(event)) for event in said))
    assert told.items == [{**item, **grown}]
