"""The rules of a dialect that shape a request, by the names of its fields: told beside the request, so that one need not guess why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Rule = Literal[
    "max_tokens",
    "developer_role",
    "system",
    "hints",
    "efforts",
    "replay",
    "replay_empty",
    "media",
    "image_detail",
    "named_tool_choice",
    "refusal_parts",
    "empty_content",
    "between_tool_and_user",
    "call_ids",
    "first_call_extra",
    "include_usage",
]
"""A field of Dialect. Those that refuse a request say so in its error, and are not here."""

RULES: Mapping[Rule, str] = {
    "max_tokens": "the limit of the answer goes by the name that the server knows",
    "developer_role": "messages of developers have another role",
    "system": "what system and developer say stands in one message, before all others",
    "hints": "a parameter that only steers is not sent, as the server does not know it",
    "efforts": "the server knows other reasoning efforts: the nearest is sent, or none",
    "replay": "whether the model is told its earlier reasoning, and in which field",
    "replay_empty": "a message with calls has a field for its reasoning, though none is known",
    "media": "a file of text is sent as text, as the server takes no files",
    "image_detail": "the detail of images is not sent, as the server does not know it",
    "named_tool_choice": "a tool cannot be demanded by name: it alone is offered, and required",
    "refusal_parts": "a refusal is told as text, as the server knows no such parts",
    "empty_content": "a message that only calls tools has an empty content",
    "between_tool_and_user": "the model says a word between a tool's output and the user",
    "call_ids": "ids of calls that the server does not take are replaced",
    "first_call_extra": "the first call of a message carries more fields",
    "include_usage": "the server is asked for the usage at the end of a stream",
}
"""What each does to a request that it has shaped."""
