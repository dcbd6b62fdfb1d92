"""Replies are what the generated classes would encode."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gw_extproc.extproc import messages
from gw_extproc.extproc.pb import ext_proc_pb2 as pb

SIZES = (0, 1, 2, 127, 128, 200, 2048, 2049, 16_383, 16_384, messages.MAX_BODY_MESSAGE)


def answer_body(data: bytes, *, end: bool) -> messages.Reply:
    (reply,) = messages.answer_bodies(data, end=end)
    return reply


def streamed(data: bytes, end: bool) -> pb.BodyResponse:
    mutation = pb.BodyMutation(streamed_response=pb.StreamedBodyResponse(body=data, end_of_stream=end))
    return pb.BodyResponse(response=pb.CommonResponse(body_mutation=mutation))


def immediate(data: bytes, end: bool) -> pb.StreamedImmediateResponse:
    return pb.StreamedImmediateResponse(body_response=pb.StreamedBodyResponse(body=data, end_of_stream=end))


@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("made", "meant"),
    [
        (messages.request_body, lambda data, end: pb.ProcessingResponse(request_body=streamed(data, end))),
        (messages.response_body, lambda data, end: pb.ProcessingResponse(response_body=streamed(data, end))),
        (answer_body, lambda data, end: pb.ProcessingResponse(streamed_immediate_response=immediate(data, end))),
    ],
)
def test_a_piece_of_a_body(
    made: Callable[..., messages.Reply], meant: Callable[[bytes, bool], pb.ProcessingResponse], size: int, end: bool
) -> None:
    for filler in (b"\0", b"a", b"\xff"):
        data = filler * size
        assert pb.ProcessingResponse.FromString(made(data, end=end)) == meant(data, end)
