"""Reads the parts of one Chat delta or message, whatever server wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gw_extproc.core.facts import citation
from gw_extproc.core.json_text import written
from gw_extproc.core.think import Kind
from gw_extproc.core.usage import count

Delta = Mapping[str, Any]

CONTENT_FIELDS = ("content", "refusal", "audio")
REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking", "reasoning_text", "thoughts", "reasoning_details")
CALL_FIELDS = ("tool_calls", "function_call")
THINKING_TYPES = ("thinking", "reasoning", "reasoning_text", "reasoning_content", "thought")
TEXT_TYPES = ("text", "output_text")
_SAID = ("thinking", "text", "content", "reasoning", "reasoning_content", "summary", "value")


def unwrapped(chunk: Delta) -> Delta:
    """The chunk in Chat's form: Cloudflare's native answers stand in `result`, or hold the text alone as `response`."""
    if "choices" in chunk:
        return chunk
    if isinstance(inner := chunk.get("result"), dict):
        chunk = inner
    if "choices" not in chunk and "response" in chunk:
        delta = {"content": chunk["response"], "tool_calls": chunk.get("tool_calls")}
        return {**chunk, "choices": [{"delta": delta, "finish_reason": chunk.get("finish_reason")}]}
    return chunk


def followed_choice(choices: Any, index: object) -> Delta | None:
    """The choice with that index; with None, that with index 0, else the first. Others (n > 1) have no place in a response."""
    if not isinstance(choices, list):
        return None
    if index is None:
        possible = [choice for choice in choices if isinstance(choice, dict)]
        return next((choice for choice in possible if choice.get("index") == 0), possible[0] if possible else None)
    for choice in choices:
        if isinstance(choice, dict) and choice.get("index") in (None, index):
            return choice
    return None


def says_something(delta: Delta) -> bool:
    """Whether a delta holds anything of an answer."""
    return any(delta.get(name) for name in (*CONTENT_FIELDS, *REASONING_FIELDS, *CALL_FIELDS))


def reasoning(delta: Delta) -> str:
    """The reasoning text, from the first field that has some: servers that send two of them send the same text in both."""
    for name in REASONING_FIELDS:
        if (said := delta.get(name)) and (text := said if isinstance(said, str) else _text(said)):
            return text
    return ""


def content(delta: Delta) -> Sequence[tuple[Kind, str]]:
    """The texts of `content`: a string, a list of parts with thinking among them (Mistral, Snowflake), or an object or a number
    (Cloudflare parses what looks like JSON). A spoken answer has a transcript instead."""
    value = delta["content"] if "content" in delta else delta.get("text")
    if isinstance(value, str):
        return ((Kind.TEXT, value),) if value else ()
    if value is None:
        audio = delta.get("audio")
        return ((Kind.TEXT, text),) if isinstance(audio, dict) and (text := _text(audio.get("transcript"))) else ()
    if isinstance(value, dict) and value.get("type") in (*THINKING_TYPES, *TEXT_TYPES):
        value = [value]
    if isinstance(value, list) and any(isinstance(each, dict | str) for each in value):
        return [(kind, text) for kind, text in map(_part, value) if text]
    return ((Kind.TEXT, written(value)),)


def _part(part: Any) -> tuple[Kind, str]:
    if not isinstance(part, dict):
        return Kind.TEXT, _text(part)
    if part.get("type") == "refusal":
        return Kind.REFUSAL, _text(part.get("refusal"))
    if isinstance(thought := part.get("reasoningContent"), dict):  # Bedrock
        return Kind.REASONING, _text(thought.get("reasoningText"))
    thinking = part.get("type") in THINKING_TYPES or part.get("thought") is True
    return Kind.REASONING if thinking else Kind.TEXT, _text(part)


def _text(said: Any, depth: int = 0) -> str:
    """The text in a text, a number, an object that holds one, or a list of these."""
    if isinstance(said, str):
        return said
    if isinstance(said, dict) and depth < 4:
        return _text(next((said[name] for name in _SAID if said.get(name)), None), depth + 1)
    if isinstance(said, list) and depth < 4:
        return "".join(_text(each, depth + 1) for each in said)
    return written(said) if isinstance(said, int | float) and not isinstance(said, bool) else ""


def calls(delta: Delta) -> Sequence[Delta]:
    """The pieces of tool calls, the legacy function_call among them."""
    given = delta.get("tool_calls")
    if given:
        entries = given if isinstance(given, list) else [given]
        return [entry for entry in entries if isinstance(entry, dict)]
    legacy = delta.get("function_call")
    if isinstance(legacy, dict) and (legacy.get("name") or legacy.get("arguments")):
        return [{"index": 0, "function": legacy}]
    return ()


def citations(annotations: Any) -> Iterator[dict[str, Any]]:
    """The url citations, in the form of the Responses API; other annotations have none there."""
    for annotation in annotations if isinstance(annotations, list) else ():
        if isinstance(annotation, dict) and annotation.get("type") == "url_citation":
            cited = annotation.get("url_citation", annotation)
            if isinstance(cited, dict) and isinstance(cited.get("url"), str):
                title = cited.get("title")
                at = (count(cited.get(name)) for name in ("start_index", "end_index"))
                yield citation(cited["url"], title if isinstance(title, str) else "", *at)


def logprobs(choice: Delta) -> Sequence[dict[str, Any]]:
    """The log probabilities of the choice's tokens, with every field that both standards require."""
    given = choice.get("logprobs")
    if not isinstance(given, dict):
        return ()
    tokens = given.get("content")
    if tokens is None and isinstance(given.get("tokens"), list):  # the form of the older Completions API (Together, Fireworks)
        chances = given.get("token_logprobs")
        pairs = zip(given["tokens"], chances if isinstance(chances, list) else (), strict=False)
        tokens = [{"token": token, "logprob": chance} for token, chance in pairs]
    return [{**_token(token), "top_logprobs": [_token(top) for top in _tokens(token.get("top_logprobs"))]} for token in _tokens(tokens)]


def _tokens(given: Any) -> Iterator[Delta]:
    for token in given if isinstance(given, list) else ():
        if isinstance(token, dict) and isinstance(token.get("token"), str):
            yield token


def _token(token: Delta) -> dict[str, Any]:
    logprob, given = token.get("logprob"), token.get("bytes")
    known = isinstance(given, list) and all(isinstance(byte, int) for byte in given)
    return {
        "token": token["token"],
        "logprob": logprob if isinstance(logprob, int | float) else 0.0,
        "bytes": given if known else list(token["token"].encode()),
    }
