"""The floor for any processor in Python: sends back what Envoy shows it, and does nothing else; `python -m bench.echo ADDRESS`."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc
import uvloop

from gw_extproc.extproc import messages
from gw_extproc.extproc.messages import Reply, Request
from gw_extproc.extproc.server import SERVICE


def echo(request: Request) -> Reply:
    match request.WhichOneof("request"):
        case "request_headers":
            return messages.request_headers({})
        case "request_body":
            return messages.request_body(request.request_body.body, end=request.request_body.end_of_stream)
        case "request_trailers":
            return messages.request_trailers()
        case "response_headers":
            return messages.response_headers({})
        case "response_body":
            return messages.response_body(request.response_body.body, end=request.response_body.end_of_stream)
        case _:
            return messages.response_trailers()


async def process(_: AsyncIterator[Any], context: grpc.aio.ServicerContext[Request, Reply]) -> None:
    while isinstance(request := await context.read(), Request):
        await context.write(echo(request))


async def serve(address: str) -> None:
    server = grpc.aio.server()
    handler = grpc.stream_stream_rpc_method_handler(
        process, request_deserializer=Request.FromString, response_serializer=Reply.SerializeToString
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Process": handler}),))
    server.add_insecure_port(address)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
