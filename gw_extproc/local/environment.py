"""How settings reach child processes: as environment variables, because others can read a command line."""

from __future__ import annotations

import os
from collections.abc import Mapping

from pydantic import SecretStr

from gw_extproc.settings import Settings, Upstream

_PREFIX = "GW_"


def environment(settings: Settings) -> dict[str, str]:
    """This process's environment, with exactly these settings in it."""
    inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith(_PREFIX)}
    values: dict[str, object] = dict(settings)
    return inherited | {f"{_PREFIX}{name.upper()}": _text(value) for name, value in values.items() if value is not None}


def _text(value: object) -> str:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case Upstream():
            return value.url
        case Mapping():
            return ",".join(f"{name}={target}" for name, target in value.items())
        case tuple() | list():
            return ",".join(map(str, value))
        case _:
            return str(value)
