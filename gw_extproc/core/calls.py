"""Which call a piece of the upstream's tool_calls belongs to, however the server numbers them.

Servers leave out the index, start it at 1, give every call index 0, send an empty or a new id with each piece, repeat the name, or
put several calls into one delta (pitfalls, rows 29 and 30). The rules, in order:

1. The index, or else the place in the list, finds the call; without an index a known id finds it first.
2. A piece without a name continues the call.
3. A piece with a name begins another call where the id is another one, or the name is, or the arguments so far are whole; but not
   while the arguments are unfinished JSON, and not with the id that the call has.
4. A whole call that is said once more, at the end, is not said again.
5. `{}` before the real arguments is a placeholder; it counts where nothing else comes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from gw_extproc.core.drafts import Draft
from gw_extproc.core.json_text import written
from gw_extproc.core.toolkinds import Fields, WholeCall, parse_arguments

PLACEHOLDER = "{}"
"""Arguments that some servers send before the real ones."""


class GrowingCall(Protocol):
    """A call whose arguments are still arriving."""

    @property
    def arguments(self) -> str: ...

    def grow(self, piece: str) -> None: ...


class WholeCallBuffer:
    """Collects the arguments of a call that is announced only when they are whole."""

    def __init__(self, kind: WholeCall, announce: Callable[[Fields], Draft]) -> None:
        self._kind = kind
        self._announce = announce
        self._pieces: list[str] = []
        self._fields: Fields = {}

    @property
    def arguments(self) -> str:
        return "".join(self._pieces)

    def grow(self, piece: str) -> None:
        self._pieces.append(piece)

    def judge(self) -> None:
        """Raises BadArguments where the arguments do not have the tool's form."""
        self._fields = self._kind.fields(parse_arguments(self.arguments))

    def close(self, status: str) -> None:
        """What has the form is a complete call, even if the answer was cut off after it (an apply_patch_call knows no `incomplete`)."""
        self._announce(self._fields).close("completed")


class SuppressedCall:
    """A call of a tool that this request does not allow: it never reaches the caller."""

    arguments = ""

    def grow(self, piece: str) -> None:
        pass


@dataclass
class _Tracked:
    id: str
    """Empty where the server gave none, or one that another call has: then it gets one of ours."""
    name: str = ""
    held: str = ""
    """Arguments that came before the name."""
    placeholder: str = ""
    """Arguments that may say nothing: real ones may still follow."""
    call: GrowingCall | None = None

    @property
    def arguments(self) -> str:
        return self.placeholder or (self.held if self.call is None else self.call.arguments)

    def repeats(self, id: str, name: str, piece: str) -> bool:
        """Whether a piece says once more, at the end, what the whole call was."""
        return bool(name and id and id == self.id and name == self.name and piece == self.arguments and _is_json(piece))


class Calls:
    """Sorts the pieces of tool_calls; `open_call(id, wire name)` begins a call."""

    def __init__(self, open_call: Callable[[str, str], GrowingCall]) -> None:
        self._open_call = open_call
        self._by_index: dict[int, _Tracked] = {}
        self._by_id: dict[str, _Tracked] = {}
        self._all: list[_Tracked] = []

    def feed(self, entries: Sequence[Mapping[str, Any]]) -> None:
        for position, entry in enumerate(entries):
            function = entry.get("function")
            if not isinstance(function, dict):
                function = entry  # some servers leave out the inner object
            id, name = _string(entry.get("id")), _string(function.get("name"))
            piece = _text(function.get("arguments", function.get("parameters")))
            tracked = self._find(entry.get("index"), position, id, name, piece)
            if tracked.repeats(id, name, piece):
                continue
            if (tracked.placeholder + piece).strip() == PLACEHOLDER and tracked.arguments == tracked.placeholder:
                tracked.placeholder, piece = tracked.placeholder + piece, ""
            elif piece:
                tracked.placeholder = ""
            if tracked.call is None:
                tracked.name = tracked.name or name
                tracked.held += piece
                if tracked.name:
                    self._begin(tracked)
            elif piece:
                tracked.call.grow(piece)

    def end(self) -> None:
        """Says what was held back; a call that never got a name, only arguments, the caller shall see too."""
        for tracked in self._all:
            tracked.held += tracked.placeholder
            if tracked.held and tracked.call is None:
                self._begin(tracked)
            elif tracked.call is not None and tracked.held:
                tracked.call.grow(tracked.held)

    @property
    def begun(self) -> bool:
        return bool(self._all)

    def _find(self, given: object, position: int, id: str, name: str, piece: str) -> _Tracked:
        index = given if isinstance(given, int) else position
        if not isinstance(given, int) and id in self._by_id:
            return self._by_id[id]
        tracked = self._by_index.get(index)
        if tracked is None or _is_another(tracked, id, name, piece):
            tracked = self._by_index[index] = _Tracked("" if id in self._by_id else id)
            self._all.append(tracked)
            if id:
                self._by_id.setdefault(id, tracked)
        return tracked

    def _begin(self, tracked: _Tracked) -> None:
        held, tracked.held = tracked.held, ""
        tracked.call = self._open_call(tracked.id, tracked.name)
        if held:
            tracked.call.grow(held)


def _is_another(tracked: _Tracked, id: str, name: str, piece: str) -> bool:
    if not name or not tracked.name or (id and id == tracked.id):
        return False
    other = bool(id and tracked.id) or name != tracked.name
    if not other and piece and not piece.lstrip().startswith("{"):
        return False  # arguments do not begin like that
    arguments = tracked.arguments.strip()
    if arguments and not _is_json(arguments):
        return False
    return other or bool(arguments)


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _text(arguments: object) -> str:
    """Arguments are a string by the API; some servers send the object itself."""
    if arguments is None:
        return ""
    return arguments if isinstance(arguments, str) else written(arguments)
