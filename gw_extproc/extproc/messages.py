"""Plain values to and from Envoy's external processing messages: nothing else in the package touches the generated classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial

from gw_extproc.extproc.pb import ext_proc_pb2 as pb

Request = pb.ProcessingRequest

Reply = bytes
"""A `ProcessingResponse`, encoded."""

MAX_BODY_MESSAGE = 256 * 1024
"""Bytes of a body in one message: large enough to be few, small enough to pass every HTTP/2 window in pieces."""

_SHORT = 2048
"""Bytes of a body that is worth remembering what stands around it: every token's event is shorter."""

Pairs = Sequence[tuple[bytes, bytes]]
"""Headers in their order, repeated ones included; names in lower case."""

_OVERWRITE = pb.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD


def headers(header_map: pb.HeaderMap) -> dict[str, str]:
    """The headers by lower-case name, the values of a repeated one joined (RFC 9110, section 5.3). Envoy sends them as `raw_value`."""
    joined: dict[str, str] = {}
    for header in header_map.headers:
        name, value = header.key, header.raw_value.decode("latin-1") or header.value
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def pairs(header_map: pb.HeaderMap) -> Pairs:
    """The headers as they came, each as often as it came."""
    return [(header.key.encode("latin-1"), header.raw_value or header.value.encode()) for header in header_map.headers]


def is_duplex(mode: pb.BodySendMode) -> bool:
    """Whether bodies in that mode go both ways independently: the mode this processor is written for."""
    return mode == pb.FULL_DUPLEX_STREAMED


Changes = Sequence[tuple[str, str | None]]
"""Headers to set, and to remove where the value is None."""


def request_headers(changes: Changes = (), constant: Changes = ()) -> Reply:
    """The answer to the request headers; `constant` is a tuple of changes that many requests have in common."""
    reply = pb.ProcessingResponse()
    mutation = reply.request_headers.response.header_mutation
    mutation.MergeFrom(_mutation(constant))
    _change(mutation, changes)
    return reply.SerializeToString()


@lru_cache(maxsize=64)
def response_headers(changes: Changes = ()) -> Reply:
    """The answer to the response headers. Most answers have the same."""
    headers = pb.HeadersResponse(response=pb.CommonResponse(header_mutation=_mutation(changes)))
    return pb.ProcessingResponse(response_headers=headers).SerializeToString()


@lru_cache(maxsize=64)
def _mutation(changes: Changes) -> pb.HeaderMutation:
    mutation = pb.HeaderMutation()
    _change(mutation, changes)
    return mutation


def _change(mutation: pb.HeaderMutation, changes: Changes) -> None:
    for name, value in changes:
        if value is None:
            mutation.remove_headers.append(name)
        else:
            option = mutation.set_headers.add(append_action=_OVERWRITE)
            option.header.key = name
            option.header.raw_value = value.encode("latin-1", "replace")


def _request_piece(data: bytes, end: bool) -> pb.ProcessingResponse:
    reply = pb.ProcessingResponse()
    piece = reply.request_body.response.body_mutation.streamed_response
    piece.body, piece.end_of_stream = data, end
    return reply


def _response_piece(data: bytes, end: bool) -> pb.ProcessingResponse:
    reply = pb.ProcessingResponse()
    piece = reply.response_body.response.body_mutation.streamed_response
    piece.body, piece.end_of_stream = data, end
    return reply


def _answer_piece(data: bytes, end: bool) -> pb.ProcessingResponse:
    reply = pb.ProcessingResponse()
    piece = reply.streamed_immediate_response.body_response
    piece.body, piece.end_of_stream = data, end
    return reply


@lru_cache(maxsize=4096)
def _around(piece: Callable[[bytes, bool], pb.ProcessingResponse], length: int, end: bool) -> tuple[bytes, bytes]:
    """What stands before and after a body of that length in such a message; neither depends on the body itself."""
    body = bytes(length)
    before, _, after = piece(body, end).SerializeToString().partition(body)
    return before, after


def _encoded(piece: Callable[[bytes, bool], pb.ProcessingResponse], data: bytes, *, end: bool) -> Reply:
    """A message with a piece of a body. A message object for each would cost more than its encoding (one that is used again keeps all
    bodies it ever had: protobuf's arenas free nothing before the message goes)."""
    if not 0 < len(data) <= _SHORT:
        return piece(data, end).SerializeToString()
    before, after = _around(piece, len(data), end)
    return b"%b%b%b" % (before, data, after)


request_body = partial(_encoded, _request_piece)
response_body = partial(_encoded, _response_piece)
answer_body = partial(_encoded, _answer_piece)
"""A piece of the request's body, of the response's, of the body of an answer made here: `(data, end=...)`."""

_UNCHANGED_REQUEST_BODY = pb.ProcessingResponse(request_body=pb.BodyResponse()).SerializeToString()
_UNCHANGED_RESPONSE_BODY = pb.ProcessingResponse(response_body=pb.BodyResponse()).SerializeToString()


