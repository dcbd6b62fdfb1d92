"""What is asked: whole HTTP requests, made beforehand. The model's name tells the fake model server how to answer (see upstream.c)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

Fields = Mapping[str, Any]

TOKEN_US = 20_000
"""Microseconds between two tokens of a paced stream: 50 a second."""

_SAID = "All that is gold does not glitter, not all those who wander are lost. "
_PIXEL = "iVBORw0KGgoA"


def http(fields: Fields, path: str = "/v1/responses") -> bytes:
    """The request as bytes; `model` comes first, where the fake model server finds it at once."""
    return raw(orjson.dumps({"model": fields["model"], **fields}), path)


def raw(body: bytes, path: str = "/v1/responses") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def small(*, store: bool) -> Fields:
    return {"model": "whole", "input": "Tell me a proverb about gold.", "temperature": 0.5, "store": store}


def burst(tokens: int) -> Fields:
    """A stream that comes as fast as it is taken, so that many tokens arrive at once."""
    return {**small(store=False), "model": f"burst-{tokens}", "stream": True}


def paced(tokens: int, interval: int = TOKEN_US) -> Fields:
    return {**small(store=False), "model": f"paced-{tokens}-{interval}", "stream": True}


def history(items: int, size: int = 400_000 // 200) -> Fields:
    """Messages of the user and the model by turns, of so many bytes each."""
    text = (_SAID * (size // len(_SAID) + 1))[: size - 60]  # what a message is beside its text
    said: Sequence[Fields] = [{"role": "assistant" if at % 2 else "user", "content": text} for at in range(items - 1)]
    return {**small(store=False), "input": [*said, {"role": "user", "content": text}]}


def image(size: int = 10_000_000) -> Fields:
    data = _PIXEL * (size // len(_PIXEL))
    parts = [{"type": "input_text", "text": "What is this?"}, {"type": "input_image", "image_url": f"data:image/png;base64,{data}"}]
    return {**small(store=False), "input": [{"role": "user", "content": parts}]}
