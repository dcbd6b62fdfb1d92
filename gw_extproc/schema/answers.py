"""What the gateway answers: objects, lists and errors, as it really sends them (spec digest, sections c, d and h)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gw_extproc.core.rules import Rule
from gw_extproc.schema.base import JsonObject, SentModel, TypedObject, absent
from gw_extproc.schema.output_items import ItemResource, OutputItem
from gw_extproc.schema.prompts import PromptInstructions
from gw_extproc.schema.requests import Metadata, ResponsePrompt, Summary
from gw_extproc.schema.tools import ToolChoice, Tools

Status = Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]


class ErrorDetail(SentModel):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorResponse(SentModel):
    error: ErrorDetail


class ResponseError(SentModel):
    code: str
    message: str


class IncompleteDetails(SentModel):
    reason: Literal["max_output_tokens", "content_filter", "interrupted"]


class InputTokensDetails(SentModel):
    cached_tokens: int
    cache_write_tokens: int


class OutputTokensDetails(SentModel):
    reasoning_tokens: int


class Usage(SentModel):
    input_tokens: int
    input_tokens_details: InputTokensDetails
    output_tokens: int
    output_tokens_details: OutputTokensDetails
    total_tokens: int


class EffectiveReasoning(SentModel):
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None
    summary: Summary | None


class EchoedFormat(TypedObject):
    """`text`, `json_object`, or `json_schema` with what the caller sent."""

    type: Literal["text", "json_object", "json_schema"]
    name: str = absent()
    description: str = absent()
    schema_: Annotated[JsonObject, Field(alias="schema")] = absent()
    strict: bool = absent()


class EffectiveText(SentModel):
    format: EchoedFormat
    verbosity: Literal["low", "medium", "high"] = absent()


class ConversationOfResponse(SentModel):
    id: str


class Response(SentModel):
    id: str
    object: Literal["response"]
    created_at: int
    completed_at: int | None
    status: Status
    error: ResponseError | None
    incomplete_details: IncompleteDetails | None
    model: str
    output: list[OutputItem]
    usage: Usage | None
    store: bool
    background: bool
    previous_response_id: str | None
    conversation: ConversationOfResponse = absent()
    instructions: PromptInstructions | None
    prompt: ResponsePrompt = absent()
    tools: Tools
    tool_choice: ToolChoice
    parallel_tool_calls: bool
    max_tool_calls: int | None
    max_output_tokens: int | None
    temperature: float
    top_p: float
    presence_penalty: float
    frequency_penalty: float
    top_logprobs: int
    reasoning: EffectiveReasoning | None
    text: EffectiveText
    truncation: Literal["auto", "disabled"]
    service_tier: str
    metadata: Metadata
    safety_identifier: str | None
    prompt_cache_key: str | None
    prompt_cache_retention: str = absent()
    user: str = absent()


class ExplainedHeaders(SentModel):
    """By name: values may be credentials."""

    set: list[str]
    removed: list[str]


class ExplainedNotice(SentModel):
    """The rule is the dialect's, by the name of its field; null for what is so with every dialect."""

    treatment: str
    field: str
    rule: Rule | None


class AppliedRule(SentModel):
    """A rule of the dialect that gave a field its form, and nothing was lost."""

    rule: Rule
    field: str


class UnlistedTools(SentModel):
    type: Literal["mcp"]
    server_label: str


class Explanation(SentModel):
    """What a request would become; nothing of it was done."""

    object: Literal["gateway.explanation"]
    chat_request: JsonObject
    path: str
    headers: ExplainedHeaders
    dialect: str
    notices: list[ExplainedNotice]
    rules: list[AppliedRule]
    stored: bool
    needs: Literal["one model call", "the engine"]
    because: list[Literal["background", "truncation", "context_management", "tools"]]
    missing: list[UnlistedTools]


class DeletedResponse(SentModel):
    id: str
    object: Literal["response"]
    deleted: Literal[True]


class InputTokens(SentModel):
    object: Literal["response.input_tokens"]
    input_tokens: int


class CompactedResponse(SentModel):
    id: str
    object: Literal["response.compaction"]
    created_at: int
    output: list[ItemResource]
    usage: Usage


class ItemList(SentModel):
    """A page; of an empty one the ids are empty, because OpenAI's document has them as strings."""

    object: Literal["list"]
    data: list[ItemResource]
    first_id: str
    last_id: str
    has_more: bool


class Model(SentModel):
    """What an upstream says of a model beyond these fields is passed on."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(SentModel):
    object: Literal["list"]
    data: list[Model]


class Health(SentModel):
    status: Literal["ok"]


class Readiness(SentModel):
    """Under status 503 where it is not ok. The upstream is unknown where only Envoy knows it."""

    status: Literal["ok", "draining", "unavailable"]
    store: Literal["up", "down"]
    upstream: Literal["up", "down", "unknown"]
