"""What the scripted model says in these tests."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

from tests.events import Json
from tests.real import chat
from tests.real.upstream import Step, Upstream

_NUMBERS = itertools.count(1)

LOGPROBS = {"content": [{"token": "Hello", "logprob": -0.5, "bytes": None, "top_logprobs": [{"token": "Hello", "logprob": -0.5}]}]}


def rich(**choice: Any) -> Sequence[Step]:
    """An answer with everything in it: a thought, a text with logprobs and a citation, and a call of each kind of tool."""
    calls = [
        {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for name, arguments in {
            "look": {"at": "it"},
            "write": {"input": "text"},
            "shell": {"commands": ["ls"]},
            "local_shell": {"command": ["ls"], "timeout_ms": 5},
            "apply_patch": {"operation": {"type": "delete_file", "path": "a"}},
            "tool_search": {"query": "q"},
        }.items()
    ]
    citation = {"type": "url_citation", "url_citation": {"url": "https://example.com", "title": "t", "start_index": 0, "end_index": 5}}
    message = {"role": "assistant", "reasoning_content": "Hm.", "content": "Hello", "annotations": [citation], "tool_calls": calls}
    document = json.loads(chat.completion("tool_calls"))
    document["choices"] = [{"index": 0, "message": message, "finish_reason": "tool_calls", "logprobs": LOGPROBS, **choice}]
    return [chat.JSON, chat.encoded(document)]


TOOLS: Sequence[Json] = [
    {"type": "function", "name": "look", "parameters": {"type": "object"}},
    {"type": "custom", "name": "write", "format": {"type": "text"}},
    *({"type": kind} for kind in ("shell", "local_shell", "apply_patch")),
    {"type": "tool_search", "execution": "client"},
]

EVERYTHING: Json = {
    "input": "hi",
    "tools": TOOLS,
    "reasoning": {"effort": "low", "summary": "auto"},
    "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
    "metadata": {"a": "b"},
    "user": "u",
    "text": {"verbosity": "low"},
}
"""A request that leads to such an answer."""


def says(upstream: Upstream, text: str = "Hello") -> str:
    """A model that says this and nothing else."""
    return upstream.script([chat.JSON, chat.completion(content=text)], key=f"says-{next(_NUMBERS)}")


def says_all(upstream: Upstream) -> str:
    return upstream.script(rich(), key=f"says-{next(_NUMBERS)}")
