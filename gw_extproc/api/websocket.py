"""The WebSocket transport of /v1/responses (Open Responses 2026-04-24; spec digest, section f).

Theory. One connection takes turns one after the other: a `response.create` frame, then the events of that response, one frame each.
What is not stored lives in the connection: the latest response, which the next turn may continue, and which is forgotten when such a
turn fails. A turn that comes to no response is one `error` frame. Frames are read ahead while a turn runs, so that a client that leaves
is noticed; it then counts as for any other request.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import aclosing, suppress
from typing import Any
from urllib.parse import urlsplit

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect

from gw_extproc.api import errors
from gw_extproc.api.shared import gateway_of, headers_of
from gw_extproc.core.errors import CallerError, GatewayError, InternalError, quote, unsupported
from gw_extproc.core.events import payloads
from gw_extproc.core.paths import RESPONSES
from gw_extproc.engine.answering import answer
from gw_extproc.session import explaining
from gw_extproc.session.answers import Head, error_of
from gw_extproc.session.begin import begin_parsed, parsed
from gw_extproc.session.gateway import Caller, Gateway
from gw_extproc.session.recall import Remembered
from gw_extproc.session.session import Session
from gw_extproc.telemetry.record import Door, current

logger = logging.getLogger("gw_extproc.websocket")

LONGEST_LIFE = 60 * 60.0
"""Seconds that a connection may live: the limit that the standard names."""

READ_AHEAD = 2
"""Frames that may wait for their turn, each as large as a body may be; a client that sends more is held back by TCP."""

GOING_AWAY = 1001
"""The close code of a server that leaves (RFC 6455)."""

_OF_HTTP: Mapping[str, tuple[object, ...]] = {"stream": (None, True), "stream_options": (None,), "background": (None, False)}
"""Parameters that only the HTTP transport has, with the values that ask for what happens anyway."""

_OF_OPENAI: Mapping[str, tuple[object, ...]] = {"generate": (None, True), "stream_id": (None,)}
"""Parameters that OpenAI's sockets have besides, written the same way: a turn without an answer, and turns side by side. Left out,
the first would pay for an answer that nobody wants, and the events of the second would find no listener."""

_Frames = asyncio.Queue[str | bytes | None]
"""What the client has sent and what is not served yet; None after the last."""


async def responses(socket: WebSocket, longest_life: float = LONGEST_LIFE) -> None:
    """Serves one connection until its client leaves, its time is over or the process stops."""
    gateway, headers = gateway_of(socket), headers_of(socket)
    try:
        _same_origin(headers)
        _not_explained(headers)
        caller = gateway.caller(headers)
    except GatewayError as error:
        await socket.send_denial_response(errors.answer(error))
        return
    serving = asyncio.current_task()
    assert serving is not None, "runs in a task"
    gateway.sockets.add(serving)
    try:
        await socket.accept()
        await _live(_Connection(socket, gateway, caller, headers), longest_life)
    finally:
        gateway.sockets.discard(serving)


def _same_origin(headers: Mapping[str, str]) -> None:
    """Raises ForeignOrigin for a web page of somewhere else: browsers let any page open a WebSocket to what its user can reach."""
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        raise ForeignOrigin(f"WebSocket from the origin {quote(origin)} is not allowed.", code="origin_not_allowed")


def _not_explained(headers: Mapping[str, str]) -> None:
    """Raises CallerError where explanations are asked for: a turn has no other answer than its events."""
    if explaining.wanted(headers):
        raise unsupported(explaining.HEADER, "explanations are given for POST /v1/responses only")


class ForeignOrigin(CallerError):
    """A web page of another host."""

    status = 403


async def _live(connection: _Connection, longest_life: float) -> None:
    try:
        async with asyncio.timeout(longest_life):
            await connection.serve()
    except TimeoutError:
        message = "The connection has reached its limit of 60 minutes; open another one."
        await connection.refuse(CallerError(message, code="websocket_connection_limit_reached"))
    await connection.close()


class _Connection:
    def __init__(self, socket: WebSocket, gateway: Gateway, caller: Caller, headers: Mapping[str, str]) -> None:
        self._socket = socket
        self._gateway = gateway
        self._caller = caller
        self._headers = headers
        self._latest: dict[str, Remembered] = {}

    async def serve(self) -> None:
        """Ends when the client has left; a turn that runs then is broken off, unless the settings want it finished."""
        frames: _Frames = asyncio.Queue(READ_AHEAD)
        reading, turns = tasks = [asyncio.create_task(work) for work in (self._read(frames), self._take_turns(frames))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if reading.done() and self._finishes:
                await frames.put(None)
                await turns
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Says goodbye, if anybody is still there."""
        with suppress(RuntimeError, WebSocketDisconnect):
            await self._socket.close(GOING_AWAY)

    async def refuse(self, error: GatewayError) -> None:
        """The error frame; who has left is told nothing."""
        exchange = current()
        exchange.http_status = error.status
        exchange.fail(error)
        with suppress(WebSocketDisconnect):
            await self._send(orjson.dumps({"type": "error", "status": error.status, "error": error.detail()}))

    @property
    def _finishes(self) -> bool:
        return self._gateway.settings.on_disconnect == "finish"

    async def _read(self, frames: _Frames) -> None:
        while (message := await self._socket.receive())["type"] == "websocket.receive":
            await frames.put(message.get("text") or message.get("bytes") or "")

    async def _take_turns(self, frames: _Frames) -> None:
        """Ends between two turns when the process stops."""
        while (frame := await self._next(frames)) is not None:
            previous = None
            with self._gateway.telemetry.begin(Door.WEBSOCKET, "POST", RESPONSES, self._headers):
                try:
                    request = _request(frame)
                    previous = request.get("previous_response_id")
                    await self._turn(request)
                except GatewayError as error:
                    self._latest.pop(str(previous), None)
                    await self.refuse(error)
                except WebSocketDisconnect:  # the client has left in mid-sentence
                    current().left = "answering"
                    return
                except Exception:  # the broad catch of this transport
                    logger.exception("a turn failed")
                    self._latest.pop(str(previous), None)
                    await self.refuse(InternalError())

    async def _next(self, frames: _Frames) -> str | bytes | None:
        """None where there is to be no further turn."""
        frame, stopping = asyncio.create_task(frames.get()), asyncio.create_task(self._gateway.stopping.wait())
        try:
            await asyncio.wait((frame, stopping), return_when=asyncio.FIRST_COMPLETED)
            return None if self._gateway.stopping.is_set() else frame.result()
        finally:
            frame.cancel()
            stopping.cancel()

    async def _turn(self, request: Mapping[str, Any]) -> None:
        session = await begin_parsed(request, self._caller, self._gateway, self._latest)
        async with aclosing(answer(session, self._gateway, self._headers)) as parts:
            head = Head(200, {})
            async for part in parts:
                if isinstance(part, Head):
                    head, current().http_status = part, part.status
                elif head.status != 200:
                    raise error_of(head, part.data)
                else:
                    await self._tell(part.data)
        self._remember(session, request.get("previous_response_id"))

    async def _tell(self, events: bytes) -> None:
        """One frame per event. response.failed says what an error event says: two of them would count as the end of two turns."""
        for type, payload in payloads(events):
            if type != b"error":
                await self._send(payload)

    def _remember(self, session: Session, previous: object) -> None:
        if session.assembler.error is not None:
            self._latest.pop(str(previous), None)
        else:
            self._latest = {} if session.kept else {session.id: session.remembered()}

    async def _send(self, payload: bytes) -> None:
        """Raises WebSocketDisconnect where the client has left, unless its turn is to be finished all the same."""
        try:
            await self._socket.send_text(payload.decode())
        except (RuntimeError, WebSocketDisconnect):
            if not self._finishes:
                raise WebSocketDisconnect from None


def _request(frame: str | bytes) -> dict[str, Any]:
    """The body that a frame stands for; raises CallerError where it is none."""
    given = parsed(frame.encode() if isinstance(frame, str) else frame)
    if not isinstance(given, dict):
        raise CallerError("A frame must be a JSON object.", code="invalid_type")
    kind = given.get("type")
    if kind != "response.create":
        message = f"Invalid value for 'type': expected 'response.create', but got {quote(str(kind))}."
        raise CallerError(message, code="invalid_value", param="type")
    for name, usual in _OF_HTTP.items():
        if given.get(name) not in usual:
            raise CallerError(
                f"Unknown parameter: '{name}': over WebSocket every response streams.", code="unknown_parameter", param=name
            )
    for name, usual in _OF_OPENAI.items():
        if given.get(name) not in usual:
            raise CallerError(f"Unsupported parameter: '{name}' is not there yet.", code="unsupported_parameter", param=name)
    frame_alone = {"type", *_OF_OPENAI}
    return {name: value for name, value in given.items() if name not in frame_alone} | {"stream": True}
