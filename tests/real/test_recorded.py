"""Recorded reality: what real servers sent reaches the openai SDK through a real Envoy, whole and in the right words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from openai import APIStatusError, AuthenticationError, BadRequestError, NotFoundError, OpenAI, RateLimitError
from openai.types.responses import FunctionToolParam, Response

from tests.beside import needs_recordings
from tests.real import recordings, said
from tests.real.own_bodies import BODIES
from tests.real.recordings import Recording
from tests.real.upstream import Head, Step, Upstream

ALL = recordings.load()
ANSWERS = [pytest.param(each, id=each.name) for each in ALL if not each.is_error]
ERRORS = [pytest.param(each, id=each.name) for each in ALL if each.is_error]

STATUS_ERRORS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    404: NotFoundError,
    429: RateLimitError,
}


@needs_recordings
def test_all_recordings_are_played() -> None:
    assert len(ALL) > 60


@pytest.mark.parametrize("name", BODIES)
def test_the_plain_reading_finds_what_was_written(name: str) -> None:
    body, written = BODIES[name]
    assert said.by_server(body) == written


@pytest.mark.parametrize("recording", ANSWERS)
def test_a_caller_who_streams(recording: Recording, upstream: Upstream, client: OpenAI) -> None:
    model = upstream.script(_whole(recording), _split(recording))
    for _ in range(2):
        _check(_streamed(client, model, _tools(recording)), recording)


@pytest.mark.parametrize("recording", ANSWERS)
def test_a_caller_who_wants_an_object(recording: Recording, upstream: Upstream, client: OpenAI) -> None:
    model = upstream.script(_whole(recording), _split(recording))
    for _ in range(2):
        _check(client.responses.create(model=model, input="Go on.", tools=_tools(recording)), recording)


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "buffered"])
@pytest.mark.parametrize("recording", ERRORS)
def test_an_error(recording: Recording, upstream: Upstream, client: OpenAI, *, streams: bool) -> None:
    model = upstream.script([Head(recording.status, {"content-type": "application/json", "retry-after": "7"}), recording.body])
    with pytest.raises(APIStatusError) as raised:
        client.responses.create(model=model, input="Go on.", stream=streams)
    written = _error(recording)
    status = recording.status if recording.status >= 400 else written["status"]
    assert raised.type is STATUS_ERRORS[status]
    assert raised.value.status_code == status
    assert str(written["message"]) in raised.value.message
    code = "context_length_exceeded" if "maximum context length" in raised.value.message else written.get("code")
    assert raised.value.code == (None if code is None else str(code))
    assert raised.value.response.headers["retry-after"] == "7"


def _check(response: Response, recording: Recording) -> None:
    heard, expected = said.by_response(response), said.by_server(recording.body)
    if expected.tokens is None:
        assert heard.tokens is not None
        assert heard.tokens[2] > 0
        expected = said.Said(**(vars(expected) | {"tokens": heard.tokens}))
    assert heard == expected


def _streamed(client: OpenAI, model: str, tools: Sequence[FunctionToolParam]) -> Response:
    """The response of the terminal event; the SDK's own accumulator checks the order of the events."""
    with client.responses.stream(model=model, input="Go on.", tools=tools) as events:
        seen = list(events)
    assert [event.sequence_number for event in seen] == list(range(len(seen)))
    last = seen[-1]
    assert last.type in ("response.completed", "response.incomplete")
    assert isinstance(last.response, Response)
    return last.response


def _tools(recording: Recording) -> list[FunctionToolParam]:
    """The tools that the model was offered, as far as it called them."""
    names = dict.fromkeys(name for name, _ in said.by_server(recording.body).calls)
    return [{"type": "function", "name": name, "parameters": {"type": "object"}, "strict": False} for name in names]


def _whole(recording: Recording) -> Sequence[Step]:
    return [Head(200, {"content-type": recording.content_type}), recording.body]


def _split(recording: Recording) -> Sequence[Step]:
    """Pieces of 1 to 400 bytes, cut wherever they fall."""
    return [Head(200, {"content-type": recording.content_type}), *_pieces(recording.body)]


def _pieces(body: bytes) -> Iterator[bytes]:
    start, size = 0, 1
    while start < len(body):
        yield body[start : start + size]
        start, size = start + size, size * 7 % 401


def _error(recording: Recording) -> dict[str, Any]:
    parsed = json.loads(recording.body)
    error = (parsed[0] if isinstance(parsed, list) else parsed)["error"]
    assert isinstance(error, dict)
    return error
