"""Settings as command line options and as documentation."""

from __future__ import annotations

import argparse
import typing
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import AliasChoices, ByteSize
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from gw_extproc.settings import Settings


@dataclass(frozen=True)
class Option:
    """One setting, as users see it."""

    name: str
    variables: tuple[str, ...]
    """Environment variables, the current name first."""
    default: str
    choices: tuple[str, ...]
    help: str

    @property
    def flag(self) -> str:
        return f"--{self.name.replace('_', '-')}"


def options() -> Iterator[Option]:
    """All settings, in the order of their declaration."""
    return map(option, Settings.model_fields)


def option(name: str) -> Option:
    """The setting of that name."""
    field = Settings.model_fields[name]
    return Option(name, _variables(name, field), _default(field), _choices(field), field.description or "")


def add_setting(parser: argparse.ArgumentParser, name: str) -> None:
    """Adds the option of the setting `name`; only Settings decides what it may be."""
    added = option(name)
    parser.add_argument(
        added.flag,
        dest=added.name,
        default=argparse.SUPPRESS,
        metavar="|".join(added.choices) if 0 < len(added.choices) < 5 else added.name.rpartition("_")[2].upper(),
        help=_help(added),
    )


def _help(option: Option) -> str:
    choices = f" One of {', '.join(option.choices)}." if len(option.choices) >= 5 else ""
    default = f"; default {option.default}" if option.default else ""
    return f"{option.help}{choices} [{option.variables[0]}{default}]".replace("%", "%%")


def _variables(name: str, field: FieldInfo) -> tuple[str, ...]:
    if isinstance(field.validation_alias, AliasChoices):
        return tuple(str(alias) for alias in field.validation_alias.choices)
    return (f"GW_{name.upper()}",)


def _default(field: FieldInfo) -> str:
    if field.default in (None, PydanticUndefined):
        return ""
    if isinstance(field.default, ByteSize):
        return field.default.human_readable(separator="").replace(".0", "")
    return f"{field.default:g}" if isinstance(field.default, float) else str(field.default)


def _choices(field: FieldInfo) -> tuple[str, ...]:
    return typing.get_args(field.annotation) if typing.get_origin(field.annotation) is typing.Literal else ()
