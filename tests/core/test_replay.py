"""Law: a stored response tells the same events again, byte for byte; one whose trace is lost tells the same response, in short."""

from __future__ import annotations

from itertools import count
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gw_extproc.core.assembler import Assembler
from gw_extproc.core.errors import UpstreamError
from gw_extproc.core.events import DONE, PROFILES
from gw_extproc.core.replay import replay
from tests.beside import INDEX, body, needs_recordings
from tests.events import Json, events

from .answers import SAID_DONE, announced, assembler, called, chunk, cut, event, piece, said, stream, told, usage
from .anything import with_one_change
from .lawful import check
from .test_laws import CALLED, CALLS, CHUNK, CUTS, ERROR, REASONS, REQUESTS, SAID, TEXTS, TOOLS, deltas
from .test_wire import BODIES
from .test_wire import REQUESTS as ALL_REQUESTS

RECORDED = [entry["name"] for entry in INDEX]

sealed = map("sealed {}".format, count())
"""Texts that are never the same twice, as those of real seals."""


def seal(_: str) -> str:
    return next(sealed)


def again(made: Assembler, profile: str = "openai", trace: bytes | None = None) -> list[bytes]:
    """The events of a response that has ended, from what is stored of it."""
    outputs = [orjson.loads(item) for item in made.outputs]
    return replay(orjson.loads(made.kept()), outputs, made.trace() if trace is None else trace, PROFILES[profile])


def numbers(replayed: list[bytes]) -> list[int]:
    return [each["sequence_number"] for event in replayed[:-1] for each in events(event)]


def assert_told_again(body: bytes | list[bytes], *, profile: str = "openai", **request: Any) -> None:
    made = assembler(profile=profile, seal=seal, **request)
    live = told(made, body).wire
    replayed = again(made, profile)
    assert b"".join(replayed) == live
    assert numbers(replayed) == list(range(len(replayed) - 1))
    assert replayed[-1] == DONE


# Laws


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("request_", ALL_REQUESTS.values(), ids=ALL_REQUESTS)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_every_event_there_is_comes_back(body: bytes, request_: Json, profile: str) -> None:
    assert_told_again(body, profile=profile, **request_)


@given(TEXTS, TEXTS, CALLS, st.none() | REASONS, CUTS, st.sampled_from(REQUESTS))
def test_however_the_answer_was_cut(
    reasoning: str, content: str, calls: list[tuple[str, str]], reason: str | None, at: list[int], request: Json
) -> None:
    body = stream(*deltas(reasoning, content, calls, at), usage(), finish=reason)
    assert_told_again(cut(body, at), **request)


@settings(max_examples=60)
@given(st.lists(CHUNK | CHUNK | ERROR, max_size=4), st.booleans(), st.sampled_from(REQUESTS))
def test_whatever_the_upstream_said(chunks: list[Json], done: bool, request: Json) -> None:
    assert_told_again(b"".join(map(event, chunks)) + (SAID_DONE if done else b""), **request)


@pytest.mark.parametrize("trace", [None, b"[]"])
def test_one_that_was_made_in_the_background_was_queued(trace: bytes | None) -> None:
    made = assembler(background=True)
    live = told(made, stream(*said("a")))
    replayed = again(made, trace=trace)
    assert b"".join(replayed) == live.wire
    assert live.types[:3] == ["response.created", "response.queued", "response.in_progress"]


@needs_recordings
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", RECORDED)
def test_what_real_servers_said(name: str, profile: str) -> None:
    assert_told_again(body(name), profile=profile)


@given(TEXTS, TEXTS, CALLS, st.booleans(), CUTS, st.integers(0, 20), st.sampled_from(REQUESTS))
def test_wherever_the_client_left(
    reasoning: str, content: str, calls: list[tuple[str, str]], ended: bool, at: list[int], left: int, request: Json
) -> None:
    made = assembler(seal=seal, **request)
    chunks = [*deltas(reasoning, content, calls, at)[:left], *([chunk(finish="stop")] if ended else [])]
    live = made.start() + b"".join(map(made.feed, chunks))
    made.abandon("nobody")
    replayed = b"".join(again(made, request.get("profile", "openai")))
    assert replayed.startswith(live)
    assert replayed.endswith(announced(made))
    assert ended or len(events(replayed)) == len(events(live)) + 1
    check(replayed, abandoned=True)


def test_a_response_that_failed_before_it_began() -> None:
    made = assembler()
    live = made.fail(UpstreamError("no")) + announced(made)
    assert b"".join(again(made)) == live


