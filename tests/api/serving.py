"""The HTTP application as it is served, in a thread of its own: uvicorn, a real store, a real upstream."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import httpx2
from pydantic import TypeAdapter

from gw_extproc.api.app import build
from gw_extproc.api.server import HttpServer
from gw_extproc.engine.tools.toolset import Toolset
from gw_extproc.engine.workers import Workers
from gw_extproc.session.gateway import gateway
from gw_extproc.settings import Settings
from gw_extproc.store.store import Store
from gw_extproc.upstream import UpstreamClient
from tests.events import Json
from tests.sockets import free_port
from tests.waiting import DEADLINE


@dataclass(frozen=True)
class Served:
    """Where it is, and what it can be told."""

    url: str
    drain: Callable[[], None]
    """From now on it is to say that it stops."""
    stop: Callable[[], None]
    """Tells it to stop, and does not wait for it."""


@contextmanager
def served(settings: Settings, **options: Any) -> Iterator[Served]:
    """`options` are those of the application."""
    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, asyncio.Event]] = Future()
    address = f"127.0.0.1:{free_port()}"

    async def main() -> None:
        stop = asyncio.Event()
        store = await Store.open(settings.store, attempt_seconds=settings.store_timeout, retries=settings.store_retries, retention=3600)
        upstream = UpstreamClient(settings)
        shared = gateway(settings, store, upstream, Toolset(settings))
        server = HttpServer(shared, build(shared, **options), address)
        workers = Workers(shared)
        workers.start()
        await server.start()
        ready.set_result((asyncio.get_running_loop(), stop, shared.stopping))
        await stop.wait()
        shared.stopping.set()
        await asyncio.gather(server.stop(), workers.drain(0))
        await shared.aftermath.settled(DEADLINE)
        await upstream.close()
        await store.close()

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            ready.set_exception(error)
            raise

    thread = threading.Thread(target=run)
    thread.start()
    loop, stop, stopping = ready.result(DEADLINE)

    def tell(event: asyncio.Event) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(event.set)

    try:
        yield Served(f"http://{address}", partial(tell, stopping), partial(tell, stop))
    finally:
        tell(stop)
        thread.join(DEADLINE)


class Api:
    """One caller of the application, whom nobody else is."""

    def __init__(self, at: Served, key: str | None = None) -> None:
        self._client = httpx2.Client(
            base_url=at.url,
            headers={"authorization": f"Bearer {key or secrets.token_hex(8)}"},
            timeout=DEADLINE,
            verify=False,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def call(self, method: str, path: str, **sent: Any) -> httpx2.Response:
        return self._client.request(method, path, **sent)

    def stream(self, method: str, path: str, **sent: Any) -> AbstractContextManager[httpx2.Response]:
        """The answer while it comes; leaving the block before its end is leaving the server."""
        return self._client.stream(method, path, **sent)

    def get(self, path: str, **query: Any) -> Json:
        """The JSON of an answer that is all right."""
        return good(self.call("GET", path, params=query))

    def post(self, path: str, body: Json | None = None, **query: Any) -> Json:
        return good(self.call("POST", path, json=body, params=query))

    def delete(self, path: str) -> Json:
        return good(self.call("DELETE", path))

    def refused(self, method: str, path: str, **sent: Any) -> tuple[int, Json]:
        """Status and error object."""
        answer = self.call(method, path, **sent)
        assert answer.status_code >= 400, answer.text
        assert answer.headers["content-type"] == "application/json"
        error: Json = answer.json()["error"]
        assert list(error) == ["message", "type", "param", "code"]
        assert error["type"] == "invalid_request_error"
        return answer.status_code, error


def good(answer: httpx2.Response) -> Json:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    found: Json = answer.json()
    return found


def strictly(model: object, value: object) -> None:
    """Whether the value is exactly what the model says: nothing missing, nothing more."""
    TypeAdapter[object](model).validate_python(value, extra="forbid")  # type: ignore[arg-type]
