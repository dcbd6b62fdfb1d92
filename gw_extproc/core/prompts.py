"""Prompt templates: instructions with places for variables, and what they say once these have values.

Instructions are a text, or a list of messages. A place is written `{{name}}`; what stands between other braces is text. A value is a
text or a part of a message; it is put in as it is, and places in it are text. A part that is no text can stand only where the API has
parts: in a message of the user's role.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gw_extproc.core.content import TEXTUAL
from gw_extproc.core.errors import CallerError, shorten, unsupported
from gw_extproc.core.stored_items import normal

Item = Mapping[str, Any]
Part = Mapping[str, Any]
Instructions = str | Sequence[Item]
Values = Mapping[str, str | Part]

_PLACE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_-]{0,63})\s*\}\}")


def variables(instructions: Instructions | None) -> list[str]:
    """The names of the places, each once, in the order in which they stand there."""
    return list(dict.fromkeys(name for text in _texts(instructions or "") for name in _PLACE.findall(text)))


def text_of(instructions: Instructions | None) -> str:
    """All that they say."""
    return "\n".join(_texts(instructions or ""))


def filled(instructions: Instructions | None, values: Values) -> Instructions | None:
    """The instructions with the values in their places, messages in normal form.

    Raises CallerError, naming the variable, for one without a value, a value without a place, and a part that cannot stand there.
    """
    names = variables(instructions)
    for name in names:
        if name not in values:
            param = _param(name)
            raise CallerError(f"Missing required parameter: '{param}'.", code="missing_required_parameter", param=param)
    for name in values:
        if name not in names:
            param = _param(name)
            raise CallerError(f"Unknown parameter: '{param}': the prompt has no such variable.", code="unknown_parameter", param=param)
    if instructions is None or isinstance(instructions, str):
        return None if instructions is None else _text(instructions, values)
    return [_message(message, values) for message in instructions]


def _texts(instructions: Instructions) -> Iterator[str]:
    if isinstance(instructions, str):
        yield instructions
        return
    for message in instructions:
        content = message["content"] or ()
        if isinstance(content, str):
            yield content
        else:
            yield from (part["text"] for part in content if part["type"] in TEXTUAL)


def _message(message: Item, values: Values) -> Item:
    content = message["content"] or ""
    if message["role"] == "assistant":  # without the id that the normal form of the model's own messages has
        return {**message, "type": "message", "content": _plain(content, values)}
    if message["role"] != "user":
        return normal({**message, "content": _plain(content, values)}, None)
    if isinstance(content, str):
        return normal({**message, "content": _parts(content, values)}, None)
    read = (_parts(part["text"], values) if part["type"] in TEXTUAL else [part] for part in content)
    return normal({**message, "content": [part for parts in read for part in parts]}, None)


def _plain(content: str | Sequence[Part], values: Values) -> str | Sequence[Part]:
    """Content that can hold texts alone."""
    if isinstance(content, str):
        return _text(content, values)
    return [{**part, "text": _text(part["text"], values)} if part["type"] in TEXTUAL else part for part in content]


def _text(text: str, values: Values) -> str:
    return _PLACE.sub(lambda place: _said(place[1], values[place[1]]), text)


def _said(name: str, value: str | Part) -> str:
    if isinstance(value, str):
        return value
    if value["type"] in TEXTUAL:
        return str(value["text"])
    raise unsupported(_param(name), f"an '{value['type']}' can only stand in a message of the user's role")


def _parts(text: str, values: Values) -> list[Part]:
    """The text as parts: one, where all of it is text."""
    parts: list[Part] = []
    written = ""
    for number, piece in enumerate(_PLACE.split(text)):  # text and names take turns
        value = piece if number % 2 == 0 else values[piece]
        if isinstance(value, str) or value["type"] in TEXTUAL:
            written += value if isinstance(value, str) else value["text"]
            continue
        parts += [*_written(written), value]
        written = ""
    return [*parts, *_written(written)]


def _written(text: str) -> Sequence[Part]:
    return [{"type": "input_text", "text": text}] if text else ()


def _param(name: str) -> str:
    return f"prompt.variables.{shorten(name)}"
