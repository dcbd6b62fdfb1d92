"""Input items as they may be sent: both standards, and the liberties that real clients take."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from gw_extproc.schema.base import (
    BY_TYPE,
    FAIL_FAST,
    STRING_OR_ARRAY,
    JsonObject,
    NonEmpty,
    TypedObject,
    WireModel,
    tags,
    type_tag,
)
from gw_extproc.schema.parts import AssistantContent, InputContent, ReasoningText, SummaryText, demand_one
from gw_extproc.schema.tools import Tools

# Both standards end it at 64 characters, but some servers hand out longer ones, and clients send those back.
CallId = NonEmpty


class Item(WireModel):
    id: str | None = None
    status: str | None = None


class Message(Item):
    """A message of user, system or developer; the role is a closed list so that a wrong one is refused by name.

    Here and below a null content is an empty one, but content that is not there is a mistake.
    """

    type: Literal["message"] | None = None
    role: Literal["user", "system", "developer", "assistant"]
    content: InputContent | None


class AssistantMessage(Item):
    type: Literal["message"] | None = None
    role: Literal["assistant"]
    content: AssistantContent | None
    phase: str | None = None


class FunctionCall(Item):
    type: Literal["function_call"]
    call_id: CallId
    name: NonEmpty
    namespace: str | None = None
    arguments: str


class CustomToolCall(Item):
    type: Literal["custom_tool_call"]
    call_id: CallId
    name: NonEmpty
    namespace: str | None = None
    input: str


class ToolOutput(Item):
    type: Literal["function_call_output", "custom_tool_call_output"]
    call_id: CallId
    output: InputContent | None


class LocalShellAction(WireModel):
    command: Annotated[list[str], FAIL_FAST]
    env: JsonObject | None = None
    timeout_ms: int | None = None
    user: str | None = None
    working_directory: str | None = None


class LocalShellItem(Item):
    """OpenAI's output item names its call by `id` alone; others send `call_id`, or both."""

    call_id: str | None = None

    @model_validator(mode="after")
    def has_call(self) -> Self:
        demand_one({"call_id": self.call_id, "id": self.id})
        return self


class LocalShellCall(LocalShellItem):
    type: Literal["local_shell_call"]
    action: LocalShellAction


class LocalShellCallOutput(LocalShellItem):
    type: Literal["local_shell_call_output"]
    output: str


class ShellAction(WireModel):
    commands: Annotated[list[str], FAIL_FAST]
    timeout_ms: int | None = None
    max_output_length: int | None = None


class ShellCall(Item):
    type: Literal["shell_call"]
    call_id: CallId
    action: ShellAction


class ShellTimeout(WireModel):
    type: Literal["timeout"]


class ShellExit(WireModel):
    type: Literal["exit"]
    exit_code: int


class ShellResult(WireModel):
    stdout: str
    stderr: str
    outcome: Annotated[Annotated[ShellTimeout, Tag("<timeout>")] | Annotated[ShellExit, Tag("<exit>")], BY_TYPE]


class ShellCallOutput(Item):
    type: Literal["shell_call_output"]
    call_id: CallId
    output: Annotated[list[ShellResult], FAIL_FAST]


class FileChange(WireModel):
    type: Literal["create_file", "update_file"]
    path: NonEmpty
    diff: str


class FileRemoval(WireModel):
    type: Literal["delete_file"]
    path: NonEmpty


class ApplyPatchCall(Item):
    type: Literal["apply_patch_call"]
    call_id: CallId
    operation: Annotated[
        Annotated[FileChange, Tag("<create_file>")]
        | Annotated[FileChange, Tag("<update_file>")]
        | Annotated[FileRemoval, Tag("<delete_file>")],
        BY_TYPE,
    ]


class ApplyPatchCallOutput(Item):
    type: Literal["apply_patch_call_output"]
    call_id: CallId
    output: str | None = None


class ToolSearchCall(Item):
    type: Literal["tool_search_call"]
    call_id: CallId | None = None
    execution: Literal["client", "server"] | None = None
    arguments: JsonObject


class ToolSearchOutput(Item):
    type: Literal["tool_search_output"]
    call_id: CallId | None = None
    execution: Literal["client", "server"] | None = None
    tools: Tools


class AdditionalTools(Item):
    """Tools that stand in the input; clients send it again without any."""

    type: Literal["additional_tools"]
    role: str | None = None
    tools: Tools | None = None