def test_reasoning_that_was_cut_off_is_not_sealed() -> None:
    made = assembler(seal=seal)
    live = made.start() + made.feed(chunk({"reasoning": "hm"})) + made.fail(UpstreamError("no")) + announced(made)
    assert b"encrypted_content" not in live
    assert b"".join(again(made)) == live


def test_a_condensed_context_comes_first_again() -> None:
    made = assembler()
    made.condense("sealed", None)
    live = told(made, stream(*said("Hi"))).wire
    assert b"".join(again(made)) == live
    types = [event["type"] for event in events(b"".join(again(made, trace=b"")))]
    assert types[2:4] == ["response.output_item.added", "response.output_item.done"]


def test_the_first_events_are_as_they_were_and_the_last_ones_as_it_became() -> None:
    made = assembler(model="wanted", store=False)
    live = told(made, stream(chunk({"content": "a"}, "stop", model="real", service_tier="flex"), finish=None)).events
    first, last = live[0]["response"], live[-1]["response"]
    assert [(each["model"], each["service_tier"], each["store"]) for each in (first, last)] == [
        ("wanted", "default", False),
        ("real", "flex", True),
    ]
    assert events(b"".join(again(made))) == live


# Without a trace


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("request_", ALL_REQUESTS.values(), ids=ALL_REQUESTS)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_response_without_a_trace_is_told_in_one_piece_a_part(body: bytes, request_: Json, profile: str) -> None:
    made = assembler(profile=profile, seal=seal, **request_)
    got = told(made, body)
    replayed = again(made, profile, b"")
    assert check(b"".join(replayed)) == got.response
    assert numbers(replayed) == list(range(len(replayed) - 1))
    deltas = [each for each in events(b"".join(replayed)) if each["type"].endswith(".delta") and "shell" not in each["type"]]
    places = [(each["output_index"], each.get("content_index", 0)) for each in deltas]
    assert sorted(set(places)) == sorted(places)


SMALL: list[Json] = [*SAID, *CALLED, *said("more")]


@pytest.fixture(scope="module")
def made() -> Assembler:
    """A response with everything in it."""
    made = assembler(seal=seal, **REQUESTS[1])
    told(made, stream(*SMALL, usage()))
    return made


@pytest.mark.parametrize(
    "marks",
    [
        *(["x"], [1.5], [["e", "t", None, None]], [["s", 1, True]]),  # no marks, or not for this response
        *(["c"], [5], ["p"], ["a"], [["l", 1]], [["i", 0], 5], ["o", ["i", 9], 5]),  # of an item that is not there
        *(["o", "p"], ["o", "a"], ["o", ["l", 1]]),  # of a message, but it is none
        *(["o"] * 2 + [5], ["o"] * 2 + ["a"], ["o"] * 2 + ["p", "a"], ["o"] * 2 + ["p"] * 3 + [5]),  # of a part that is not there
        ["o"] * 99,
        ["o"] * 8 + [5],  # of a call that is told whole
        ["o", 5, "c"],  # of another text
    ],
    ids=str,
)
def test_marks_of_another_response_are_not_used(made: Assembler, marks: list[Any]) -> None:
    assert again(made, trace=orjson.dumps([["s", "m", True], *marks])) == again(made, trace=b"")


def test_half_a_trace_is_not_used(made: Assembler) -> None:
    marks = orjson.loads(made.trace())
    assert all(again(made, trace=orjson.dumps(marks[:size])) == again(made, trace=b"") for size in range(len(marks)))


@given(st.data())
def test_whatever_became_of_the_trace_the_response_is_told(made: Assembler, data: st.DataObject) -> None:
    marks = with_one_change(orjson.loads(made.trace()), data)
    replayed = again(made, trace=orjson.dumps(marks))
    assert replayed[-1] == DONE
    assert numbers(replayed) == list(range(len(replayed) - 1))
    assert events(replayed[-2])[0]["response"] == orjson.loads(made.response(stored=True))


def test_log_probabilities_come_back_with_the_text_and_without() -> None:
    scored = [chunk({"content": text}) for text in ("a", "")]
    for each, token in zip(scored, "xy", strict=True):
        each["choices"][0]["logprobs"] = {"content": [{"token": token, "logprob": -1}]}
    assert_told_again(stream(*scored), **REQUESTS[1])


def test_calls_that_interleave_come_back_in_turns() -> None:
    turns = [called(*(piece(index, arguments=text) for index in (0, 1))) for text in ('{"a"', ": 1", "}")]
    assert_told_again(stream(called(piece(0, "a", "f"), piece(1, "b", "c")), *turns), tools=TOOLS)
