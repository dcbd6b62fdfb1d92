"""Streams through a real Envoy and without it: each piece at once, and the truth about those that break off (more in test_alone)."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence

import httpx2
import pytest
from openai import APIError, OpenAI

from tests.events import events_of
from tests.gateway_process import Gateway
from tests.real import chat
from tests.real.callers import asking, follow, post, received, sent, streaming
from tests.real.upstream import Gate, Step, Stop, Upstream
from tests.waiting import DEADLINE

BREAKS = [pytest.param(Stop.RESET, id="reset"), pytest.param(Stop.CLOSE, id="close")]


def test_each_token_arrives_before_the_next_is_sent(either: Gateway, upstream: Upstream) -> None:
    gates = [Gate() for _ in range(5)]
    tokens = [step for number, gate in enumerate(gates) for step in (chat.chunk(content=f"{number} "), gate)]
    with streaming(either, upstream.script([chat.EVENTS, *tokens, chat.finish()])) as events:
        deltas = (event["delta"] for event in events if "delta" in event)
        for number, gate in enumerate(gates):
            assert next(deltas) == f"{number} "
            gate.open()
        assert list(deltas) == []


def test_the_headers_arrive_before_the_first_byte_and_the_first_events_with_it(gateway: Gateway, upstream: Upstream) -> None:
    """Envoy takes no body before the upstream has sent some: a comment is enough."""
    alive, token = Gate(), Gate()
    model = upstream.script([chat.EVENTS, alive, b": alive\n\n", token, *chat.text("Hi"), chat.finish()])
    with streaming(gateway, model) as events:
        alive.open()
        assert [next(events)["type"] for _ in range(2)] == ["response.created", "response.in_progress"]
        token.open()
        assert list(events)[-1]["type"] == "response.completed"


def test_nothing_is_awaited_after_done(either: Gateway, upstream: Upstream) -> None:
    """A server that keeps the connection open after [DONE] does not keep the caller waiting for the terminal event."""
    gate = Gate()
    with streaming(either, upstream.script([chat.EVENTS, *chat.text("Hi"), chat.finish(), gate])) as events:
        assert next(event for event in events if event["type"] == "response.completed")
        gate.open()


def test_a_client_that_leaves_takes_the_model_call_with_it(either: Gateway, upstream: Upstream) -> None:
    model = upstream.script([chat.EVENTS, *chat.text("Hi"), Gate()])
    with streaming(either, model) as events:
        next(events)
    upstream.received(model).await_gone()


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("steps", [(Gate(),), (chat.JSON, b'{"id"', Gate())], ids=["unanswered", "half answered"])
def test_a_client_may_leave_while_nothing_comes(either: Gateway, upstream: Upstream, steps: Sequence[Step], *, stream: bool) -> None:
    model = upstream.script(steps)
    with sent(either.port, chat.encoded(asking(model, stream=stream))):
        request = upstream.received(model)
    request.await_gone()


@pytest.mark.parametrize("end", BREAKS)
def test_a_stream_that_breaks_off_does_not_look_complete(gateway: Gateway, upstream: Upstream, end: Stop) -> None:
    gate = Gate()
    seen: list[str] = []
    model = upstream.script([chat.EVENTS, *chat.text("Hi"), gate, end])
    with pytest.raises(httpx2.RemoteProtocolError):
        follow(gateway, model, seen, gate.open)
    assert seen[-1] == "response.output_text.delta"


def test_the_sdk_raises_on_a_stream_that_breaks_off(client: OpenAI, upstream: Upstream) -> None:
    gate = Gate()
    model = upstream.script([chat.EVENTS, *chat.text("Hi"), gate, Stop.RESET])
    events = client.responses.create(model=model, input="Go on.", stream=True)
    assert next(event for event in events if event.type == "response.output_text.delta")
    gate.open()
    with pytest.raises((APIError, httpx2.RemoteProtocolError)):
        list(events)


def test_a_stream_that_ends_early_but_well_has_failed(either: Gateway, upstream: Upstream) -> None:
    events = events_of(post(either, upstream.script([chat.EVENTS, *chat.text("Hi")]), stream=True).text)
    assert [event["type"] for event in events[-2:]] == ["error", "response.failed"]
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == "Hi"


@pytest.mark.parametrize("empty", [(), (b": nothing\n\n",)], ids=["nothing", "a comment"])
def test_a_stream_without_a_chunk_has_failed(either: Gateway, upstream: Upstream, empty: Sequence[Step]) -> None:
    events = events_of(post(either, upstream.script([chat.EVENTS, *empty]), stream=True).text)
    assert [event["type"] for event in events] == ["response.created", "response.in_progress", "error", "response.failed"]


@pytest.mark.parametrize("end", BREAKS)
def test_an_object_that_breaks_off_is_a_502(gateway: Gateway, upstream: Upstream, end: Stop) -> None:
    """Envoy says so by itself: the answer's headers had come, so the processor is not asked again."""
    gate = Gate()
    model = upstream.script([chat.JSON, b'{"choices":', gate, end])
    with sent(gateway.port, chat.encoded(asking(model))) as connection:
        gate.await_reached()
        gate.open()
        status, _, body = received(connection)
    assert status == 502
    assert json.loads(body)["error"]["code"] == "upstream_error"