class Reasoning(Item):
    """A reasoning item sent back: both standards demand `summary`, clients leave it out."""

    type: Literal["reasoning"]
    summary: Annotated[list[SummaryText], FAIL_FAST] | None = None
    content: Annotated[list[ReasoningText], FAIL_FAST] | None = None
    encrypted_content: str | None = None


class Compaction(Item):
    type: Literal["compaction"]
    encrypted_content: str


class McpItem(Item):
    """An item of a remote server's tools, sent back: what the document requires, and the model has to be told."""

    id: NonEmpty
    server_label: str
    name: NonEmpty
    arguments: str


class McpCall(McpItem):
    type: Literal["mcp_call"]
    output: str | None = None
    approval_request_id: str | None = None


class McpApprovalRequest(McpItem):
    type: Literal["mcp_approval_request"]


class McpApprovalResponse(Item):
    type: Literal["mcp_approval_response"]
    approval_request_id: NonEmpty
    approve: bool
    reason: str | None = None


class ListedTool(WireModel):
    name: NonEmpty
    description: str | None = None
    input_schema: JsonObject
    annotations: JsonObject | None = None


class McpListTools(Item):
    type: Literal["mcp_list_tools"]
    server_label: str
    tools: Annotated[list[ListedTool], FAIL_FAST]
    error: str | None = None


class WebSearchCall(Item):
    """What it did may also be to open a page: such items come from elsewhere."""

    type: Literal["web_search_call"]
    action: JsonObject | None = None
    results: Annotated[list[JsonObject], FAIL_FAST] | None = None


class CodeInterpreterCall(Item):
    type: Literal["code_interpreter_call"]
    code: str | None = None
    outputs: Annotated[list[JsonObject], FAIL_FAST] | None = None


class ItemReference(WireModel):
    type: Literal["item_reference"] | None = None
    id: NonEmpty


_TypedItem = (
    Annotated[FunctionCall, Tag("<function_call>")]
    | Annotated[ToolOutput, Tag("<function_call_output>")]
    | Annotated[CustomToolCall, Tag("<custom_tool_call>")]
    | Annotated[ToolOutput, Tag("<custom_tool_call_output>")]
    | Annotated[LocalShellCall, Tag("<local_shell_call>")]
    | Annotated[LocalShellCallOutput, Tag("<local_shell_call_output>")]
    | Annotated[ShellCall, Tag("<shell_call>")]
    | Annotated[ShellCallOutput, Tag("<shell_call_output>")]
    | Annotated[ApplyPatchCall, Tag("<apply_patch_call>")]
    | Annotated[ApplyPatchCallOutput, Tag("<apply_patch_call_output>")]
    | Annotated[ToolSearchCall, Tag("<tool_search_call>")]
    | Annotated[ToolSearchOutput, Tag("<tool_search_output>")]
    | Annotated[AdditionalTools, Tag("<additional_tools>")]
    | Annotated[Reasoning, Tag("<reasoning>")]
    | Annotated[Compaction, Tag("<compaction>")]
    | Annotated[McpCall, Tag("<mcp_call>")]
    | Annotated[McpApprovalRequest, Tag("<mcp_approval_request>")]
    | Annotated[McpApprovalResponse, Tag("<mcp_approval_response>")]
    | Annotated[McpListTools, Tag("<mcp_list_tools>")]
    | Annotated[WebSearchCall, Tag("<web_search_call>")]
    | Annotated[CodeInterpreterCall, Tag("<code_interpreter_call>")]
    | Annotated[ItemReference, Tag("<item_reference>")]
)
_TAGS = tags(_TypedItem)


def item_tag(value: object) -> str | None:
    """Messages by role, other items by type; without a type, a role makes a message and an id a reference."""
    tag = type_tag(value)
    if tag in _TAGS:
        return tag
    if not isinstance(value, dict):
        return None
    if tag == "<message>" or (value.get("type") is None and value.get("role") is not None):
        return "<assistant>" if value.get("role") == "assistant" else "<message>"
    if value.get("type") is None and value.get("id") is not None:
        return "<item_reference>"
    return None if tag is None else "<>"


InputItem = Annotated[
    _TypedItem
    | Annotated[Message, Tag("<message>")]
    | Annotated[AssistantMessage, Tag("<assistant>")]
    | Annotated[TypedObject, Tag("<>")],
    Discriminator(item_tag),
]
MOST_ITEMS = 20_000
"""Items of one input: ten times the longest history of an agent that was seen; more would hold up everybody else for a second."""

Input = Annotated[
    Annotated[str, Tag("<string>")] | Annotated[list[InputItem], Field(fail_fast=True, max_length=MOST_ITEMS), Tag("<array>")],
    STRING_OR_ARRAY,
]
