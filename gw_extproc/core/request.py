"""One validated Responses request to one Chat Completions request, and all that the answer will need to know of it.

Each parameter is sent, or echoed only (and named in the notice), or refused by name; none disappears.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from gw_extproc.core import toolchoice
from gw_extproc.core.approvals import approvals
from gw_extproc.core.conversation import Conversation, Items, Message
from gw_extproc.core.dialects import Dialect
from gw_extproc.core.errors import CallerError, quote, unsupported
from gw_extproc.core.hosted import NOTHING, Kit
from gw_extproc.core.notices import Notices
from gw_extproc.core.tools import Toolbox, without_meta_schema

Body = Mapping[str, Any]

LOGPROBS = "message.output_text.logprobs"

PLAIN = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
"""Parameters of the same name and meaning in Chat; a dialect may refuse one, and then zero (its default) is simply not sent."""

HINTS = (
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "service_tier",
    "metadata",
)
"""Parameters that are sent where the dialect knows them, and otherwise only echoed."""


class Plan(NamedTuple):
    """What is sent to the model, and what its answer must be told."""

    chat: Mapping[str, Any]
    toolbox: Toolbox
    notices: Notices
    stream: bool
    """Whether the caller asked for events."""
    summary: bool
    """Whether the caller asked for a summary of the reasoning."""
    logprobs: bool
    background: bool = False
    """Whether the response outlives its request."""
    shortens: bool = False
    """Whether a context that is too long may be shortened."""
    compact_at: int | None = None
    """Above how many tokens the context is condensed first."""
    instructed: int = 0
    """How many messages a prompt gave besides the system's: they are no part of the conversation that may be shortened."""

    @property
    def needs_engine(self) -> bool:
        """Whether the answer is more than one model call that ends with its client: then Envoy cannot make it alone."""
        return self.background or self.shortens or self.compact_at is not None or self.hosts

    @property
    def hosts(self) -> bool:
        """Whether the gateway may have to run tools itself."""
        return self.toolbox.hosts


def translate(
    body: Body, items: Items, dialect: Dialect, *, reject_unsupported: bool, unknown: Iterable[str] = (), kit: Kit = NOTHING
) -> Plan:
    """Translates a validated body with its context; `unknown` are the paths of its fields that the API does not have.

    Raises CallerError, naming the field, for what cannot be honoured.
    """
    _refuse_unstored_background(body)
    notices = Notices()
    for path in unknown:
        notices.add("fields not sent", path)
    toolbox = Toolbox(notices, reject_unsupported=reject_unsupported, kit=kit)
    toolbox.add(body.get("tools") or (), "tools")
    for index, item in enumerate(items.all):
        if item.get("type") in ("additional_tools", "tool_search_output"):
            toolbox.add(item.get("tools") or (), f"{items.path(index)}.tools")
    # The choice may narrow the toolbox, so it comes before the definitions are read.
    choice = toolchoice.choose(body.get("tool_choice"), toolbox, dialect, notices)
    reasoning = body.get("reasoning") or {}
    logprobs = LOGPROBS in (body.get("include") or ()) or bool(body.get("top_logprobs"))
    messages, instructed = _messages(body, items, Conversation(dialect, toolbox, notices, kit))
    chat: dict[str, Any] = {
        "model": body["model"],
        "messages": messages,
        **_tools(body, choice, toolbox, dialect, notices),
        **_sampling(body, dialect),
        **_hints(body, dialect, notices),
        **_limits(body, dialect, notices),
        **_text(body.get("text") or {}, dialect, notices),
        **_effort(reasoning, dialect, notices),
        **(_logprobs(body, dialect) if logprobs else {}),
        **_stream(body, dialect, notices),
    }
    summary = reasoning.get("summary") or reasoning.get("generate_summary")
    return Plan(
        chat,
        toolbox,
        notices,
        stream=bool(body.get("stream")),
        summary=summary is not None,
        logprobs=logprobs,
        background=bool(body.get("background")),
        shortens=body.get("truncation") == "auto",
        compact_at=min((entry["compact_threshold"] for entry in body.get("context_management") or ()), default=None),
        instructed=instructed,
    )


def _refuse_unstored_background(body: Body) -> None:
    if body.get("background") and body.get("store") is False:
        message = "Invalid value for 'background': background responses are stored, so 'store' must not be false."
        raise CallerError(message, code="invalid_value", param="background")


def check_approved(items: Items, toolbox: Toolbox) -> None:
    """Raises CallerError where a call is approved whose server this request does not name: addresses and credentials are not kept."""
    for request in approvals(items.all).due(items.given):
        label = request["server_label"]
        if ("mcp", label) not in toolbox.matched() | toolbox.expected():
            message = f"A call of the MCP server {quote(label)} is approved, but that server is not among the tools."
            raise CallerError(message, code="invalid_value", param="tools")


