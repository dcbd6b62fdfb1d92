"""Bodies that lead to a model call, or count one: every parameter of both standards that the gateway knows, with its range."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from gw_extproc.schema.base import BY_TYPE, FAIL_FAST, STRING_OR_OBJECT, JsonObject, NonEmpty, WireModel, string_or_type
from gw_extproc.schema.items import Input
from gw_extproc.schema.parts import FilePart, ImagePart, InputText
from gw_extproc.schema.tools import ToolChoice, Tools

Include = Literal[
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "message.output_text.logprobs",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
]
Summary = Literal["auto", "concise", "detailed"]

_MOST_METADATA = 16


def few(most: int, value: object) -> object:
    """Counts before the pairs are looked at: pydantic would first report every wrong one of a million."""
    if isinstance(value, dict) and len(value) > most:
        raise PydanticCustomError("too_long", "too many properties", {"max_length": most})
    return value


Metadata = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]],
    BeforeValidator(partial(few, _MOST_METADATA)),
    Field(json_schema_extra={"maxProperties": _MOST_METADATA}),
]


class ReasoningOptions(WireModel):
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    summary: Summary | None = None
    generate_summary: Summary | None = None  # the deprecated name of `summary`
    context: str | None = None
    mode: str | None = None


class JsonSchemaFormat(WireModel):
    type: Literal["json_schema"]
    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9_-]+$")]
    schema_: Annotated[JsonObject, Field(alias="schema")]
    description: str | None = None
    strict: bool | None = None


class PlainFormat(WireModel):
    type: Literal["text", "json_object"]


TextFormat = Annotated[
    Annotated[PlainFormat, Tag("<text>")]
    | Annotated[PlainFormat, Tag("<json_object>")]
    | Annotated[JsonSchemaFormat, Tag("<json_schema>")],
    BY_TYPE,
]


class TextOptions(WireModel):
    format: TextFormat | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class StreamOptions(WireModel):
    include_obfuscation: bool | None = None


class ConversationReference(WireModel):
    id: NonEmpty


ConversationParam = Annotated[Annotated[str, Tag("<string>")] | Annotated[ConversationReference, Tag("<object>")], STRING_OR_OBJECT]


_MOST_VARIABLES = 256
PromptVariable = Annotated[
    Annotated[str, Tag("<string>")]
    | Annotated[InputText, Tag("<input_text>")]
    | Annotated[ImagePart, Tag("<input_image>")]
    | Annotated[FilePart, Tag("<input_file>")],
    Discriminator(string_or_type),
]
PromptVariables = Annotated[
    dict[str, PromptVariable],
    BeforeValidator(partial(few, _MOST_VARIABLES)),
    Field(json_schema_extra={"maxProperties": _MOST_VARIABLES}),
]


class ResponsePrompt(WireModel):
    """A stored prompt (/v1/prompts): its newest version, unless one is named."""

    id: NonEmpty
    version: str | None = None
    variables: PromptVariables | None = None


class PromptedRequest(WireModel):
    """What is looked at before a request is completed by its prompt."""

    prompt: ResponsePrompt


Temperature = Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Penalty = Annotated[float, Field(ge=-2, le=2, allow_inf_nan=False)]
TopLogprobs = Annotated[int, Field(ge=0, le=20)]
Count = Annotated[int, Field(ge=1)]
Truncation = Literal["auto", "disabled"]


def _model_may_be_the_prompts(schema: dict[str, Any]) -> None:
    del schema["required"]


class ContextManagement(WireModel):
    """Without a threshold OpenAI takes the model's own; the gateway does not know how much a model takes."""

    type: Literal["compaction"]
    compact_threshold: Annotated[int, Field(ge=1000)]


class CreateResponse(WireModel):
    """Where several fields are wrong, the first in this order is the one that the caller hears of."""

    # A request with a prompt is validated after the prompt has filled in what is left out.
    model_config = ConfigDict(json_schema_extra=_model_may_be_the_prompts)

    model: NonEmpty  # no standard demands it, but a Chat Completions request cannot do without
    input: Input | None = None
    instructions: str | None = None
    previous_response_id: str | None = None
    conversation: ConversationParam | None = None
    prompt: ResponsePrompt | None = None
    tools: Tools | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_tool_calls: Count | None = None
    # Both standards begin at 16. Local models take less, and clients that speak to them send less.
    max_output_tokens: Count | None = None
    temperature: Temperature | None = None
    top_p: Probability | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    top_logprobs: TopLogprobs | None = None
    reasoning: ReasoningOptions | None = None
    text: TextOptions | None = None
    include: Annotated[list[Include], FAIL_FAST] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    store: bool | None = None
    background: bool | None = None
    context_management: Annotated[list[ContextManagement], Field(fail_fast=True, min_length=1)] | None = None
    truncation: Truncation | None = None
    service_tier: str | None = None
    metadata: Metadata | None = None
    # OpenAI's schema ends it at 64, the text of its SDK at 128.
    safety_identifier: Annotated[str, Field(max_length=128)] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    user: str | None = None


class CountTokens(WireModel):
    """The body of POST /v1/responses/input_tokens: what shapes the input of a response."""

    model: NonEmpty | None = None
    input: Input | None = None
    instructions: str | None = None
    previous_response_id: str | None = None
    conversation: ConversationParam | None = None
    prompt: ResponsePrompt | None = None
    tools: Tools | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    reasoning: ReasoningOptions | None = None
    text: TextOptions | None = None
    truncation: Truncation | None = None


class CompactResponse(WireModel):
    """The body of POST /v1/responses/compact."""

    model: NonEmpty
    input: Input | None = None
    instructions: str | None = None
    previous_response_id: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    service_tier: str | None = None
