"""Every option once: name, default, environment variable and help; `gw-extproc --help` and docs/settings.md are made from it."""

from __future__ import annotations

import reprlib
from typing import Annotated, Literal, Self, get_args

from pydantic import ByteSize, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from gw_extproc.settings.background import Background
from gw_extproc.settings.errors import SettingsError
from gw_extproc.settings.listening import DEFAULT_GRPC, DEFAULT_HTTP, Listening, worker_addresses
from gw_extproc.settings.state import EMBEDDED, State
from gw_extproc.settings.telemetry import Telemetry
from gw_extproc.settings.tools import Tools
from gw_extproc.settings.upstream import ModelCalls, Upstream, Upstreams, parse_upstream

__all__ = [
    "DEFAULT_GRPC",
    "DEFAULT_HTTP",
    "EMBEDDED",
    "ModelCalls",
    "Settings",
    "SettingsError",
    "Upstream",
    "parse_upstream",
    "worker_addresses",
]


class Settings(Telemetry, Tools, Background, State, Upstreams, Listening, BaseSettings):
    """All options. Each field `name` is the option `--name` and the environment variable `GW_NAME`.

    They are listed in the order of the bases, the last one first.
    """

    model_config = SettingsConfigDict(env_prefix="GW_", extra="ignore", populate_by_name=True, env_ignore_empty=True)

    max_body: Annotated[ByteSize, Field(ge=1)] = Field(
        ByteSize(64 * 1024 * 1024), description="Largest request body, for example 64MiB; a larger one is a 413."
    )
    on_disconnect: Literal["cancel", "finish"] = Field(
        "cancel",
        description="What becomes of a response whose client has left: cancel stops the model and stores what there is, finish lets it "
        "complete and stores that.",
    )
    drain_timeout: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        30.0, description="Seconds that answers in flight may take to finish after SIGTERM."
    )
    wire_profile: Literal["openai", "open-responses"] = Field(
        "openai", description="Which standard decides where OpenAI and Open Responses differ on the wire."
    )

    @classmethod
    def read(cls, given: dict[str, object]) -> Self:
        """Settings from the command line (`given`) over the environment; raises SettingsError, one line."""
        try:
            return cls(**given)  # type: ignore[arg-type]
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]).lower()
            name = _OTHER_NAMES.get(name, name.removeprefix("gw_"))
            raise SettingsError(f"--{name.replace('_', '-')} (GW_{name.upper()}): {_reason(name, first)}") from None


_OTHER_NAMES = {"model_endpoint": "upstream", "api_key": "upstream_api_key", "otel_exporter_otlp_endpoint": "otlp_endpoint"}
"""Fields by their other environment variables."""


def _reason(name: str, error: ErrorDetails) -> str:
    """What was expected and what was given; our own validators say it themselves, and never show a secret."""
    limits = error.get("ctx", {})
    match error["type"]:
        case "value_error":
            return str(limits["error"])
        case "int_parsing" | "int_parsing_size" | "int_type":
            expected = "a whole number"
        case "float_parsing" | "float_type" | "finite_number":
            expected = "a number"
        case "greater_than_equal":
            expected = f"{limits['ge']:g} or more"
        case "greater_than":
            expected = f"more than {limits['gt']:g}"
        case "less_than_equal":
            expected = f"{limits['le']:g} or less"
        case "byte_size" | "byte_size_unit":
            expected = "a size such as 64MiB"
        case "literal_error":
            expected = f"one of {', '.join(get_args(Settings.model_fields[name].annotation))}"
        case other:
            raise AssertionError(f"{name}: {other} has no words")
    return f"expected {expected}, not {reprlib.repr(error['input'])}"
