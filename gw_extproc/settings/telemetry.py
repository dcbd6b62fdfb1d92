"""What can be seen of the gateway at work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, Field, field_validator
from pydantic_settings import NoDecode

DEFAULT_ADMIN_PORT = 9090


class Telemetry(BaseModel):
    """Logs, metrics."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="How much is logged; bodies and keys never are."
    )
    admin_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        DEFAULT_ADMIN_PORT,
        description="Port of /metrics, for all workers together; 0 switches metrics off. Unless it is given, `run` and `http` take a "
        "free one where it is taken, and print it.",
    )
    admin_host: str = Field(
        "127.0.0.1", description="Address of that port; whoever can connect there sees what goes on, though no contents."
    )
    metrics_models: Annotated[Sequence[str], NoDecode] = Field(
        default_factory=tuple,
        description="Models that have metrics of their own: name,name; others count as `other`. Default: the first 50 that answered.",
    )

    @field_validator("metrics_models", mode="before")
    @classmethod
    def _models_are_names(cls, value: object) -> object:
        return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value
