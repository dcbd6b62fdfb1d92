"""What was left out or changed on the way to the model, in words for the `x-gateway-notice` header."""

from __future__ import annotations

from collections.abc import Iterator

MAX_LENGTH = 2048
"""Characters of the header: names come from the caller, and Envoy's limit for all headers together is 60 KiB."""


class Notices:
    """Collects names under headings, in the order they came; a name is said once."""

    def __init__(self) -> None:
        self._names: dict[str, dict[str, None]] = {}

    def add(self, heading: str, name: str) -> None:
        self._names.setdefault(heading, {})[name] = None

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Each heading with each of its names."""
        return ((heading, name) for heading, names in self._names.items() for name in names)

    def header(self) -> str | None:
        """One line of printable ASCII (`tools left out: web_search; not sent: metadata, user`), or None where all was sent."""
        if not self._names:
            return None
        line = "; ".join(f"{heading}: {', '.join(names)}" for heading, names in self._names.items())
        return "".join(char if " " <= char <= "~" else "?" for char in line[:MAX_LENGTH])
