"""The ids that clients see: each says where the store keeps what it names.

A response's id is its thread and its own unique part; an item's is that of its response and its position there. A thread is what shares
one history: a chain of responses with all its branches, or a conversation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

PART = 24
"""Hexadecimal characters of a thread or of a unique part: 96 bits, which nobody guesses and which never meet by chance."""

HEADER = "x-gateway-response-id"
"""The header of an answer that names the response made: Envoy's access log has nothing else to find it by."""

_RESPONSE = re.compile(rf"resp_([0-9a-f]{{{PART}}})([0-9a-f]{{{PART}}})")
_CONVERSATION = re.compile(rf"conv_([0-9a-f]{{{PART}}})")
_PROMPT = re.compile(rf"pmpt_([0-9a-f]{{{PART}}})")
_ITEM = re.compile(rf"[a-z]{{2,5}}_([0-9a-f]{{{PART}}})([0-9a-f]{{{PART}}})([0-9a-f]{{2,5}})")

PREFIXES: Mapping[str, str] = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "cto",
    "compaction": "cmp",
    "mcp_list_tools": "mcpl",
    "mcp_call": "mcp",
    "mcp_approval_request": "mcpr",
    "mcp_approval_response": "mcpa",
    "web_search_call": "ws",
    "code_interpreter_call": "ci",
}
"""Prefixes of item ids, by the item's type; other types have OTHER."""

OTHER = "item"


class Ref(NamedTuple):
    """What a response or a batch of conversation items is called in the store."""

    thread: str
    unique: str


def response_id(ref: Ref) -> str:
    return f"resp_{ref.thread}{ref.unique}"


def parse_response(id: str) -> Ref | None:
    """The place that a response id names, or None where it is no id of ours."""
    found = _RESPONSE.fullmatch(id)
    return Ref(found[1], found[2]) if found else None


def conversation_id(thread: str) -> str:
    return f"conv_{thread}"


def parse_conversation(id: str) -> str | None:
    """The thread that a conversation id names, or None where it is no id of ours."""
    found = _CONVERSATION.fullmatch(id)
    return found[1] if found else None


def prompt_id(unique: str) -> str:
    return f"pmpt_{unique}"


def parse_prompt(id: str) -> str | None:
    """The unique part that a prompt id names, or None where it is no id of ours."""
    found = _PROMPT.fullmatch(id)
    return found[1] if found else None


def item_id(prefix: str, ref: Ref, position: int) -> str:
    """The id of the item at that position of a record: its own inputs come first, then its outputs."""
    return f"{prefix}_{ref.thread}{ref.unique}{position:02x}"


def parse_item(id: str) -> tuple[Ref, int] | None:
    """The record and the position that an item id names, or None where it is no id of ours."""
    found = _ITEM.fullmatch(id)
    return (Ref(found[1], found[2]), int(found[3], 16)) if found else None


def prefix_of(type: str) -> str:
    return PREFIXES.get(type, OTHER)
