"""Items as the gateway gives them: those that it makes, and those that callers sent, in normal form (core/stored_items)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Tag

from gw_extproc.schema.base import BY_TYPE, JsonObject, SentModel, TypedObject, absent, tags, type_tag
from gw_extproc.schema.hosted_items import (
    CodeInterpreterCallItem,
    McpApprovalRequestItem,
    McpApprovalResponseItem,
    McpCallItem,
    McpListToolsItem,
    WebSearchCallItem,
)
from gw_extproc.schema.items import FileChange, FileRemoval, ShellResult
from gw_extproc.schema.output_parts import ReasoningTextPart, SaidPart, SentPart, SummaryTextPart
from gw_extproc.schema.tools import Tools


class KeptItem(SentModel):
    id: str
    status: Literal["in_progress", "completed", "incomplete"]


class CallItem(KeptItem):
    call_id: str


class InputMessageItem(KeptItem):
    type: Literal["message"]
    role: Literal["user", "system", "developer"]
    content: list[SentPart]


class OutputMessageItem(KeptItem):
    type: Literal["message"]
    role: Literal["assistant"]
    content: list[SaidPart]
    phase: str = absent()


class ReasoningItem(KeptItem):
    """`encrypted_content` is there where it was asked for by `include`."""

    type: Literal["reasoning"]
    summary: list[SummaryTextPart]
    content: list[ReasoningTextPart] = absent()
    encrypted_content: str = absent()


class FunctionCallItem(CallItem):
    type: Literal["function_call"]
    name: str
    namespace: str = absent()
    arguments: str


class CustomToolCallItem(CallItem):
    type: Literal["custom_tool_call"]
    name: str
    namespace: str = absent()
    input: str


class FunctionCallOutputItem(CallItem):
    type: Literal["function_call_output"]
    output: str | list[SentPart]


class CustomToolCallOutputItem(CallItem):
    type: Literal["custom_tool_call_output"]
    output: str | list[SentPart]


class ExecAction(SentModel):
    type: Literal["exec"]
    command: list[str]
    env: dict[str, str]
    timeout_ms: int = absent()
    user: str = absent()
    working_directory: str = absent()


class LocalShellCallItem(CallItem):
    type: Literal["local_shell_call"]
    action: ExecAction


class LocalShellCallOutputItem(CallItem):
    type: Literal["local_shell_call_output"]
    output: str


class CommandsAction(SentModel):
    commands: list[str]
    timeout_ms: int | None
    max_output_length: int | None


class ShellCallItem(CallItem):
    type: Literal["shell_call"]
    action: CommandsAction
    environment: TypedObject | None


class ShellCallOutputItem(CallItem):
    type: Literal["shell_call_output"]
    output: list[ShellResult]
    max_output_length: int | None


class ApplyPatchCallItem(CallItem):
    type: Literal["apply_patch_call"]
    operation: Annotated[
        Annotated[FileChange, Tag("<create_file>")]
        | Annotated[FileChange, Tag("<update_file>")]
        | Annotated[FileRemoval, Tag("<delete_file>")],
        BY_TYPE,
    ]


class ApplyPatchCallOutputItem(SentModel):
    id: str
    type: Literal["apply_patch_call_output"]
    status: str
    call_id: str
    output: str = absent()


class ToolSearchCallItem(KeptItem):
    type: Literal["tool_search_call"]
    call_id: str | None
    execution: Literal["client", "server"]
    arguments: JsonObject


class ToolSearchOutputItem(KeptItem):
    type: Literal["tool_search_output"]
    call_id: str | None
    execution: Literal["client", "server"]
    tools: Tools


class AdditionalToolsItem(KeptItem):
    type: Literal["additional_tools"]
    role: str
    tools: Tools


class CompactionItem(SentModel):
    """The context so far, sealed: only this gateway can read it, and only for the same caller. It has a status once it is kept."""

    id: str
    type: Literal["compaction"]
    status: Literal["in_progress", "completed", "incomplete"] = absent()
    encrypted_content: str


class OtherItem(SentModel):
    """An item of a type that the gateway does not know, as its caller sent it."""

    id: str
    type: str
    status: str


_Made = (
    Annotated[OutputMessageItem, Tag("<assistant>")]
    | Annotated[ReasoningItem, Tag("<reasoning>")]
    | Annotated[FunctionCallItem, Tag("<function_call>")]
    | Annotated[CustomToolCallItem, Tag("<custom_tool_call>")]
    | Annotated[LocalShellCallItem, Tag("<local_shell_call>")]
    | Annotated[ShellCallItem, Tag("<shell_call>")]
    | Annotated[ApplyPatchCallItem, Tag("<apply_patch_call>")]
    | Annotated[ToolSearchCallItem, Tag("<tool_search_call>")]
    | Annotated[CompactionItem, Tag("<compaction>")]
    | Annotated[McpListToolsItem, Tag("<mcp_list_tools>")]
    | Annotated[McpCallItem, Tag("<mcp_call>")]
    | Annotated[McpApprovalRequestItem, Tag("<mcp_approval_request>")]
    | Annotated[WebSearchCallItem, Tag("<web_search_call>")]
    | Annotated[CodeInterpreterCallItem, Tag("<code_interpreter_call>")]
)
_Kept = (
    _Made
    | Annotated[InputMessageItem, Tag("<message>")]
    | Annotated[FunctionCallOutputItem, Tag("<function_call_output>")]
    | Annotated[CustomToolCallOutputItem, Tag("<custom_tool_call_output>")]
    | Annotated[LocalShellCallOutputItem, Tag("<local_shell_call_output>")]
    | Annotated[ShellCallOutputItem, Tag("<shell_call_output>")]
    | Annotated[ApplyPatchCallOutputItem, Tag("<apply_patch_call_output>")]
    | Annotated[ToolSearchOutputItem, Tag("<tool_search_output>")]
    | Annotated[AdditionalToolsItem, Tag("<additional_tools>")]
    | Annotated[McpApprovalResponseItem, Tag("<mcp_approval_response>")]
    | Annotated[OtherItem, Tag("<>")]
)
_KEPT_TAGS = tags(_Kept)


def kept_tag(value: object) -> str | None:
    """Messages by role, other items by type."""
    tag = type_tag(value)
    if tag == "<message>" and isinstance(value, dict) and value.get("role") == "assistant":
        return "<assistant>"
    return tag if tag is None or tag in _KEPT_TAGS else "<>"


OutputItem = Annotated[_Made, Discriminator(kept_tag)]
"""What a response can hold."""

ItemResource = Annotated[_Kept, Discriminator(kept_tag)]
"""What can be read back: all that callers send besides."""
