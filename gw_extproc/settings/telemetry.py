"""What can be seen of the gateway at work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from gw_extproc.settings.part import Part

DEFAULT_ADMIN_PORT = 9090


def _none() -> Sequence[str]:
    """`tuple` itself would do, but pydantic looks at a factory's signature, and Python parses that of a builtin: 10 ms."""
    return ()


class Telemetry(Part):
    """Logs, metrics, traces."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="How much is logged: info has a line for each exchange."
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="How the log is written; auto is console on a terminal, else json."
    )
    log_bodies: Literal["never", "redacted"] = Field(
        "never",
        description="Whether the line of an exchange has what was asked and answered: redacted shows it shortened, without "
        "credentials, images and files.",
    )
    otlp_endpoint: str | None = Field(
        None,
        validation_alias=AliasChoices("GW_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        description="Base URL of the OpenTelemetry collector that gets traces (OTLP over HTTP), for example http://127.0.0.1:4318; "
        "without it there are none.",
    )
    trace_sample: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = Field(
        1.0, description="Share of the requests that are traced where neither Envoy nor the client has decided it, from 0 to 1."
    )
    trace_content: Literal["off", "on"] = Field("off", description="Whether traces have what was asked and answered.")
    admin_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        DEFAULT_ADMIN_PORT,
        description="Port of /metrics, for all workers together; 0 switches metrics off. Unless it is given, `run` and `http` take a "
        "free one where it is taken, and print it.",
    )
    admin_host: str = Field(
        "127.0.0.1", description="Address of that port; whoever can connect there sees what goes on, though no contents."
    )
    metrics_models: Annotated[Sequence[str], NoDecode] = Field(
        default_factory=_none,
        description="Models that have metrics of their own: name,name; others count as `other`. Default: the first 50 that answered.",
    )

    inspector: Literal["auto", "off", "on", "content"] = Field(
        "auto",
        description="The inspector page at that port, /inspector: on shows what goes on without contents, content captures requests "
        "and answers too, in memory and for a while. auto is on in `run` and `http` where that port is on loopback, else off.",
    )

    @field_validator("inspector")
    @classmethod
    def _inspector_has_a_port(cls, value: str, info: ValidationInfo) -> str:
        if value in ("on", "content") and info.data.get("admin_port") == 0:
            raise ValueError(f"{value} needs --admin-port, which is 0")
        return value

    @property
    def inspects(self) -> bool:
        """Whether there is an inspector; `auto` is decided by whoever starts the workers."""
        return self.admin_port != 0 and self.inspector in ("on", "content")

    @field_validator("metrics_models", mode="before")
    @classmethod
    def _models_are_names(cls, value: object) -> object:
        return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value

    @field_validator("otlp_endpoint")
    @classmethod
    def _collector_is_a_url(cls, value: str | None) -> str | None:
        """Without credentials, because the URL may be shown: those go into OTEL_EXPORTER_OTLP_HEADERS."""
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and parts.port != 0
        except ValueError:
            usable = False
        if not usable or parts.query or parts.fragment:
            raise ValueError("expected a base URL such as http://127.0.0.1:4318, without credentials")
        return value.rstrip("/")
