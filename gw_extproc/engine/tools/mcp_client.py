"""A connection to one MCP server for one response, by the official package.

The package's contexts have to be left by the task that entered them, and calls run in tasks of their own; so each connection is held
by a task that does nothing else. Servers that speak the older protocol (SSE) are found out by trying.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import httpx2
from mcp import Client, MCPError
from mcp.client._transport import TransportStreams
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, RequestParamsMeta, Tool

from gw_extproc.engine.tools.guarded import MOST_BYTES, Forbidden, GuardedTransport, TooLarge
from gw_extproc.engine.tools.remote import Endpoint, Listed, ProtocolFailure, Result
from gw_extproc.engine.tools.tool import ToolFailure
from gw_extproc.telemetry.record import acting, current

MOST_TOOLS = 512
"""Tools of one server that are offered at most: more than any model can choose from."""

_MOST_PAGES = 32
_CONNECT = 5.0  # seconds
_PARTING = 1.0  # seconds that a server may take to say goodbye
_LONGEST = 1000  # characters of what a server says of an error
_NOT_SPOKEN = (400, 404, 405, 406, 415)
"""How a server refuses a protocol that it does not speak."""

T = TypeVar("T")


class Connection:
    """Connects when it is first used; raises ToolFailure where that, or a call, comes to nothing."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._transport = self._guarded()
        self._client: asyncio.Future[Client] | None = None
        self._holding: asyncio.Task[None] | None = None
        self._done = asyncio.Event()

    async def tools(self) -> Sequence[Listed]:
        """All tools of the server."""
        client = await self._connected()
        return [_listed(tool) for tool in await self._answer(_all_tools(client, _trace()))]

    async def call(self, name: str, arguments: dict[str, Any]) -> Result:
        client = await self._connected()
        return _result(await self._answer(client.call_tool(name, arguments, meta=_trace())))

    async def close(self) -> None:
        if self._holding is not None:
            self._done.set()
            await asyncio.wait({self._holding}, timeout=_PARTING)
            self._holding.cancel()
            await asyncio.wait({self._holding})

    async def _connected(self) -> Client:
        if self._client is None or (self._holding is not None and self._holding.done()):  # the last one broke off
            self._transport = self._guarded()
            self._client = asyncio.get_running_loop().create_future()
            self._holding = asyncio.create_task(self._hold(self._client))
        try:
            return await asyncio.shield(self._client)
        except Exception as error:
            raise self._failure(error) from None

    def _guarded(self) -> GuardedTransport:
        return GuardedTransport(httpx2.URL(self._endpoint.url), self._endpoint.headers, self._endpoint.trust)

    async def _answer(self, question: Coroutine[Any, Any, T]) -> T:
        """What the server answers, unless the connection ends first: then nobody answers any more."""
        assert self._holding is not None, "it is connected"
        asking = asyncio.create_task(question)
        try:
            await asyncio.wait({asking, self._holding}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise self._failure(ConnectionError())
            return asking.result()
        except ToolFailure:
            raise
        except Exception as error:
            raise self._failure(error) from None
        finally:
            asking.cancel()
            await asyncio.wait({asking})

    async def _hold(self, ready: asyncio.Future[Client]) -> None:
        """Keeps the connection open until it is closed; whoever waits for it is told where it cannot be had."""
        try:
            async with self._opened() as client:
                ready.set_result(client)
                await self._done.wait()
        except Exception as error:
            if not ready.done():
                ready.set_exception(error)
        finally:
            ready.cancel()
            await self._transport.aclose()

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Client]:
        url = self._endpoint.url
        speak, otherwise = (_sse, _streamable) if httpx2.URL(url).path.rstrip("/").endswith("/sse") else (_streamable, _sse)
        async with AsyncExitStack() as stack:
            try:
                client = await stack.enter_async_context(Client(speak(url, self._transport), cache=None))
            except Exception:
                if self._transport.refused not in _NOT_SPOKEN:
                    raise
                client = await stack.enter_async_context(Client(otherwise(url, self._transport), cache=None))
            yield client

    def _failure(self, error: Exception) -> ToolFailure:
        """The one table of what can go wrong, in words of our own where a stranger's exception may repeat an address or a key."""
        match self._transport.fault or _leaf(error):
            case Forbidden():
                return ToolFailure("its address is not one that callers may name")
            case TooLarge():
                return ToolFailure(f"its answer is larger than {MOST_BYTES} bytes")
            case httpx2.TimeoutException():
                return ToolFailure("it did not answer in time")
            case httpx2.TransportError():
                return ToolFailure("it cannot be reached, or broke off")
            case MCPError(code=code, message=said):
                refusal = "" if self._transport.refused is None else f"it answered with status {self._transport.refused}: "
                return ProtocolFailure(code, refusal + said[:_LONGEST])
            case httpx2.HTTPStatusError(response=response):
                return ToolFailure(f"it answered with status {response.status_code}")
            case ConnectionError():
                return ToolFailure("it broke off")
            case _:
                return ToolFailure("it does not keep to the protocol, or to its own schemas")


def _trace() -> RequestParamsMeta | None:
    """Where a trace is wanted, the call's place in it, as the protocol carries it (SEP-414)."""
    traceparent = current().onward(acting.get()).get("traceparent")
    return RequestParamsMeta(traceparent=traceparent) if traceparent else None  # type: ignore[typeddict-unknown-key]


async def _all_tools(client: Client, trace: RequestParamsMeta | None) -> Sequence[Tool]:
    found: list[Tool] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor, meta=trace)
        found += page.tools
        cursor = page.next_cursor
        if cursor is None or len(found) >= MOST_TOOLS:
            break
    return found[:MOST_TOOLS]


def _listed(tool: Tool) -> Listed:
    return {
        "name": tool.name,
        "description": tool.description,
        "input_schema": tool.input_schema,
        "annotations": None if tool.annotations is None else tool.annotations.model_dump(by_alias=True, exclude_none=True),
    }


def _result(result: CallToolResult) -> Result:
    parts = [part.model_dump(include={"type", "text", "data", "mime_type"}) for part in result.content]
    structured = result.structured_content if isinstance(result.structured_content, dict) else None
    return Result(parts, structured, bool(result.is_error))


def _http(transport: GuardedTransport, **_: object) -> httpx2.AsyncClient:
    timeout = httpx2.Timeout(None, connect=_CONNECT)  # how long a call may take is decided by whoever makes it
    return httpx2.AsyncClient(transport=transport, timeout=timeout, trust_env=False)


@asynccontextmanager
async def _streamable(url: str, transport: GuardedTransport) -> AsyncIterator[TransportStreams]:
    async with _http(transport) as http, streamable_http_client(url, http_client=http, max_sse_event_size=MOST_BYTES) as streams:
        yield streams


@asynccontextmanager
async def _sse(url: str, transport: GuardedTransport) -> AsyncIterator[TransportStreams]:
    async with sse_client(url, httpx_client_factory=partial(_http, transport)) as streams:
        yield streams


def _leaf(error: BaseException) -> BaseException:
    """What went wrong first, out of the groups in which task groups wrap it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
