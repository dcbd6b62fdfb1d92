"""What the strictest Chat Completions servers demand of a request: `violations` lists the rules that one breaks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Fields = Mapping[str, Any]

PARAMETERS = frozenset(
    {
        "frequency_penalty",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "parallel_tool_calls",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "service_tier",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
    }
)
REASONING = frozenset({"reasoning", "reasoning_content"})
MESSAGE_FIELDS: Mapping[str, frozenset[str]] = {
    "system": frozenset({"role", "content"}),
    "developer": frozenset({"role", "content"}),
    "user": frozenset({"role", "content"}),
    "assistant": frozenset({"role", "content", "tool_calls"}) | REASONING,
    "tool": frozenset({"role", "content", "tool_call_id"}),
}
MEDIA_FIELDS: Mapping[str, frozenset[str]] = {
    "image_url": frozenset({"url", "detail"}),
    "input_audio": frozenset({"data", "format"}),
    "file": frozenset({"filename", "file_data", "file_id"}),
}
MAY_BE_EMPTY = REASONING | {"parameters", "schema"}
"""Fields of which an empty value says something: no reasoning, any JSON."""
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
CALL_ID = r"(?s).{1,40}"
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def violations(chat: Fields, *, system_first: bool = True, call_id: str = CALL_ID, empty_content: bool = False) -> list[str]:
    """Every rule that the request breaks, in words; none where it is legal.

    `system_first` servers take one system message, before all others, and no developer role; `call_id` is the pattern of their ids;
    with `empty_content` a message that only calls has an empty content.
    """
    return [
        *_hollow(_filled(chat) if empty_content else chat, "request"),
        *_parameters(chat),
        *_tools(chat),
        *_messages(chat, system_first, re.compile(call_id)),
    ]


def _filled(chat: Fields) -> Fields:
    """The request without the empty contents that such a server asks for, and with a null for those that it misses."""
    messages = []
    for message in chat.get("messages", ()):
        if message.get("tool_calls") and message.get("content") == "":
            message = {name: value for name, value in message.items() if name != "content"}
        elif message.get("tool_calls") and "content" not in message:
            message = {**message, "content": None}
        messages.append(message)
    return {**chat, "messages": messages}


def _hollow(value: object, path: str) -> Iterator[str]:
    """Nulls, empty lists, objects and texts: nowhere but in a schema, where they are the caller's."""
    if value is None or (value in ("", [], {}) and not _may_be_empty(path)):
        yield f"{path} is {json.dumps(value)}"
    for key, inner in _children(value):
        if key not in ("parameters", "schema"):
            yield from _hollow(inner, f"{path}.{key}")


def _may_be_empty(path: str) -> bool:
    return path.rpartition(".")[2] in MAY_BE_EMPTY or path.endswith("tool message.content")


def _children(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key), inner
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield f"{index}.tool message" if _role(inner) == "tool" else str(index), inner


def _role(message: object) -> object:
    return message.get("role") if isinstance(message, dict) else None


def _parameters(chat: Fields) -> Iterator[str]:
    for name in chat.keys() - PARAMETERS:
        yield f"unknown parameter {name}"
    if not isinstance(chat.get("model"), str):
        yield "no model"
    if {"max_tokens", "max_completion_tokens"} <= chat.keys():
        yield "max_tokens beside max_completion_tokens"
    if "stream_options" in chat and chat.get("stream") is not True:
        yield "stream_options without stream"
    if "top_logprobs" in chat and chat.get("logprobs") is not True:
        yield "top_logprobs without logprobs"
    if chat.get("reasoning_effort", "low") not in EFFORTS:
        yield f"reasoning_effort is {chat['reasoning_effort']!r}"
    yield from _response_format(chat.get("response_format", {"type": "text"}))


def _response_format(form: Fields) -> Iterator[str]:
    if form.get("type") not in ("text", "json_object", "json_schema"):
        yield "response_format has no known type"
    if form.get("type") == "json_schema":
        schema = form.get("json_schema", {})
        yield from _only(schema, {"name", "schema", "description", "strict"}, "json_schema")
        if not NAME.fullmatch(str(schema.get("name", ""))) or not isinstance(schema.get("schema"), dict):
            yield "json_schema without a legal name or a schema"
        elif "$schema" in schema["schema"]:
            yield "json_schema names its meta-schema"


