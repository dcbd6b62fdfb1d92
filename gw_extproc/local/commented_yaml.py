"""Writes JSON values as YAML for humans: block style, with a comment above the places that need one."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping

_WIDTH = 110

_PLAIN = re.compile(r"[A-Za-z/][\w./%-]*|\d+(\.\d+)?s")
_RESERVED = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"}


class CommentedYaml:
    """A writer for one document; each comment is written once, at the first place that it fits.

    `comments` is keyed by the end of a path: mapping keys joined with dots, list items by their name in brackets, as in
    `clusters[model].connect_timeout`.
    """

    def __init__(self, comments: Mapping[str, str]) -> None:
        self._comments = dict(comments)

    def text(self, value: object) -> str:
        return "\n".join(self._lines(value, "")) + "\n"

    @property
    def unused(self) -> set[str]:
        """Comments that found no place so far: after a complete configuration, stale ones."""
        return set(self._comments)

    def _lines(self, value: object, path: str) -> Iterator[str]:
        if isinstance(value, dict) and value:
            for key, child in value.items():
                yield from self._entry(str(key), child, f"{path}.{key}")
        elif isinstance(value, list) and value:
            for item in value:
                yield from self._item(item, path)
        else:
            yield _scalar(value)

    def _entry(self, key: str, value: object, path: str) -> Iterator[str]:
        yield from self._comment(path)
        if isinstance(value, dict | list) and value:
            yield f"{_scalar(key)}:"
            yield from (f"  {line}" for line in self._lines(value, path))
        else:
            yield f"{_scalar(key)}: {_scalar(value)}"

    def _item(self, item: object, path: str) -> Iterator[str]:
        name = item.get("name") if isinstance(item, dict) else None
        path = f"{path}[{name}]" if name else path
        yield from self._comment(path)
        first, *rest = self._lines(item, path)
        yield f"- {first}"
        yield from (f"  {line}" for line in rest)

    def _comment(self, path: str) -> Iterator[str]:
        found = next((end for end in self._comments if path.endswith(("." + end, "[" + end))), None)
        if found is not None:
            yield from comment_lines(self._comments.pop(found))


def comment_lines(text: str) -> list[str]:
    """The text as comment lines; its own line breaks stay."""
    lines = [piece for line in text.split("\n") for piece in textwrap.wrap(line, _WIDTH, break_on_hyphens=False) or [""]]
    return [f"# {line}".rstrip() for line in lines]


def _scalar(value: object) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _RESERVED:
        return value
    return json.dumps(value, ensure_ascii=False)