def input_items(body: Body) -> Sequence[Body]:
    """The items of `input`, in whichever form it came."""
    given = body.get("input")
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    return given or ()


def _messages(body: Body, items: Items, conversation: Conversation) -> tuple[list[Message], int]:
    """All messages, and how many of them are instructions without being the system's."""
    instructions = body.get("instructions")
    if isinstance(instructions, str):
        conversation.instructions(instructions)
    elif instructions:  # a stored prompt's messages
        conversation.add(Items(instructions, parameter="prompt.instructions"))
    instructed = sum(1 for message in conversation.messages() if message["role"] in ("user", "assistant"))
    conversation.add(items)
    messages = conversation.messages()
    if not messages:
        message = "Missing required parameter: 'input', which holds nothing that can be sent to the model."
        raise CallerError(message, code="missing_required_parameter", param="input")
    return messages, instructed


def _tools(body: Body, choice: Any, toolbox: Toolbox, dialect: Dialect, notices: Notices) -> dict[str, Any]:
    definitions = toolbox.definitions()
    if not definitions:
        return {}
    chat: dict[str, Any] = {"tools": definitions}
    if choice is not None:
        chat["tool_choice"] = choice
    parallel = body.get("parallel_tool_calls")
    if parallel is not None and "parallel_tool_calls" in dialect.hints:
        chat["parallel_tool_calls"] = parallel
    elif parallel is False:
        notices.add("not sent", "parallel_tool_calls", "hints")
    return chat


def _sampling(body: Body, dialect: Dialect) -> dict[str, Any]:
    given = {name: body[name] for name in PLAIN if body.get(name) is not None}
    for name, value in given.items():
        if value and name in dialect.refused:
            raise _refused(name, "it", dialect)
    return {name: value for name, value in given.items() if name not in dialect.refused}


def _hints(body: Body, dialect: Dialect, notices: Notices) -> dict[str, Any]:
    sent = {}
    for name in HINTS:
        value = body.get(name)
        if not value:  # empty texts and metadata say nothing
            continue
        if name in dialect.hints:
            sent[name] = value
        elif value != "auto":  # nor does this tier
            notices.add("not sent", name, "hints")
    return sent


def _limits(body: Body, dialect: Dialect, notices: Notices) -> dict[str, Any]:
    limit = body.get("max_output_tokens")
    if limit is None:
        return {}
    notices.shape("max_tokens", "max_output_tokens")
    return {dialect.max_tokens: limit}


def _text(text: Body, dialect: Dialect, notices: Notices) -> dict[str, Any]:
    chat: dict[str, Any] = {}
    form = text.get("format") or {}
    kind = form.get("type")
    if kind in dialect.refused:
        raise _refused("text.format", str(kind), dialect)
    if kind == "json_object":
        chat["response_format"] = {"type": "json_object"}
    elif kind == "json_schema":
        schema = {name: form[name] for name in ("name", "description", "strict") if form.get(name) not in (None, "")}
        schema["schema"] = without_meta_schema(form["schema"])
        chat["response_format"] = {"type": "json_schema", "json_schema": schema}
    if (verbosity := text.get("verbosity")) is not None:
        if "verbosity" in dialect.hints:
            chat["verbosity"] = verbosity
        else:
            notices.add("not sent", "text.verbosity", "hints")
    return chat


def _effort(reasoning: Body, dialect: Dialect, notices: Notices) -> dict[str, Any]:
    for name in ("context", "mode"):
        if reasoning.get(name) not in (None, "auto", "standard"):
            notices.add("not sent", f"reasoning.{name}")
    effort = reasoning.get("effort")
    if effort is None:
        return {}
    efforts = dialect.efforts
    sent = effort if efforts is None else efforts.get(effort)
    if sent is None or "reasoning_effort" not in dialect.hints:
        notices.add("not sent", "reasoning.effort", "efforts" if sent is None else "hints")
        return {}
    if sent != effort:
        notices.shape("efforts", "reasoning.effort")
    return {"reasoning_effort": sent}


def _logprobs(body: Body, dialect: Dialect) -> dict[str, Any]:
    if "logprobs" in dialect.refused:
        raise _refused("top_logprobs" if body.get("top_logprobs") else "include", "log probabilities", dialect)
    top = body.get("top_logprobs")
    return {"logprobs": True} | ({"top_logprobs": top} if top else {})


def _stream(body: Body, dialect: Dialect, notices: Notices) -> dict[str, Any]:
    if (body.get("stream_options") or {}).get("include_obfuscation"):
        notices.add("not sent", "stream_options.include_obfuscation")
    if not body.get("stream"):
        return {}
    if not dialect.include_usage:
        return {"stream": True}
    notices.shape("include_usage", "stream")
    return {"stream": True, "stream_options": {"include_usage": True}}


def _refused(param: str, what: str, dialect: Dialect) -> CallerError:
    return unsupported(param, f"the upstream (dialect {dialect.name}) does not know {what}", code="unsupported_parameter")