def _tools(chat: Fields) -> Iterator[str]:
    if "tools" not in chat:
        yield from (f"{name} without tools" for name in ("tool_choice", "parallel_tool_calls") if name in chat)
        return
    names: list[str] = []
    for tool in chat["tools"]:
        function = tool.get("function", {})
        names.append(str(function.get("name", "")))
        yield from _only(tool, {"type", "function"}, "tool")
        yield from _only(function, {"name", "description", "parameters", "strict"}, "function")
        if tool.get("type") != "function" or not NAME.fullmatch(names[-1]):
            yield f"tool {names[-1]!r} is no function with a legal name"
        if not isinstance(function.get("parameters", {}), dict):
            yield f"the parameters of {names[-1]} are no object"
        elif "$schema" in function.get("parameters", {}):
            yield f"the parameters of {names[-1]} name their meta-schema"
    if len(set(names)) < len(names):
        yield "two tools of one name"
    yield from _tool_choice(chat.get("tool_choice", "auto"), names)


def _tool_choice(choice: object, names: list[str]) -> Iterator[str]:
    if choice in ("auto", "none", "required"):
        return
    legal = [{"type": "function", "function": {"name": name}} for name in names]
    if choice not in legal:
        yield f"tool_choice is {choice!r}, which names no offered tool"


def _messages(chat: Fields, system_first: bool, call_id: re.Pattern[str]) -> Iterator[str]:
    messages = chat.get("messages") or [{}]
    owed: list[str] = []
    for index, message in enumerate(messages):
        role = message.get("role")
        if role not in MESSAGE_FIELDS:
            yield f"message {index} has the role {role!r}"
            continue
        yield from _only(message, MESSAGE_FIELDS[role], f"{role} message {index}")
        if system_first and (role == "developer" or (role == "system" and index > 0)):
            yield f"message {index} of the role {role} is not the first, or no system message"
        yield from _BY_ROLE.get(role, _text_message)(message)
        yield from _answers(message, owed)
        owed = owed[1:] if role == "tool" else _call_ids(message)
        yield from (f"call id {each!r} is not legal" for each in _call_ids(message) if not call_id.fullmatch(each))
    if owed:
        yield f"the calls {owed} are not answered"


def _answers(message: Fields, owed: list[str]) -> Iterator[str]:
    """Outputs stand directly after the calls, one for each, in their order."""
    if message["role"] == "tool":
        if message.get("tool_call_id") not in owed[:1]:
            yield f"output of {message.get('tool_call_id')!r} where {owed[:1]} is due"
    elif owed:
        yield f"a message of the role {message['role']} where the outputs of {owed} are due"


def _call_ids(message: Fields) -> list[str]:
    return [str(call.get("id")) for call in message.get("tool_calls", ())]


def _text_message(message: Fields) -> Iterator[str]:
    if not isinstance(message.get("content"), str):
        yield f"content of the role {message['role']} is no string"


def _user_message(message: Fields) -> Iterator[str]:
    content = message.get("content")
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        yield "content of the role user is neither a string nor a list"
        return
    for part in content:
        yield from _part(part)


def _part(part: Fields) -> Iterator[str]:
    kind = str(part.get("type"))
    if kind == "text" and isinstance(part.get("text"), str):
        yield from _only(part, {"type", "text"}, "text part")
        return
    inner = part.get(kind) if kind in MEDIA_FIELDS else None
    if not isinstance(inner, dict):
        yield f"a part of the type {kind!r} holds nothing that a server knows"
        return
    yield from _only(part, {"type", kind}, f"{kind} part")
    yield from _only(inner, MEDIA_FIELDS[kind], f"{kind} part")
    if inner.get("detail", "auto") not in ("auto", "low", "high"):
        yield "image detail is not auto, low or high"


def _assistant_message(message: Fields) -> Iterator[str]:
    if not message.keys() & {"content", "tool_calls"}:
        yield "an assistant message says nothing"
    content = message.get("content", "")
    if not isinstance(content, str) and not (isinstance(content, list) and any("refusal" in part for part in content)):
        yield "content of the role assistant is no string, though there is no refusal in it"
    for call in message.get("tool_calls", ()):
        function = call.get("function", {})
        yield from _only(call, {"id", "type", "function"}, "tool call")
        yield from _only(function, {"name", "arguments"}, "tool call")
        if call.get("type") != "function" or not NAME.fullmatch(str(function.get("name"))):
            yield f"tool call of {function.get('name')!r} is no function with a legal name"
        if not _is_object(function.get("arguments")):
            yield f"the arguments of {function.get('name')!r} are no JSON object"
    if len(set(_call_ids(message))) < len(_call_ids(message)):
        yield "two calls of one id in a message"


_BY_ROLE: Mapping[str, Callable[[Fields], Iterator[str]]] = {"user": _user_message, "assistant": _assistant_message}


def _is_object(text: object) -> bool:
    try:
        return isinstance(text, str) and isinstance(json.loads(text, parse_constant=_refuse), dict)
    except (ValueError, RecursionError):
        return False


def _refuse(constant: str) -> object:
    raise ValueError(constant)


def _only(value: Fields, allowed: frozenset[str] | set[str], what: str) -> Iterator[str]:
    yield from (f"{what} holds {name!r}" for name in value.keys() - allowed)
