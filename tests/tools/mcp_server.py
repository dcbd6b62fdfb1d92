"""A real MCP server, by the official package, in a thread of its own: what each of its tools does, a test decides by calling it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.real.upstream import Gate
from tests.sockets import free_port
from tests.waiting import DEADLINE


@dataclass
class McpServer:
    """Where it is, and what it saw."""

    url: str = ""
    calls: list[tuple[str, object]] = field(default_factory=list)
    """Tool and argument, of each call."""
    headers: list[dict[str, str]] = field(default_factory=list)
    """Of each request."""
    bodies: list[bytes] = field(default_factory=list)
    """Pieces of those of all requests."""
    gates: dict[str, Gate] = field(default_factory=dict)
    """Where a call of `wait` waits, by name."""

    @property
    def streamable(self) -> str:
        return f"{self.url}/mcp"

    @property
    def sse(self) -> str:
        return f"{self.url}/sse"


def tools(server: McpServer) -> MCPServer:
    made = MCPServer("dice", log_level="CRITICAL")

    @made.tool(annotations=ToolAnnotations(read_only_hint=True))
    def roll(sides: int) -> str:
        """Rolls a die."""
        server.calls.append(("roll", sides))
        return f"rolled a {sides}"

    @made.tool()
    def delete(name: str) -> str:
        """Deletes a file."""
        server.calls.append(("delete", name))
        return f"deleted {name}"

    @made.tool()
    def fail(reason: str) -> str:
        """Fails."""
        raise ValueError(reason)

    @made.tool()
    def much(size: int) -> str:
        """Says much."""
        return "x" * size

    @made.tool()
    def python(code: str) -> str:
        """Runs code, or says so."""
        if code == "raise":
            raise ValueError(code)
        return "x" * 1001 if code == "much" else f"ran {code}"

    @made.tool()
    async def wait(gate: str) -> str:
        """Waits for a gate."""
        server.calls.append(("wait", gate))
        try:
            await server.gates[gate].passed()
        except asyncio.CancelledError:
            server.calls.append(("cancelled", gate))
            raise
        return f"passed {gate}"

    return made


class Recording:
    """Notes the headers and the body of each request."""

    def __init__(self, app: ASGIApp, server: McpServer) -> None:
        self._app = app
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._server.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})

        async def noting() -> Message:
            message = await receive()
            self._server.bodies.append(message.get("body", b""))
            return message

        await self._app(scope, noting, send)


@contextmanager
def running() -> Iterator[McpServer]:
    """Both transports, at a port of their own."""
    server, port = McpServer(), free_port()
    server.url = f"http://127.0.0.1:{port}"
    made = tools(server)
    app = made.streamable_http_app()
    app.router.routes.extend(made.sse_app().router.routes)
    serving = uvicorn.Server(uvicorn.Config(Recording(app, server), host="127.0.0.1", port=port, log_level="critical", ws="none"))
    thread = threading.Thread(target=serving.run)
    thread.start()
    while not serving.started:
        assert thread.is_alive()
        threading.Event().wait(0.01)
    try:
        yield server
    finally:
        serving.should_exit = serving.force_exit = True
        thread.join(DEADLINE)
