"""How settings are written: addresses, durations, lists of names. What cannot be read raises ValueError, in words for the user."""

from __future__ import annotations

import re
from collections.abc import Mapping

_HOST_AND_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s/:\[\]]+):([0-9]{1,5})")
_DURATION = re.compile(r"([0-9]{1,10})([smhd]?)")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_SHORTEST_SECRET = 16  # characters; what signs must not be guessed
_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_LONGEST = 36_500 * 86_400  # a century: stores count in milliseconds, and nobody means more


SIGNING_KEY = "whsec_"
"""How the secrets of Standard Webhooks begin; base64 follows."""


class Duration(int):
    """Whole seconds that are shown as they are written: 30d, 12h, 45m, 90s."""

    def __str__(self) -> str:
        unit, size = next((unit, size) for unit, size in _UNITS.items() if int(self) % size == 0)
        return f"{int(self) // size}{unit}"


def duration(text: str) -> Duration:
    """Reads 30d, 12h, 45m or 90s; a bare number is seconds."""
    found = _DURATION.fullmatch(text)
    seconds = int(found[1]) * _UNITS[found[2] or "s"] if found else 0
    if not 0 < seconds <= _LONGEST:
        raise ValueError(f"expected a time such as 30d, 12h, 45m or 90s, not {text[:40]!r}")
    return Duration(seconds)


def address(text: str) -> str:
    """`host:port` or `unix:/path`, as it is."""
    if text.startswith("unix:"):
        return socket(text)
    found = _HOST_AND_PORT.fullmatch(text)
    if found is None or not 0 < int(found[2]) < 65536:
        raise ValueError(f"expected host:port or unix:/path, not {text!r}")
    return text


def socket(text: str) -> str:
    """`unix:/path`, as it is."""
    if not text.removeprefix("unix:").startswith("/"):
        raise ValueError("a unix socket is written unix:/absolute/path")
    return text


def header(text: str) -> str:
    """The name of an HTTP header, in lower case."""
    if not _HEADER.fullmatch(text):
        raise ValueError(f"expected the name of a header, not {text[:40]!r}")
    return text.lower()


def signing_secret(text: str) -> str:
    """What signs webhooks, as it is: `whsec_` and base64, or a text; never shown."""
    encoded = text.removeprefix(SIGNING_KEY)
    if encoded != text and not _BASE64.fullmatch(encoded):
        raise ValueError(f"expected {SIGNING_KEY} and base64 (it is not shown)")
    if len(encoded) < _SHORTEST_SECRET:
        raise ValueError(f"expected {_SHORTEST_SECRET} characters or more (it is not shown)")
    return text


def names(text: str) -> Mapping[str, str]:
    """Reads `name=target,name=target`."""
    pairs = [entry.strip().partition("=") for entry in text.split(",") if entry.strip()]
    found = {name.strip(): target.strip() for name, _, target in pairs}
    if not all(name and target for name, target in found.items()):
        raise ValueError(f"expected name=target,name=target, not {text[:80]!r}")
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in it")
    return found
