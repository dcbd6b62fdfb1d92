"""Reads the parts of one Chat delta or message, whatever server wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gw_extproc.core.facts import citation, count
from gw_extproc.core.json_text import written
from gw_extproc.core.think import Kind

Delta = Mapping[str, Any]

THINKING_TYPES = ("thinking", "reasoning", "reasoning_text")
TEXT_TYPES = ("text", "output_text")


def first_choice(choices: Any) -> Delta | None:
    """The choice with index 0 or none; other choices (n > 1) have no place in a response."""
    if not isinstance(choices, list):
        return None
    for choice in choices:
        if isinstance(choice, dict) and not choice.get("index"):
            return choice
    return None


def delta_of(choice: Delta) -> Delta:
    """The delta of a streamed choice, or the message of a whole one (Perplexity sends both: the message repeats)."""
    if isinstance(delta := choice.get("delta"), dict):
        return delta
    return message if isinstance(message := choice.get("message"), dict) else {}


def reasoning(delta: Delta) -> str:
    """The reasoning text, from the first field that has some: servers that send two of them send the same text in both."""
    for name in ("reasoning_content", "reasoning"):
        if isinstance(text := delta.get(name), str) and text:
            return text
    details = delta.get("reasoning_details")
    if not isinstance(details, list):
        return ""
    texts = (detail.get("text") or detail.get("summary") for detail in details if isinstance(detail, dict))
    return "".join(text for text in texts if isinstance(text, str))


def content(value: Any) -> Sequence[tuple[Kind, str]]:
    """The texts of `content`: a string, a list of parts with thinking among them (Mistral, Snowflake), or an object (Cloudflare)."""
    if isinstance(value, str):
        return ((Kind.TEXT, value),)
    if isinstance(value, dict) and value.get("type") in (*THINKING_TYPES, *TEXT_TYPES):
        value = [value]
    if isinstance(value, list):
        return [(kind, text) for kind, text in map(_part, value) if text]
    return ((Kind.TEXT, written(value)),)


def _part(part: Any) -> tuple[Kind, str]:
    if not isinstance(part, dict):
        return Kind.TEXT, part if isinstance(part, str) else ""
    kind = Kind.REASONING if part.get("type") in THINKING_TYPES else Kind.TEXT
    said = next((part[name] for name in ("thinking", "text", "content", "reasoning") if part.get(name)), None)
    return kind, "".join(map(_text, said if isinstance(said, list) else (said,)))


def _text(said: Any) -> str:
    text = said.get("text") if isinstance(said, dict) else said
    return text if isinstance(text, str) else ""


def calls(delta: Delta) -> Sequence[Delta]:
    """The pieces of tool calls, the legacy function_call among them."""
    given = delta.get("tool_calls")
    if isinstance(given, list) and given:
        return [entry for entry in given if isinstance(entry, dict)]
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
    return [
        {**_token(token), "top_logprobs": [_token(top) for top in _tokens(token.get("top_logprobs"))]}
        for token in _tokens(given.get("content") if isinstance(given, dict) else None)
    ]


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
