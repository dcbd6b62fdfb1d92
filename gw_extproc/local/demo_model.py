"""The demo model: a small Chat Completions server that `gw-extproc run` starts when no upstream is configured."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from gw_extproc.local.demo_answers import Answer, answer, message_text, messages_of, words
from gw_extproc.local.demo_values import Json, mapping, sequence
from gw_extproc.telemetry import logs

MODEL = "demo"
PACE = 0.015  # seconds between words: slow enough that streaming is seen, fast enough not to wait for
_LEAVE_WITHIN = 1  # seconds that open streams may take to finish after SIGTERM
_ARGUMENT_PIECES = 4


class BadRequestError(ValueError):
    """The caller's fault; the message names the field and `param` is its path."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


@dataclass(frozen=True)
class Completion:
    """One answer and what every object about it repeats."""

    request: Json
    answer: Answer
    seed: str
    created: int

    def envelope(self, object_: str) -> dict[str, object]:
        return {
            "id": f"chatcmpl-{self.seed}",
            "object": object_,
            "created": self.created,
            "model": self.request["model"],
            "system_fingerprint": "demo",
        }

    def tool_calls(self) -> list[dict[str, object]]:
        return [
            {
                "id": f"call_{self.seed}{index}",
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for index, call in enumerate(self.answer.calls)
        ]

    def usage(self) -> dict[str, object]:
        """What was read and written, a word being a token."""
        read = sum(len(words(message_text(message))) for message in messages_of(self.request))
        thought = len(words(self.answer.thought))
        calls = sum(len(words(f"{call.name} {call.arguments}")) for call in self.answer.calls)
        written = thought + len(words(self.answer.text)) + calls
        return {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": thought},
        }

    def body(self) -> dict[str, object]:
        """The chat.completion object."""
        calls = self.tool_calls()
        message: dict[str, object] = {"role": "assistant", "content": None if calls else self.answer.text}
        message |= {"refusal": None, "annotations": []}
        if self.answer.thought:
            message["reasoning_content"] = self.answer.thought
        if calls:
            message["tool_calls"] = calls
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.answer.finish_reason}
        return {**self.envelope("chat.completion"), "choices": [choice], "usage": self.usage()}

    def chunks(self) -> Iterator[dict[str, object]]:
        """The chat.completion.chunk objects, the usage last where stream_options asks for it."""
        usage_wanted = mapping(self.request.get("stream_options")).get("include_usage") is True
        envelope = self.envelope("chat.completion.chunk") | ({"usage": None} if usage_wanted else {})
        for delta in self._deltas():
            yield {**envelope, "choices": [_choice(delta, None)]}
        yield {**envelope, "choices": [_choice({}, self.answer.finish_reason)]}
        if usage_wanted:
            yield {**envelope, "choices": [], "usage": self.usage()}

    def _deltas(self) -> Iterator[dict[str, object]]:
        yield {"role": "assistant", "content": None if self.answer.calls else "", "refusal": None}
        for word in words(self.answer.thought):
            yield {"reasoning_content": word}
        for word in words(self.answer.text):
            yield {"content": word}
        for index, call in enumerate(self.tool_calls()):
            arguments = self.answer.calls[index].arguments
            function = {"name": self.answer.calls[index].name, "arguments": ""}
            yield {"tool_calls": [{"index": index, **call, "function": function}]}
            for piece in _pieces(arguments):
                yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def build_app(pace: float = PACE, clock: Callable[[], float] = time.time) -> Starlette:
    """The server as an ASGI application; `pace` is the time between the words of a stream."""

    async def completions(request: Request) -> Response:
        body = await request.body()
        chat = _read(body)
        completion = Completion(chat, answer(chat), hashlib.sha256(body).hexdigest()[:24], int(clock()))
        if chat.get("stream") is True:
            return StreamingResponse(_stream(completion, pace), media_type="text/event-stream")
        return _json(completion.body())

    async def models(request: Request) -> Response:
        return _json({"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "gateway"}]})

    return Starlette(
        routes=[
            Route("/v1/chat/completions", completions, methods=["POST"]),
            Route("/v1/models", models, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _no_such_route, BadRequestError: _bad_request},
    )


def _read(body: bytes) -> Json:
    """The Chat request in the body; raises BadRequestError where the demo model could not answer it."""
    try:
        request: object = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequestError(f"We could not parse the JSON body of your request: {error}.") from None
    if not isinstance(request, dict):
        raise BadRequestError("The body must be a JSON object.")
    if not isinstance(request.get("model"), str):
        raise BadRequestError("You must provide a model parameter.", "model")
    messages = sequence(request.get("messages"))
    if not messages or not all(isinstance(message, dict) for message in messages):
        raise BadRequestError("'messages' must be an array of objects that is not empty.", "messages")
    for index, tool in enumerate(sequence(request.get("tools"))):
        if not isinstance(mapping(mapping(tool).get("function")).get("name"), str):
            raise BadRequestError("The demo model only knows tools of type 'function', with a name.", f"tools[{index}]")
    return request


async def _stream(completion: Completion, pace: float) -> AsyncIterator[bytes]:
    for chunk in completion.chunks():
        yield b"data: " + orjson.dumps(chunk) + b"\n\n"
        await asyncio.sleep(pace)
    yield b"data: [DONE]\n\n"


def _choice(delta: dict[str, object], finish_reason: str | None) -> dict[str, object]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}


def _pieces(arguments: str) -> list[str]:
    size = -(-len(arguments) // _ARGUMENT_PIECES)
    return [arguments[start : start + size] for start in range(0, len(arguments), size)]


def _json(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


def _error(status: int, message: str, param: str | None = None) -> Response:
    return _json({"error": {"message": message, "type": "invalid_request_error", "param": param, "code": None}}, status)


async def _no_such_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(error.status_code, f"{error.detail}: {request.method} {request.url.path}")


async def _bad_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, BadRequestError)
    return _error(400, str(error), error.param)


async def serve(listener: socket.socket) -> None:
    """Serves until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        build_app(),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_LEAVE_WITHIN,
    )
    await uvicorn.Server(config).serve([listener])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m gw_extproc.local.demo_model", description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--fd", type=int, help="file descriptor of a listening TCP socket, inherited from the parent")
    where.add_argument("--port", type=int, help="port to listen at")
    parser.add_argument("--host", default="127.0.0.1", help="address of that port; default 127.0.0.1")
    given = parser.parse_args()
    logs.configure("warning", logs.FORMATS.get(os.environ.get("GW_LOG_FORMAT", ""), "auto"))
    listener = socket.create_server((given.host, given.port)) if given.fd is None else socket.socket(fileno=given.fd)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn has stopped by then; it raises the signal once more
        asyncio.run(serve(listener))


if __name__ == "__main__":
    main()
