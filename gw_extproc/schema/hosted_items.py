"""Items of tools that the gateway runs itself, as it gives them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Tag

from gw_extproc.schema.base import BY_TYPE, JsonObject, SentModel, absent


class HostedItem(SentModel):
    id: str


class McpProtocolError(SentModel):
    type: Literal["mcp_protocol_error"]
    code: int
    message: str


class McpTextPart(SentModel):
    type: Literal["text"]
    text: str


class McpToolExecutionError(SentModel):
    type: Literal["mcp_tool_execution_error"]
    content: list[McpTextPart]


McpError = Annotated[
    Annotated[McpProtocolError, Tag("<mcp_protocol_error>")] | Annotated[McpToolExecutionError, Tag("<mcp_tool_execution_error>")],
    BY_TYPE,
]


class McpCallItem(HostedItem):
    type: Literal["mcp_call"]
    status: Literal["in_progress", "completed", "incomplete", "failed"]
    server_label: str
    name: str
    arguments: str
    approval_request_id: str | None
    output: str | None
    error: McpError | None


class ListedToolItem(SentModel):
    name: str
    description: str | None
    input_schema: JsonObject
    annotations: JsonObject | None


class McpListToolsItem(HostedItem):
    type: Literal["mcp_list_tools"]
    status: Literal["in_progress", "completed", "failed"]
    server_label: str
    tools: list[ListedToolItem]
    error: str | None


class McpApprovalRequestItem(HostedItem):
    type: Literal["mcp_approval_request"]
    status: Literal["in_progress", "completed", "incomplete"]
    server_label: str
    name: str
    arguments: str


class McpApprovalResponseItem(HostedItem):
    type: Literal["mcp_approval_response"]
    status: str
    approval_request_id: str
    approve: bool
    reason: str | None = absent()


class WebSource(SentModel):
    type: Literal["url"]
    url: str


class SearchAction(SentModel):
    """The sources are there where `include` asked for them."""

    type: Literal["search"]
    query: str
    queries: list[str]
    sources: list[WebSource] = absent()


class WebResult(SentModel):
    url: str
    title: str
    text: str


class WebSearchCallItem(HostedItem):
    """The results are there where `include` asked for them."""

    type: Literal["web_search_call"]
    status: Literal["in_progress", "completed", "failed"]
    action: SearchAction
    results: list[WebResult] | None = absent()


class CodeLogs(SentModel):
    type: Literal["logs"]
    logs: str


class CodeImage(SentModel):
    type: Literal["image"]
    url: str


CodeOutput = Annotated[Annotated[CodeLogs, Tag("<logs>")] | Annotated[CodeImage, Tag("<image>")], BY_TYPE]


class CodeInterpreterCallItem(HostedItem):
    type: Literal["code_interpreter_call"]
    status: Literal["in_progress", "completed", "incomplete", "failed"]
    container_id: str
    code: str
    outputs: list[CodeOutput] | None
