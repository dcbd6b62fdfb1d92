"""ASGI applications that a test scripts: each path has one, and a diary of what it saw."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future

from starlette.types import Message, Receive, Scope, Send

from tests.waiting import DEADLINE

Application = Callable[["Call"], Awaitable[None]]


class Gate:
    """A place where an application waits until the test opens the gate."""

    def __init__(self) -> None:
        self._opened: Future[None] = Future()

    def open(self) -> None:
        self._opened.set_result(None)

    def await_open(self) -> None:
        self._opened.result(DEADLINE)

    async def passed(self) -> None:
        await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self._opened)), DEADLINE)


class Mark:
    """Something that happened in an application, which the test waits for."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def await_set(self) -> None:
        assert self._event.wait(DEADLINE), "it never happened"


class Call:
    """One call of an application, with shorthands for what it does."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send

    async def begin(self, status: int = 200, *headers: tuple[bytes, bytes]) -> None:
        await self.send({"type": "http.response.start", "status": status, "headers": headers or [(b"content-type", b"text/plain")]})

    async def say(self, data: bytes, *, more: bool = True) -> None:
        await self.send({"type": "http.response.body", "body": data, "more_body": more})

    async def answer(self, data: bytes, status: int = 200, *headers: tuple[bytes, bytes]) -> None:
        await self.begin(status, *headers)
        await self.say(data, more=False)

    async def messages(self) -> list[Message]:
        """Everything that it receives, up to the end of the body."""
        received = [await self.receive()]
        while received[-1].get("more_body"):
            received.append(await self.receive())
        return received

    async def body(self) -> bytes:
        return b"".join([message["body"] for message in await self.messages()])


class Applications:
    """Many applications as one: the path picks."""

    def __init__(self) -> None:
        self._by_path: dict[str, Application] = {}

    def at(self, application: Application) -> str:
        """Registers the application and returns its path."""
        path = f"/v1/responses/{len(self._by_path)}"
        self._by_path[path] = application
        return path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = "/".join(scope["path"].split("/")[:4])
        await self._by_path[path](Call(scope, receive, send))
