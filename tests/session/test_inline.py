"""An inline exchange, message by message: when it answers, and with how many messages."""

from __future__ import annotations

import re

import orjson
import pytest

from gw_extproc.extproc.inline import Inline
from gw_extproc.extproc.pb import ext_proc_pb2 as pb
from gw_extproc.store.store import Store
from tests.session.conftest import Made

ASKED = {":method": "POST", ":path": "/v1/responses", "content-type": "application/json"}
BODY = orjson.dumps({"model": "m", "input": "Say it.", "store": False})
COMPLETION = orjson.dumps(
    {"model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": "It."}, "finish_reason": "stop"}]}
)


async def calling(made: Made, store: Store, body: bytes = BODY) -> Inline:
    """One whose model call is with Envoy."""
    exchange = Inline(made(store), ASKED)
    await exchange.handle("request_headers", pb.ProcessingRequest(request_headers=pb.HttpHeaders()))
    await exchange.handle("request_body", pb.ProcessingRequest(request_body=pb.HttpBody(body=body, end_of_stream=True)))
    return exchange


async def headed(made: Made, store: Store, length: int | str | None, body: bytes = BODY, kind: str = "application/json") -> Inline:
    """One whose model has begun to answer with that content-length."""
    exchange, headers = await calling(made, store, body), {":status": "200", "content-type": kind}
    told = headers if length is None else headers | {"content-length": str(length)}
    message = pb.HttpHeaders()
    for name, value in told.items():
        message.headers.headers.add(key=name, raw_value=value.encode())
    await exchange.handle("response_headers", pb.ProcessingRequest(response_headers=message))
    return exchange


async def told(exchange: Inline, data: bytes, *, end: bool = False) -> list[pb.ProcessingResponse]:
    """What it says to a piece of the answer."""
    replies = await exchange.handle("response_body", pb.ProcessingRequest(response_body=pb.HttpBody(body=data, end_of_stream=end)))
    return [pb.ProcessingResponse.FromString(reply) for reply in replies]


async def test_an_answer_is_whole_with_the_last_byte_of_the_length_that_it_told(store: Store, made: Made) -> None:
    exchange = await headed(made, store, len(COMPLETION))
    assert (await told(exchange, COMPLETION[:10]), exchange.over) == ([], False)
    (whole,) = await told(exchange, COMPLETION[10:])
    body = orjson.loads(whole.response_headers.response.body_mutation.body)
    assert body["status"] == "completed"
    assert body["output"][0]["content"][0]["text"] == "It."
    assert exchange.over
    assert not await told(exchange, b"", end=True)


@pytest.mark.parametrize("length", [None, len(COMPLETION) + 1, "many"])
async def test_without_such_a_length_it_is_whole_at_the_end(store: Store, made: Made, length: int | str | None) -> None:
    exchange = await headed(made, store, length)
    assert (await told(exchange, COMPLETION), exchange.over) == ([], False)
    assert len(await told(exchange, b"", end=True)) == 1
    assert exchange.over


def chunk(text: str) -> bytes:
    return b'data: {"choices": [{"index": 0, "delta": {"content": "%b"}}]}\n\n' % text.encode()


def piece(data: bytes, *, end: bool = False) -> pb.ProcessingRequest:
    return pb.ProcessingRequest(response_body=pb.HttpBody(body=data, end_of_stream=end))


@pytest.mark.parametrize("told_length", [True, False])
async def test_a_token_takes_the_shortest_way_and_all_else_does_not(store: Store, made: Made, told_length: bool) -> None:
    last = b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
    streamed = orjson.dumps({**orjson.loads(BODY), "stream": True})
    length = 6 * len(chunk("a")) + len(last) if told_length else None
    exchange = await headed(made, store, length, streamed, "text/event-stream")
    assert [exchange.token(message) for message in (pb.ProcessingRequest(), piece(chunk("a")))] == [None, None]
    for text in "ab":  # the first is parsed, the second is found to be like it
        assert exchange.token(piece(chunk(text))) is None
        await told(exchange, chunk(text))
    assert exchange.token(piece(chunk("x"), end=True)) is None
    assert exchange.token(piece(chunk("x") * 2)) is None
    assert exchange.token(piece(chunk("")[:-2])) is None
    replies = [exchange.token(piece(chunk(text))) for text in "cdef"]
    events = [
        pb.ProcessingResponse.FromString(reply or b"").response_body.response.body_mutation.streamed_response for reply in replies
    ]
    assert [re.findall(rb'"delta":"(.)"', event.body) for event in events] == [[b"c"], [b"d"], [b"e"], [b"f"]]
    assert not any(event.end_of_stream for event in events)
    rest = b"".join(
        reply.response_body.response.body_mutation.streamed_response.body
        for reply in [*await told(exchange, last), *await told(exchange, b"", end=True)]
    )
    assert b'"text":"abcdef"' in rest
    assert rest.count(b"response.completed") == 2
    assert exchange.over
    assert exchange.token(piece(chunk("g"))) is None
