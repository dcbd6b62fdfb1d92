"""The events of a stream (spec digest, section b), in the order in which a response goes through them.

`reasoning_text` and the flat error are those of the wire profile openai, `reasoning` and the nested error those of open-responses.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gw_extproc.schema.answers import ErrorDetail, Response
from gw_extproc.schema.base import SentModel, absent
from gw_extproc.schema.output_items import OutputItem
from gw_extproc.schema.output_parts import LogProb, StreamedPart, SummaryTextPart, UrlCitation


class Event(SentModel):
    sequence_number: int


class ItemEvent(Event):
    output_index: int


class PartEvent(ItemEvent):
    item_id: str
    content_index: int


class SummaryEvent(ItemEvent):
    item_id: str
    summary_index: int


class CallEvent(ItemEvent):
    item_id: str


class CommandEvent(ItemEvent):
    command_index: int


class ResponseEvent(Event):
    """The response as a whole has begun, moved on or ended."""

    type: Literal[
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.completed",
        "response.incomplete",
        "response.failed",
        "response.cancelled",
    ]
    response: Response


class OutputItemEvent(ItemEvent):
    type: Literal["response.output_item.added", "response.output_item.done"]
    item: OutputItem


class ContentPartEvent(PartEvent):
    type: Literal["response.content_part.added", "response.content_part.done"]
    part: StreamedPart


class OutputTextDelta(PartEvent):
    type: Literal["response.output_text.delta"]
    delta: str
    logprobs: list[LogProb]


class OutputTextDone(PartEvent):
    type: Literal["response.output_text.done"]
    text: str
    logprobs: list[LogProb]


class AnnotationAdded(PartEvent):
    type: Literal["response.output_text.annotation.added"]
    annotation_index: int
    annotation: UrlCitation


class RefusalDelta(PartEvent):
    type: Literal["response.refusal.delta"]
    delta: str


class RefusalDone(PartEvent):
    type: Literal["response.refusal.done"]
    refusal: str


class ReasoningTextDelta(PartEvent):
    type: Literal["response.reasoning_text.delta", "response.reasoning.delta"]
    delta: str


class ReasoningTextDone(PartEvent):
    type: Literal["response.reasoning_text.done", "response.reasoning.done"]
    text: str


class SummaryPartEvent(SummaryEvent):
    type: Literal["response.reasoning_summary_part.added", "response.reasoning_summary_part.done"]
    part: SummaryTextPart


class SummaryTextDelta(SummaryEvent):
    type: Literal["response.reasoning_summary_text.delta"]
    delta: str


class SummaryTextDone(SummaryEvent):
    type: Literal["response.reasoning_summary_text.done"]
    text: str


class ArgumentsDelta(CallEvent):
    type: Literal["response.function_call_arguments.delta"]
    delta: str


class ArgumentsDone(CallEvent):
    type: Literal["response.function_call_arguments.done"]
    name: str
    arguments: str


class CustomInputDelta(CallEvent):
    type: Literal["response.custom_tool_call_input.delta"]
    delta: str


class CustomInputDone(CallEvent):
    type: Literal["response.custom_tool_call_input.done"]
    input: str


class CommandDelta(CommandEvent):
    type: Literal["response.shell_call_command.delta"]
    delta: str


class CommandWhole(CommandEvent):
    type: Literal["response.shell_call_command.added", "response.shell_call_command.done"]
    command: str


class HostedCallEvent(CallEvent):
    """A tool that the gateway runs has begun, goes on or has ended."""

    type: Literal[
        "response.mcp_list_tools.in_progress",
        "response.mcp_list_tools.completed",
        "response.mcp_list_tools.failed",
        "response.mcp_call.in_progress",
        "response.mcp_call.completed",
        "response.mcp_call.failed",
        "response.web_search_call.in_progress",
        "response.web_search_call.searching",
        "response.web_search_call.completed",
        "response.code_interpreter_call.in_progress",
        "response.code_interpreter_call.interpreting",
        "response.code_interpreter_call.completed",
    ]


class HostedTextDelta(CallEvent):
    type: Literal["response.mcp_call_arguments.delta", "response.code_interpreter_call_code.delta"]
    delta: str


class McpArgumentsDone(CallEvent):
    type: Literal["response.mcp_call_arguments.done"]
    arguments: str


class CodeDone(CallEvent):
    type: Literal["response.code_interpreter_call_code.done"]
    code: str


class ErrorEvent(Event):
    """Flat or nested, as the wire profile has it; `response.failed` follows."""

    type: Literal["error"]
    code: str | None = absent()
    message: str = absent()
    param: str | None = absent()
    error: ErrorDetail = absent()


ResponseStreamEvent = Annotated[
    ResponseEvent
    | OutputItemEvent
    | ContentPartEvent
    | OutputTextDelta
    | OutputTextDone
    | AnnotationAdded
    | RefusalDelta
    | RefusalDone
    | ReasoningTextDelta
    | ReasoningTextDone
    | SummaryPartEvent
    | SummaryTextDelta
    | SummaryTextDone
    | ArgumentsDelta
    | ArgumentsDone
    | CustomInputDelta
    | CustomInputDone
    | CommandDelta
    | CommandWhole
    | HostedCallEvent
    | HostedTextDelta
    | McpArgumentsDone
    | CodeDone
    | ErrorEvent,
    Field(discriminator="type"),
]
