"""MCP servers: the caller names one, the model calls its tools, the gateway speaks to it.

A list of tools that stands in the context is used as it is; else it is fetched, or taken from those that were fetched lately for the
same server with the same credentials. The caller's credentials live in the definition of the request and nowhere else.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson

from gw_extproc.core import credentials
from gw_extproc.core.errors import CallerError, quote, unsupported
from gw_extproc.core.hosted import Hosted
from gw_extproc.core.toolkinds import BadArguments, Tool, parse_arguments
from gw_extproc.engine.tools import mcp_forms
from gw_extproc.engine.tools.guarded import Trust
from gw_extproc.engine.tools.mcp_rules import allowed, needs_approval
from gw_extproc.engine.tools.remote import Endpoint, Listed, ProtocolFailure, Remote, Result
from gw_extproc.engine.tools.tool import Given, HostedTool, Open, Outcome, Request, Running, ToolFailure
from gw_extproc.settings import Settings
from gw_extproc.telemetry.record import StepKind, acting, current

_HEADER_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_OF_THE_CONNECTION = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect", "accept-encoding"}
)

MOST_LISTS = 256
"""Lists of tools that are remembered; each may be as large as an answer."""


class ToolLists:
    """The lists of tools that were fetched lately, by server and credentials."""

    def __init__(self, lifetime: float) -> None:
        self._lifetime = lifetime
        self._lists: OrderedDict[bytes, tuple[float, Sequence[Listed]]] = OrderedDict()

    def get(self, endpoint: Endpoint, now: float) -> Sequence[Listed] | None:
        until, listed = self._lists.get(_key(endpoint), (now, ()))
        return listed if now < until else None

    def put(self, endpoint: Endpoint, listed: Sequence[Listed], now: float) -> None:
        self._lists[_key(endpoint)] = (now + self._lifetime, listed)
        self._lists.move_to_end(_key(endpoint))
        if len(self._lists) > MOST_LISTS:
            self._lists.popitem(last=False)


def _key(endpoint: Endpoint) -> bytes:
    """A digest: the credentials themselves are not to outlive their request."""
    return hashlib.sha256(orjson.dumps([endpoint.url, sorted(endpoint.headers.items())])).digest()


class McpTool(HostedTool):
    reads: Mapping[str, Sequence[str]] = {
        "mcp": (
            *("server_label", "server_url", "connector_id", "authorization", "server_description", "headers"),
            *("allowed_tools", "require_approval", "allowed_callers"),
        )
    }

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.lists = ToolLists(settings.mcp_list_lifetime)
        self.most_output = settings.tool_output

    def runs(self, definition: Given) -> bool:
        """What a stored item says of a server is not enough to speak to it, where its URL had a path."""
        return credentials.REDACTED not in (definition.get("server_url") or "")

    def check(self, definition: Given, path: str) -> None:
        url, connector = definition.get("server_url"), definition.get("connector_id")
        if definition.get("tunnel_id") is not None:
            raise unsupported(f"{path}.tunnel_id", "this gateway has no tunnels; give the server_url", code="unsupported_parameter")
        if (url is None) == (connector is None):
            message = f"Give either '{path}.server_url' or '{path}.connector_id'."
            raise CallerError(message, code="invalid_value", param=f"{path}.server_url")
        if connector is not None and connector not in self._settings.mcp_connectors:
            raise unsupported(f"{path}.connector_id", f"this gateway has no connector {quote(connector)}")
        if url is not None and self._settings.mcp == "connectors":
            raise unsupported(f"{path}.server_url", "this gateway speaks only to its own connectors")
        if url is not None and not _is_url(url):
            raise _wrong(f"{path}.server_url", "it is no http or https URL")
        if not all(_is_header(name, value) for name, value in (definition.get("headers") or {}).items()):
            raise _wrong(f"{path}.headers", "expected headers that a client may choose, in printable ASCII characters")
        if not _is_header("authorization", definition.get("authorization") or ""):
            raise _wrong(f"{path}.authorization", "expected a token in printable ASCII characters")

    def endpoint(self, definition: Given) -> Endpoint:
        """Where its server is; a connector is at an address that the operator names, so that may be any."""
        headers = dict(definition.get("headers") or {})
        if (token := definition.get("authorization")) is not None:
            headers["authorization"] = f"Bearer {token}"
        connector = definition.get("connector_id")
        if connector is not None:
            return Endpoint(self._settings.mcp_connectors[connector], headers, Trust(private=True))
        return Endpoint(definition["server_url"], headers, Trust(private=self._settings.mcp_private_addresses == "allow"))

    def running(self, request: Request) -> RunningMcp:
        return RunningMcp(self, request, self._settings.tool_timeout)


def _wrong(param: str, reason: str) -> CallerError:
    return CallerError(f"Invalid value for '{param}': {reason}.", code="invalid_value", param=param)


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        return False


def _is_header(name: str, value: str) -> bool:
    legal = _HEADER_NAME.fullmatch(name) is not None and name.lower() not in _OF_THE_CONNECTION
    return legal and value.isascii() and (value.isprintable() or not value)


@dataclass
class Server:
    """One server of this response."""

    definition: Given
    endpoint: Endpoint
    connection: Remote
    tools: dict[str, Listed] = field(default_factory=dict)
    """Those that the caller allows, by name."""

    @property
    def label(self) -> str:
        return str(self.definition["server_label"])

    def take(self, listed: Sequence[Listed]) -> None:
        self.tools = {tool["name"]: tool for tool in listed if allowed(tool, self.definition.get("allowed_tools"))}


class RunningMcp(Running):
    def __init__(self, tool: McpTool, request: Request, timeout: float) -> None:
        self._tool = tool
        self._request = request
        self._timeout = timeout
        self._servers: dict[str, Server] = {}
        for definition in request.definitions:  # of two with the same label the later counts, as everywhere
            endpoint = tool.endpoint(definition)
            self._servers[definition["server_label"]] = Server(definition, endpoint, Remote(endpoint))

    async def prepare(self, open: Open) -> None:
        known = {
            item["server_label"]: item for item in self._request.items if item.get("type") == "mcp_list_tools" and not item.get("error")
        }
        unknown: list[Server] = []
        for server in self._servers.values():
            if (item := known.get(server.label)) is not None:
                server.take(item["tools"])
            else:
                unknown.append(server)
        drafts = [open(mcp_forms.LIST, {"server_label": server.label, "tools": [], "error": None}) for server in unknown]
        lists = await asyncio.gather(*map(self._listed, unknown))
        for server, draft, listed in zip(unknown, drafts, lists, strict=True):
            if isinstance(listed, str):
                draft.end("failed", {"error": listed})
            else:
                server.take(listed)
                draft.end("completed", {"tools": list(server.tools.values())})

    def offers(self, definition: Given) -> Sequence[Hosted]:
        server = self._servers[definition["server_label"]]
        return [self._hosted(server, tool) for tool in server.tools.values()] if server.definition is definition else ()

    def approved(self, request: Given) -> tuple[Hosted, dict[str, Any]]:
        """The call that the caller has approved."""
        label, name = request["server_label"], request["name"]
        fields = mcp_forms.call_fields(label, name, request["arguments"], request["id"])
        return Hosted(Tool("mcp", name, label), mcp_forms.CALL, "", {}, lambda _: fields), fields

    async def call(self, hosted: Hosted, arguments: str) -> Outcome:
        server = self._servers[str(hosted.tool.namespace)]
        if hosted.tool.name not in server.tools:
            raise ToolFailure("The MCP server has no such tool, or it is not among the allowed tools.")
        try:
            parsed = parse_arguments(arguments)
        except BadArguments as wrong:
            raise ToolFailure(f"The arguments are wrong: {wrong}.") from None
        try:
            result = await server.connection.call(hosted.tool.name, parsed)
        except ProtocolFailure as failure:
            error = {"type": "mcp_protocol_error", "code": failure.code, "message": failure.reason}
            return Outcome("failed", {"error": error})
        except ToolFailure as failure:
            raise ToolFailure(f"The MCP server failed: {failure.reason}.") from None
        text = _text(result)
        if len(text.encode()) > self._tool.most_output:
            raise ToolFailure(f"The tool's output is larger than {self._tool.most_output} bytes; ask it for less.")
        if result.failed:
            return Outcome("failed", {"error": _execution_error(text)})
        return Outcome("completed", {"output": text})

    def failed(self, hosted: Hosted, arguments: str, reason: str) -> Outcome:
        return Outcome("failed", {"error": _execution_error(reason)})

    async def close(self) -> None:
        await asyncio.gather(*(server.connection.close() for server in self._servers.values()))

    async def _listed(self, server: Server) -> Sequence[Listed] | str:
        """The tools of that server, or why they cannot be had."""
        lists, now = self._tool.lists, time.monotonic()
        if (listed := lists.get(server.endpoint, now)) is not None:
            return listed
        step = current().step(StepKind.LIST_TOOLS, mcp_forms.LIST.item_type)
        acting.set(step)
        try:
            async with asyncio.timeout(self._timeout):
                listed = await server.connection.tools()
            step.end()
        except TimeoutError:
            step.end("timeout")
            return f"The MCP server did not answer within {self._timeout:g} seconds."
        except ToolFailure as failure:
            step.end("failed")
            return f"The MCP server's tools could not be listed: {failure.reason}."
        lists.put(server.endpoint, listed, now)
        return listed

    def _hosted(self, server: Server, tool: Listed) -> Hosted:
        label, name, note = server.label, tool["name"], server.definition.get("server_description")
        asks = needs_approval(tool, server.definition.get("require_approval"))

        def fields(arguments: str) -> dict[str, Any]:
            if asks:
                return {"server_label": label, "name": name, "arguments": arguments}
            return mcp_forms.call_fields(label, name, arguments)

        description = tool.get("description") or ""
        return Hosted(
            Tool("mcp", name, label),
            mcp_forms.APPROVAL if asks else mcp_forms.CALL,
            f"{description}\n\nPart of {label}: {note}".lstrip() if note else description,
            tool["input_schema"],
            fields,
            streams=not asks,
        )


def _text(result: Result) -> str:
    """What the result says as a text; what is structured says it again, and counts where nothing else is there."""
    if not result.parts and result.structured is not None:
        return orjson.dumps(result.structured).decode()
    return result.text()


def _execution_error(text: str) -> dict[str, Any]:
    return {"type": "mcp_tool_execution_error", "content": [{"type": "text", "text": text}]}
