"""What the demo model answers: one Chat request in, one Answer out, the same for the same request.

When tools are called. Never with tool_choice "none" or right after a tool's result (so a loop of calls always ends).
A mention is a tool's name in the last user message, also with spaces for underscores.
1. Tools that are mentioned are called, all of them unless parallel_tool_calls is false. A JSON object right after the
   mention ("call get_weather with {...}") is the arguments; a tool mentioned twice with an object is called twice.
2. Without a mention, the one tool is called whose name shares most words of four letters or more with the message.
3. Without such a word, "auto" answers in text; "required" and a named tool call the first tool they allow.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal

from gw_extproc.local.demo_values import Json, Values, mapping, name_words, sequence, shorten

_INTRODUCTION = "I am the gateway's built-in demo model, a stand-in: I do not think."
_ADVICE = "To talk to a real model, start the gateway with --upstream and the base URL of a Chat Completions server."
_COMMON_WORDS = {"call", "does", "from", "have", "make", "that", "this", "tool", "user", "what", "with", "your"}
# What may stand between a tool's name and its arguments.
_LEAD = r"[`'\"]?(?:\s*\b(?:tool|function|with|using|on|the|these|json|arguments|args|parameters|input)\b)*"
_BEFORE_LITERAL = re.compile(_LEAD + r"[\s`:,=(]*(?=\{)")
_BEFORE_TEXT = re.compile(_LEAD + r"[\s:,=]*")
_QUOTED = re.compile(r"```\w*\n(?P<fence>.*?)\n?```|\"(?P<quote>[^\"\n]+)\"|`(?P<tick>[^`\n]+)`", re.DOTALL)


@dataclass(frozen=True)
class Call:
    """A function call; the arguments are JSON text."""

    name: str
    arguments: str


@dataclass(frozen=True)
class Answer:
    """What is said: a thought (empty unless asked for), then a text or calls."""

    thought: str
    text: str
    calls: tuple[Call, ...]
    finish_reason: Literal["stop", "length", "tool_calls"]


@dataclass(frozen=True)
class _Tool:
    name: str
    parameters: Json


@dataclass(frozen=True)
class _Mention:
    """A tool's name in the user's text, the object after it, and the text up to the next mention."""

    tool: _Tool
    literal: Json | None
    rest: str


def answer(request: Json) -> Answer:
    """The answer to a Chat request whose messages are a list of objects that is not empty."""
    calls = _calls(request)
    thought = _thought(request, calls)
    if calls:
        return Answer(thought, "", tuple(calls), "tool_calls")
    return _within_limit(request, thought, _text(request))


def words(text: str) -> list[str]:
    """The words, each with the space before it: joined they are the text. A word counts as a token."""
    return re.findall(r"\s*\S+", text)


def message_text(message: Json) -> str:
    """The text of a message, whether its content is a string or parts."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(str(part["text"]) for part in map(mapping, sequence(content)) if "text" in part)


def messages_of(request: Json) -> list[Json]:
    return [mapping(message) for message in sequence(request.get("messages"))]


def _within_limit(request: Json, thought: str, text: str) -> Answer:
    """Cuts at max_completion_tokens; as with a real model, thinking spends the same budget."""
    limit = request.get("max_completion_tokens") or request.get("max_tokens")
    if not isinstance(limit, int) or len(words(thought)) + len(words(text)) <= limit:
        return Answer(thought, text, (), "stop")
    thinking = words(thought)[:limit]
    saying = words(text)[: limit - len(thinking)]
    return Answer("".join(thinking), "".join(saying), (), "length")


def _thought(request: Json, calls: list[Call]) -> str:
    if request.get("reasoning_effort") in (None, "none"):
        return ""
    plan = f"call {' and '.join(call.name for call in calls)}" if calls else "answer at once"
    return f'The user said: "{shorten(_user_text(request), 60)}". I only pretend to think about it, so I {plan}.'


def _text(request: Json) -> str:
    format_ = mapping(request.get("response_format"))
    match format_.get("type"):
        case "json_schema":
            schema = mapping(mapping(format_.get("json_schema")).get("schema"))
            return _encode(_document(schema, _user_text(request)))
        case "json_object":
            return _encode({"demo": True, "you_said": shorten(_user_text(request))})
        case _:
            return " ".join([_INTRODUCTION, *_remarks(messages_of(request)), _ADVICE])


def _document(schema: Json, text: str) -> object:
    """A document under the schema; where nothing is required it shows every property rather than none."""
    if not schema.get("required") and (properties := mapping(schema.get("properties"))):
        schema = {**schema, "required": list(properties)}
    return Values(schema, text).value(schema)


def _remarks(messages: list[Json]) -> list[str]:
    """What the demo model noticed in the conversation, a sentence each."""
    remarks = []
    if any(message.get("role") in ("system", "developer") for message in messages):
        remarks.append("I saw instructions, but I cannot follow them.")
    if images := _count_images(messages):
        remarks.append(f"I was given {images} image{'s' if images > 1 else ''}.")
    if results := _results(messages):
        return [*remarks, f"The tools answered: {', '.join(results)}."]
    said = [shorten(message_text(message)) for message in messages if message.get("role") == "user"]
    if len(said) > 1:
        remarks.append(f'Before, you said: "{said[-2]}".')
    if said and said[-1]:
        remarks.append(f'You said: "{said[-1]}".')
    return remarks


