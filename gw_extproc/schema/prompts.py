"""Prompts: what may be kept in one, and what is answered. OpenAI's API keeps prompts too, but has no public way to write them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, Tag

from gw_extproc.schema.base import FAIL_FAST, STRING_OR_ARRAY, NonEmpty, WireModel, absent
from gw_extproc.schema.items import Message
from gw_extproc.schema.requests import (
    Count,
    Metadata,
    Penalty,
    Probability,
    ReasoningOptions,
    Temperature,
    TextOptions,
    TopLogprobs,
    Truncation,
)
from gw_extproc.schema.tools import ToolChoice, Tools

PromptInstructions = Annotated[
    Annotated[str, Tag("<string>")] | Annotated[list[Message], FAIL_FAST, Tag("<array>")],
    STRING_OR_ARRAY,
]
"""With `{{variable}}` in their texts."""


class Template(WireModel):
    """What a version holds: instructions, and what holds in a request that does not say otherwise."""

    model_config = ConfigDict(extra="forbid")

    instructions: PromptInstructions | None = None
    model: NonEmpty | None = None
    tools: Tools | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_tool_calls: Count | None = None
    max_output_tokens: Count | None = None
    temperature: Temperature | None = None
    top_p: Probability | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    top_logprobs: TopLogprobs | None = None
    reasoning: ReasoningOptions | None = None
    text: TextOptions | None = None
    truncation: Truncation | None = None


TEMPLATE_FIELDS = tuple(Template.model_fields)


class CreatePrompt(Template):
    name: Annotated[str, Field(max_length=256)] | None = None
    metadata: Metadata | None = None


class UpdatePrompt(CreatePrompt):
    """What is left out stays as it is, null takes it away. A new version is made unless only name and metadata are given."""


class KeptTemplate(WireModel):
    """A version's fields as they were sent; those that it does not have are absent. `variables` are the names in the instructions."""

    created_at: int
    variables: list[str]
    instructions: PromptInstructions = absent()
    model: str = absent()
    tools: Tools = absent()
    tool_choice: ToolChoice = absent()
    parallel_tool_calls: bool = absent()
    max_tool_calls: int = absent()
    max_output_tokens: int = absent()
    temperature: float = absent()
    top_p: float = absent()
    presence_penalty: float = absent()
    frequency_penalty: float = absent()
    top_logprobs: int = absent()
    reasoning: ReasoningOptions = absent()
    text: TextOptions = absent()
    truncation: Truncation = absent()


class Prompt(KeptTemplate):
    """A prompt with its newest version, whose number is `version`."""

    id: str
    object: Literal["prompt"]
    name: str | None
    metadata: dict[str, str]
    version: str


class PromptVersion(KeptTemplate):
    """`id` is the version's number: what a request gives as `prompt.version`."""

    id: str
    object: Literal["prompt.version"]
    prompt_id: str


class PromptList(WireModel):
    object: Literal["list"]
    data: list[Prompt]
    first_id: str
    last_id: str
    has_more: bool


class PromptVersionList(WireModel):
    object: Literal["list"]
    data: list[PromptVersion]
    first_id: str
    last_id: str
    has_more: bool


class DeletedPrompt(WireModel):
    id: str
    object: Literal["prompt.deleted"]
    deleted: Literal[True]
