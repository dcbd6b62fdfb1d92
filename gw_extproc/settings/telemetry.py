"""What can be seen of the gateway at work."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class Telemetry(BaseModel):
    """Logs."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="How much is logged; bodies and keys never are."
    )
