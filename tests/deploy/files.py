"""The files of docker-compose.yaml and the Dockerfile as data, with Compose's variables filled in."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]

_INNERMOST = re.compile(r"\$\{(\w+)(?:(:[-+?])([^{}$]*))?\}")


def filled(text: str, variables: Mapping[str, str]) -> str:
    """Compose's interpolation, as far as the file uses it: `${A}`, `${A:-otherwise}`, `${A:+instead}`, nested."""

    def value(match: re.Match[str]) -> str:
        name, operator, word = match.groups()
        given = variables.get(name, "")
        if operator == ":+":
            return word if given else ""
        return given or (word if operator == ":-" else "")

    while (again := _INNERMOST.sub(value, text)) != text:
        text = again
    return text


def compose(**variables: str) -> Any:
    """The compose file with these variables set, and no others."""
    return yaml.safe_load(filled((ROOT / "docker-compose.yaml").read_text(), variables))


def instructions() -> Sequence[tuple[str, str]]:
    """The Dockerfile, an instruction and its arguments at a time."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


@cache
def image() -> Mapping[str, Any]:
    """What the image says by itself: entrypoint, command, health check, environment, ports, user."""
    last = dict(instructions())
    variables = dict(pair.split("=", 1) for name, rest in instructions() if name == "ENV" for pair in shlex.split(rest))
    return {
        "entrypoint": json.loads(last["ENTRYPOINT"]),
        "command": json.loads(last["CMD"]),
        "healthcheck": json.loads(last["HEALTHCHECK"].partition(" CMD ")[2]),
        "environment": variables,
        "ports": {int(port) for port in last["EXPOSE"].split()},
        "user": last["USER"],
    }
