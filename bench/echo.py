"""The floor for any processor in Python: sends back what Envoy shows it, and does nothing else; `python -m bench.echo ADDRESS`.

gRPC is as it comes: it is imported before the gateway's package, which switches a part of it off.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc
import uvloop

from gw_extproc.extproc.pb.ext_proc_pb2 import HttpBody, ProcessingRequest, ProcessingResponse, StreamedBodyResponse
from gw_extproc.extproc.server import SERVICE

Context = grpc.aio.ServicerContext[ProcessingRequest, ProcessingResponse]


def echo(request: ProcessingRequest) -> ProcessingResponse:
    """As anybody would write it: a new message for each."""
    reply = ProcessingResponse()
    match request.WhichOneof("request"):
        case "request_body":
            _same(request.request_body, reply.request_body.response.body_mutation.streamed_response)
        case "response_body":
            _same(request.response_body, reply.response_body.response.body_mutation.streamed_response)
        case str(other):
            getattr(reply, other).SetInParent()
    return reply


def _same(body: HttpBody, piece: StreamedBodyResponse) -> None:
    piece.body = body.body
    piece.end_of_stream = body.end_of_stream


async def process(_: AsyncIterator[Any], context: Context) -> None:
    while isinstance(request := await context.read(), ProcessingRequest):
        await context.write(echo(request))


async def serve(address: str) -> None:
    server = grpc.aio.server()
    handler = grpc.stream_stream_rpc_method_handler(
        process, request_deserializer=ProcessingRequest.FromString, response_serializer=ProcessingResponse.SerializeToString
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Process": handler}),))
    server.add_insecure_port(address)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