def same_request_body(body: pb.HttpBody, *, duplex: bool) -> Reply:
    """The piece as it came: in full duplex it is sent back, in any other mode Envoy still has it."""
    return request_body(body.body, end=body.end_of_stream) if duplex else _UNCHANGED_REQUEST_BODY


def same_response_body(body: pb.HttpBody, *, duplex: bool) -> Reply:
    return response_body(body.body, end=body.end_of_stream) if duplex else _UNCHANGED_RESPONSE_BODY


def request_trailers() -> Reply:
    return pb.ProcessingResponse(request_trailers=pb.TrailersResponse()).SerializeToString()


def response_trailers() -> Reply:
    return pb.ProcessingResponse(response_trailers=pb.TrailersResponse()).SerializeToString()


def _pieces(data: bytes, *, end: bool) -> Iterator[tuple[bytes, bool]]:
    """A body or a part of one in pieces of a bearable size, each with whether it ends the body; nothing at all is one empty piece."""
    for start in range(0, max(len(data), 1), MAX_BODY_MESSAGE):
        rest = start + MAX_BODY_MESSAGE
        yield data[start:rest], end and rest >= len(data)


def request_bodies(data: bytes) -> Sequence[Reply]:
    """A whole request body, the last message ending it."""
    return [request_body(piece, end=last) for piece, last in _pieces(data, end=True)]


def whole_response(changes: Changes, body: bytes) -> Sequence[Reply]:
    """The answer to the response headers that replaces body and all, so that it is one message where the body is of a bearable size:
    each costs about as much as its translation. Envoy wants nothing more of this exchange then."""
    if len(body) > MAX_BODY_MESSAGE:
        return (response_headers(changes), *response_bodies(body, end=True))
    reply = pb.ProcessingResponse()
    common = reply.response_headers.response
    common.status = pb.CommonResponse.CONTINUE_AND_REPLACE
    common.header_mutation.MergeFrom(_mutation(changes))
    common.body_mutation.body = body
    return (reply.SerializeToString(),)


def response_bodies(data: bytes, end: bool) -> Sequence[Reply]:
    """A response body or a part of one; with `end`, the last message ends it."""
    if len(data) <= MAX_BODY_MESSAGE:
        return (response_body(data, end=end),)
    return [response_body(piece, end=last) for piece, last in _pieces(data, end=end)]


def immediate(status: int, body: bytes, extra: Mapping[str, str]) -> Reply:
    """An answer made here, instead of the upstream's (Envoy sets content-length)."""
    changes = {"content-type": "application/json", **extra}
    return _immediate(status, _mutation(tuple(changes.items())), body)


def whole_answer(status: int, headers: Pairs, body: bytes) -> Reply:
    """An answer made here, known as a whole; before the request's body is whole, the only one that is legal.

    Envoy sets content-length, and a content-type where there is none.
    """
    mutation = pb.HeaderMutation()
    seen: set[bytes] = set()
    for name, value in headers:
        option = mutation.set_headers.add(append_action=_OVERWRITE)
        option.header.key, option.header.raw_value = name.decode("latin-1"), value
        option.append.value = name in seen  # the action alone does not append: Envoy 1.37 to 1.40 heed only this older field
        seen.add(name)
    return _immediate(status, mutation, body)


def _immediate(status: int, headers: pb.HeaderMutation, body: bytes) -> Reply:
    response = pb.ImmediateResponse(status=pb.HttpStatus(code=status), headers=headers, body=body, details="gw_extproc")
    return pb.ProcessingResponse(immediate_response=response).SerializeToString()


def answer_headers(status: int, headers: Pairs, *, end: bool) -> Reply:
    """Begins an answer made here that goes out as it is made: legal when the request's body is whole.

    Of repeated headers Envoy keeps one, so they are joined (RFC 9110, section 5.3). Raises ValueError for set-cookie, which cannot be.
    """
    reply = pb.ProcessingResponse()
    joined: dict[bytes, bytes] = {}
    for name, value in headers:
        if name == b"set-cookie" and name in joined:
            raise ValueError("Envoy carries one set-cookie at most in an answer that is streamed")
        joined[name] = joined[name] + b", " + value if name in joined else value
    response = reply.streamed_immediate_response.headers_response
    response.end_of_stream = end
    response.headers.headers.add(key=":status", raw_value=str(status).encode())
    for name, value in joined.items():
        response.headers.headers.add(key=name.decode("latin-1"), raw_value=value)
    return reply.SerializeToString()


def answer_bodies(data: bytes, *, end: bool) -> Iterator[Reply]:
    """The body of such an answer or a part of it, one message after the other: all at once they would take as much memory again."""
    return (answer_body(piece, end=last) for piece, last in _pieces(data, end=end))
