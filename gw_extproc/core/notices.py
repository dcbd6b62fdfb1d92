"""What became of a request on the way to the model: what was left out or changed, and which rules of the dialect shaped the rest.

The caller is told the first in the `x-gateway-notice` header. The second is for whoever looks: nothing was lost by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gw_extproc.core.rules import Rule

MAX_LENGTH = 2048
"""Characters of the header: names come from the caller, and Envoy's limit for all headers together is 60 KiB."""


class Notice(NamedTuple):
    """One thing that was left out or changed."""

    treatment: str
    name: str
    rule: Rule | None
    """The dialect's rule that did it; None where that is so with every dialect."""


class Shaped(NamedTuple):
    """One field that the Chat request has in the form that the server wants."""

    rule: Rule
    field: str


class Notices:
    """Collects names under headings, in the order they came; a name is said once."""

    def __init__(self) -> None:
        self._names: dict[str, dict[str, Rule | None]] = {}
        self._shaped: dict[tuple[Rule, str], None] = {}

    def add(self, heading: str, name: str, rule: Rule | None = None) -> None:
        self._names.setdefault(heading, {})[name] = rule

    def shape(self, rule: Rule, field: str) -> None:
        """That rule gave that field of the request its form."""
        self._shaped[rule, field] = None

    def __iter__(self) -> Iterator[Notice]:
        """Each heading with each of its names."""
        return (Notice(heading, name, rule) for heading, names in self._names.items() for name, rule in names.items())

    def shaped(self) -> Iterable[Shaped]:
        return [Shaped(*each) for each in self._shaped]

    def header(self) -> str | None:
        """One line of printable ASCII (`tools left out: web_search; not sent: metadata, user`), or None where all was sent."""
        if not self._names:
            return None
        line = "; ".join(f"{heading}: {', '.join(names)}" for heading, names in self._names.items())
        return "".join(char if " " <= char <= "~" else "?" for char in line[:MAX_LENGTH])
