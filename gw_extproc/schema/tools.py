"""Tools and tool_choice as they may be sent; unknown kinds are accepted, the translation decides about them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from gw_extproc.schema.base import (
    BY_TYPE,
    FAIL_FAST,
    STRING_OR_OBJECT,
    JsonObject,
    NonEmpty,
    TypedObject,
    WireModel,
    shape_tag,
    tags,
    type_tag,
)

# OpenAI's limit. Open Responses says 64; what the model server sees is shortened by the translation.
FunctionName = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[a-zA-Z0-9_-]+$")]


class CallableTool(WireModel):
    allowed_callers: Annotated[list[str], FAIL_FAST] | None = None


class FunctionTool(CallableTool):
    type: Literal["function"]
    name: FunctionName
    description: str | None = None
    parameters: JsonObject | None = None
    strict: bool | None = None


class GrammarFormat(WireModel):
    type: Literal["grammar"]
    syntax: Literal["lark", "regex"]
    definition: str


class FreeFormat(WireModel):
    type: Literal["text"]


CustomFormat = Annotated[Annotated[FreeFormat, Tag("<text>")] | Annotated[GrammarFormat, Tag("<grammar>")], BY_TYPE]


class CustomTool(CallableTool):
    type: Literal["custom"]
    name: NonEmpty
    description: str | None = None
    format: CustomFormat | None = None


NestedTool = Annotated[Annotated[FunctionTool, Tag("<function>")] | Annotated[CustomTool, Tag("<custom>")], BY_TYPE]


class NamespaceTool(WireModel):
    type: Literal["namespace"]
    name: NonEmpty
    description: str | None = None
    tools: Annotated[list[NestedTool], FAIL_FAST]


class ToolSearchTool(WireModel):
    type: Literal["tool_search"]
    execution: Literal["client", "server"] | None = None
    description: str | None = None
    parameters: JsonObject | None = None


class ShellTool(CallableTool):
    type: Literal["shell"]
    environment: TypedObject | None = None


class ApplyPatchTool(CallableTool):
    type: Literal["apply_patch"]


class McpFilter(WireModel):
    """All that it says must hold."""

    tool_names: Annotated[list[str], FAIL_FAST] | None = None
    read_only: bool | None = None


class McpApproval(WireModel):
    always: McpFilter | None = None
    never: McpFilter | None = None


AllowedMcpTools = Annotated[
    Annotated[list[str], FAIL_FAST, Tag("<array>")] | Annotated[McpFilter, Tag("<object>")],
    Discriminator(shape_tag, custom_error_type="shape", custom_error_message="an array or an object"),
]
RequiredApproval = Annotated[
    Annotated[Literal["always", "never"], Tag("<string>")] | Annotated[McpApproval, Tag("<object>")], STRING_OR_OBJECT
]


class McpTool(CallableTool):
    """Where its server is, `server_url` or `connector_id` says."""

    type: Literal["mcp"]
    server_label: Annotated[str, Field(min_length=1, max_length=128)]
    server_url: str | None = None
    connector_id: str | None = None
    authorization: str | None = None
    server_description: str | None = None
    headers: dict[str, str] | None = None
    allowed_tools: AllowedMcpTools | None = None
    require_approval: RequiredApproval | None = None


_AnyTool = (
    Annotated[FunctionTool, Tag("<function>")]
    | Annotated[CustomTool, Tag("<custom>")]
    | Annotated[NamespaceTool, Tag("<namespace>")]
    | Annotated[ToolSearchTool, Tag("<tool_search>")]
    | Annotated[ShellTool, Tag("<shell>")]
    | Annotated[ApplyPatchTool, Tag("<apply_patch>")]
    | Annotated[McpTool, Tag("<mcp>")]
    | Annotated[TypedObject, Tag("<>")]
)
_TOOL_TAGS = tags(_AnyTool)


def tool_tag(value: object) -> str | None:
    tag = type_tag(value)
    return tag if tag is None or tag in _TOOL_TAGS else "<>"


Tools = Annotated[list[Annotated[_AnyTool, Discriminator(tool_tag)]], FAIL_FAST]


class NamedChoice(WireModel):
    type: Literal["function", "custom"]
    name: NonEmpty


class AllowedTools(WireModel):
    """OpenAI demands `mode`, Open Responses does not: absent is auto."""

    type: Literal["allowed_tools"]
    mode: Literal["auto", "required"] | None = None
    tools: Annotated[list[TypedObject], Field(fail_fast=True, min_length=1)]


_AnyChoice = (
    Annotated[NamedChoice, Tag("<function>")]
    | Annotated[NamedChoice, Tag("<custom>")]
    | Annotated[AllowedTools, Tag("<allowed_tools>")]
    | Annotated[TypedObject, Tag("<>")]
)
_CHOICE_TAGS = tags(_AnyChoice)


def choice_tag(value: object) -> str | None:
    tag = type_tag(value)
    return tag if tag is None or tag in _CHOICE_TAGS else "<>"


ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("<string>")]
    | Annotated[Annotated[_AnyChoice, Discriminator(choice_tag)], Tag("<object>")],
    STRING_OR_OBJECT,
]