def _count_images(messages: list[Json]) -> int:
    parts = [part for message in messages if message.get("role") == "user" for part in sequence(message.get("content"))]
    return sum(mapping(part).get("type") == "image_url" for part in parts)


def _results(messages: list[Json]) -> list[str]:
    """The outputs of the tools that were just called, quoted."""
    results: list[str] = []
    for message in reversed(messages):
        if message.get("role") != "tool":
            break
        results.insert(0, f'"{shorten(message_text(message))}"')
    return results


def _user_text(request: Json) -> str:
    """The text of the last user message."""
    said = [message_text(message) for message in messages_of(request) if message.get("role") == "user"]
    return said[-1] if said else ""


def _calls(request: Json) -> list[Call]:
    mode, tools = _allowed(request)
    role = messages_of(request)[-1].get("role")
    if mode == "none" or not tools or role == "tool" or (mode == "auto" and role != "user"):
        return []
    text = _user_text(request)
    calls = [_call(mention, text) for mention in _wanted(_mentions(text, tools))]
    if not calls:
        tool = _closest(text, tools) or (tools[0] if mode == "required" else None)
        calls = [_call(_Mention(tool, None, text), text)] if tool else []
    return calls[:1] if request.get("parallel_tool_calls") is False else calls


def _allowed(request: Json) -> tuple[str, list[_Tool]]:
    """How tools may be called ("none", "auto" or "required"), and which ones."""
    functions = [mapping(mapping(tool).get("function")) for tool in sequence(request.get("tools"))]
    tools = [_Tool(str(function["name"]), mapping(function.get("parameters"))) for function in functions]
    choice = request.get("tool_choice")
    if choice is None or isinstance(choice, str):
        return choice or "auto", tools
    allowed = mapping(mapping(choice).get("allowed_tools"))
    named = sequence(allowed.get("tools")) or [choice]
    names = [mapping(mapping(tool).get("function")).get("name") for tool in named]
    return str(allowed.get("mode", "required")), [tool for tool in tools if tool.name in names]


def _mentions(text: str, tools: list[_Tool]) -> list[_Mention]:
    """The mentions in order; a name inside another mention's object is not one."""
    by_length = sorted(tools, key=lambda tool: -len(tool.name))
    names = "|".join("(" + re.escape(tool.name).replace("_", "[_ ]") + ")" for tool in by_length)
    pattern = re.compile(rf"(?<!\w)(?:{names})(?!\w)", re.IGNORECASE)
    mentions = []
    found = pattern.search(text)
    while found:
        literal, end = _literal(text, found.end())
        following = pattern.search(text, end)
        rest = text[end : following.start() if following else len(text)]
        mentions.append(_Mention(by_length[(found.lastindex or 1) - 1], literal, rest))
        found = following
    return mentions


def _literal(text: str, start: int) -> tuple[Json | None, int]:
    """The JSON object right after `start` and where it ends, or None and `start`."""
    lead = _BEFORE_LITERAL.match(text, start)
    if not lead:
        return None, start
    try:
        value, end = json.JSONDecoder().raw_decode(text, lead.end())
    except (ValueError, RecursionError):
        return None, start
    return mapping(value), end


def _wanted(mentions: list[_Mention]) -> list[_Mention]:
    """Every mention with an object; of the others, the first of each tool that has none."""
    given = {mention.tool.name for mention in mentions if mention.literal is not None}
    wanted = []
    for mention in mentions:
        if mention.literal is not None or mention.tool.name not in given:
            wanted.append(mention)
            given.add(mention.tool.name)
    return wanted


def _closest(text: str, tools: list[_Tool]) -> _Tool | None:
    """The tool whose name shares most words with the text, the first of equals."""
    heard = {word for word in name_words(text) if len(word) >= 4} - _COMMON_WORDS
    best = max(tools, key=lambda tool: len(heard & name_words(tool.name)))
    return best if heard & name_words(best.name) else None


def _call(mention: _Mention, text: str) -> Call:
    return Call(mention.tool.name, _encode(_arguments(mention, text) if mention.literal is None else mention.literal))


def _arguments(mention: _Mention, text: str) -> object:
    parameters = mention.tool.parameters
    properties = mapping(parameters.get("properties"))
    if list(properties) == ["input"] and mapping(properties["input"]).get("type") == "string":
        return {"input": _free_text(mention.rest) or text}
    schema = {"type": "object", **parameters}
    return Values(schema, text).value(schema)


def _free_text(rest: str) -> str:
    """What is quoted after the tool's name, else all that follows it; many lines are quoted only as a whole."""
    lead = _BEFORE_TEXT.match(rest)
    rest = rest[lead.end() :].strip() if lead else rest.strip()
    quoted = _QUOTED.match(rest) if "\n" in rest else _QUOTED.search(rest)
    return quoted[quoted.lastgroup or 0] if quoted else rest


def _encode(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