def test_a_stream_that_fails_in_the_middle_ends_at_once(either: Gateway, upstream: Upstream) -> None:
    """The answer ends before the upstream's body does: Envoy takes that, and drops the model call."""
    model = upstream.script([chat.EVENTS, *chat.text("Hi"), b"data: nonsense\n\n", Gate()], chat.answer("Next."))
    with httpx2.Client(timeout=DEADLINE) as client:
        first = client.post(f"{either.url}/responses", json=asking(model, stream=True))
        upstream.received(model).await_gone()
        second = client.post(f"{either.url}/responses", json=asking(model, stream=True))
    assert events_of(first.text)[-1]["response"]["error"]["code"] == "server_error"
    assert events_of(second.text)[-1]["type"] == "response.completed"


@pytest.mark.parametrize("stream", [True, False])
def test_what_follows_a_failure_is_ignored(either: Gateway, upstream: Upstream, *, stream: bool) -> None:
    """However the pieces fall, the rest of the upstream's body does no harm."""
    model = upstream.script([chat.EVENTS, *chat.text("Hi"), b"data: nonsense\n\n", *chat.text(*["more" * 500] * 50), chat.finish()])
    for _ in range(10):
        response = post(either, model, stream=stream)
        assert response.status_code == (200 if stream else 502)
        assert "is not a JSON object: 'nonsense'" in response.text


def test_a_piece_larger_than_any_message(either: Gateway, upstream: Upstream) -> None:
    text = "0123456789" * 30_000
    model = upstream.script([chat.EVENTS, *chat.text(text, "!"), chat.finish()])
    assert events_of(post(either, model, stream=True).text)[-1]["response"]["output"][0]["content"][0]["text"] == f"{text}!"


@pytest.mark.parametrize("stream", [True, False])
def test_a_stream_may_grow_beyond_any_limit_of_its_events(either: Gateway, upstream: Upstream, *, stream: bool) -> None:
    """70 MB go by, most of them comments; only what is kept is limited."""
    model = upstream.script([chat.EVENTS, *[b":" + b"." * 1_000_000 + b"\n\n"] * 70, *chat.text("Hi"), chat.finish()])
    response = post(either, model, stream=stream)
    answer = events_of(response.text)[-1]["response"] if stream else response.json()
    assert answer["output"][0]["content"][0]["text"] == "Hi"


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_of_20_megabytes(either: Gateway, upstream: Upstream, *, stream: bool) -> None:
    text = "y" * 20_000_000
    response = post(either, upstream.script([chat.JSON, chat.completion(content=text)]), stream=stream)
    answer = events_of(response.text)[-1]["response"] if stream else response.json()
    assert answer["output"][0]["content"][0]["text"] == text


async def test_200_streams_at_once(either: Gateway, upstream: Upstream) -> None:
    """No stream gets its next token before all have got theirs: so all are open at the same time, and none is held up."""
    count, gates = 200, [Gate() for _ in range(6)]
    arrived: Counter[int] = Counter()

    async def call(client: httpx2.AsyncClient, number: int) -> str:
        tokens = [step for place, gate in enumerate(gates) for step in (chat.chunk(content=f"{number}.{place} "), gate)]
        model = upstream.script([chat.EVENTS, *tokens, chat.finish()])
        text = ""
        async with client.stream("POST", f"{either.url}/responses", json=asking(model, stream=True)) as response:
            async for line in response.aiter_lines():
                if '"delta":' in line:
                    text += json.loads(line.removeprefix("data: "))["delta"]
                    place = text.count(" ") - 1
                    arrived[place] += 1
                    if arrived[place] == count:
                        gates[place].open()
        return text

    async with httpx2.AsyncClient(timeout=DEADLINE, limits=httpx2.Limits(max_connections=count)) as client:
        texts = await asyncio.gather(*(call(client, number) for number in range(count)))
    assert texts == ["".join(f"{number}.{place} " for place in range(len(gates))) for number in range(count)]
