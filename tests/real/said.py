"""What a Chat answer says and what a response says, in the same few words, so that they can be compared.

Reads the bodies plainly and shares no code with the gateway: it is what a person would find in the recording.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from openai.types.responses import (
    Response,
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputRefusal,
    ResponseOutputText,
    ResponseReasoningItem,
)

from tests.beside import documents


@dataclass(frozen=True)
class Said:
    """`tokens` are those of the prompt, the answer and both, or None where the server did not count."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: tuple[tuple[str, Any], ...] = ()
    status: str = "completed"
    tokens: tuple[int, int, int] | None = None


def by_server(body: bytes) -> Said:
    """What the recording says."""
    text = reasoning = refusal = reason = ""
    tokens: tuple[int, int, int] | None = None
    calls: list[dict[str, Any]] = []
    for document in documents(body):
        tokens = _tokens(document.get("usage")) or tokens
        for choice in (document.get("choices") or [])[:1]:
            delta = choice.get("delta") or choice.get("message") or {}
            reason = choice.get("finish_reason") or reason
            told, thought = _content(delta.get("content"))
            text += told
            reasoning += thought + _thought(delta)
            refusal += delta.get("refusal") or ""
            for entry in delta.get("tool_calls") or []:
                _add(calls, entry)
    if thinking := re.match(r"\s*<think>(.*?)</think>\s*", text, re.DOTALL):
        reasoning, text = thinking[1].strip(), text[thinking.end() :]
    status = "incomplete" if reason in ("length", "content_filter") else "completed"
    said = tuple((call["name"], _arguments(call["arguments"])) for call in calls)
    return Said(text, reasoning, refusal, said, status, tokens)


def by_response(response: Response) -> Said:
    """What the caller gets."""
    contents = [part for item in response.output if isinstance(item, ResponseOutputMessage) for part in item.content]
    thoughts = [part for item in response.output if isinstance(item, ResponseReasoningItem) for part in item.content or []]
    calls = [item for item in response.output if isinstance(item, ResponseFunctionToolCall)]
    usage = response.usage
    assert usage is not None
    return Said(
        text="".join(part.text for part in contents if isinstance(part, ResponseOutputText)),
        reasoning="".join(part.text for part in thoughts),
        refusal="".join(part.refusal for part in contents if isinstance(part, ResponseOutputRefusal)),
        calls=tuple((call.name, _arguments(call.arguments)) for call in calls),
        status=str(response.status),
        tokens=(usage.input_tokens, usage.output_tokens, usage.total_tokens),
    )


def _content(content: Any) -> tuple[str, str]:
    """Text and thoughts: some servers send a list of parts."""
    if isinstance(content, str):
        return content, ""
    told = thought = ""
    for part in content or []:
        if part["type"] == "text":
            told += part["text"]
        else:
            inner = part.get("thinking") or part.get("text") or ""
            thought += inner if isinstance(inner, str) else "".join(piece["text"] for piece in inner)
    return told, thought


def _thought(delta: dict[str, Any]) -> str:
    plain = delta.get("reasoning_content") or delta.get("reasoning")
    if isinstance(plain, str):
        return plain
    return "".join(detail.get("text") or detail.get("summary") or "" for detail in delta.get("reasoning_details") or [])


def _add(calls: list[dict[str, Any]], entry: dict[str, Any]) -> None:
    """A piece that names a function begins a call, unless it repeats the id of one."""
    function = entry.get("function") or {}
    known = [call for call in calls if entry.get("id") and call["id"] == entry["id"]]
    if function.get("name") and not known:
        calls.append({"id": entry.get("id"), "index": entry.get("index"), "name": function["name"], "arguments": ""})
    call = known[-1] if known else next(call for call in reversed(calls) if call["index"] == entry.get("index"))
    call["arguments"] += function.get("arguments") or ""


def _arguments(text: str) -> Any:
    return json.loads(text or "{}")


def _tokens(usage: dict[str, Any] | None) -> tuple[int, int, int] | None:
    if not usage or not usage.get("prompt_tokens"):
        return None
    prompt, answer = usage["prompt_tokens"], usage.get("completion_tokens") or 0
    return prompt, answer, usage.get("total_tokens") or prompt + answer
