"""Reads the parts of one Chat delta or message, whatever server wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from gw_extproc.core.facts import citation
from gw_extproc.core.think import Kind

Delta = Mapping[str, Any]

THINKING_TYPES = frozenset({"thinking", "reasoning", "reasoning_text"})


def first_choice(choices: Any) -> Delta | None:
    """The choice with index 0, or the only one; other choices (n > 1) have no place in a response."""
    if not isinstance(choices, list):
        return None
    for choice in choices:
        if isinstance(choice, dict) and not choice.get("index"):
            return choice
    return None


def delta_of(choice: Delta) -> Delta:
    """The delta of a streamed choice, or the message of a whole one (Perplexity sends both: the message repeats)."""
    for name in ("delta", "message"):
        if isinstance(delta := choice.get(name), dict):
            return delta
    return {}


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


def content(value: Any) -> Iterator[tuple[Kind, str]]:
    """The texts of `content`: a string, a list of parts with thinking among them (Mistral, Snowflake), or an object (Cloudflare)."""
    if isinstance(value, str):
        if value:
            yield Kind.TEXT, value
    elif isinstance(value, list):
        for part in value:
            yield from _part(part)
    elif isinstance(value, dict) and isinstance(value.get("type"), str):
        yield from _part(value)
    elif value is not None:
        yield Kind.TEXT, orjson.dumps(value).decode()


def _part(part: Any) -> Iterator[tuple[Kind, str]]:
    if isinstance(part, str):
        yield Kind.TEXT, part
        return
    if not isinstance(part, dict):
        return
    kind = Kind.REASONING if part.get("type") in THINKING_TYPES else Kind.TEXT
    value = next((part[name] for name in ("thinking", "text", "content", "reasoning") if part.get(name)), None)
    for _, text in content(value):
        yield kind, text


def calls(delta: Delta) -> Sequence[Delta]:
    """The pieces of tool calls, the legacy function_call among them."""
    given = delta.get("tool_calls")
    if isinstance(given, list) and given:
        return [entry for entry in given if isinstance(entry, dict)]
    legacy = delta.get("function_call")
    if isinstance(legacy, dict) and (legacy.get("name") or legacy.get("arguments")):
        return [{"index": 0, "function": legacy}]
    return ()


def citations(delta: Delta) -> Iterator[dict[str, Any]]:
    """The url citations, in the form of the Responses API; other annotations have none there."""
    for annotation in delta.get("annotations") or ():
        if isinstance(annotation, dict) and annotation.get("type") == "url_citation":
            cited = annotation.get("url_citation", annotation)
            if isinstance(cited, dict) and isinstance(cited.get("url"), str):
                start, end = (int(cited.get(name) or 0) for name in ("start_index", "end_index"))
                yield citation(cited["url"], str(cited.get("title") or ""), start, end)


def logprobs(choice: Delta) -> Sequence[dict[str, Any]]:
    """The log probabilities of the choice's tokens, with every field that both standards require."""
    given = choice.get("logprobs")
    tokens = given.get("content") if isinstance(given, dict) else None
    if not isinstance(tokens, list):
        return ()
    return [
        {**_token(token), "top_logprobs": [_token(top) for top in token.get("top_logprobs") or ()]}
        for token in tokens
        if isinstance(token, dict) and isinstance(token.get("token"), str)
    ]


def _token(token: Delta) -> dict[str, Any]:
    text = str(token.get("token") or "")
    given = token.get("bytes")
    return {
        "token": text,
        "logprob": token.get("logprob") or 0.0,
        "bytes": given if isinstance(given, list) else list(text.encode("utf-8", "replace")),
    }
