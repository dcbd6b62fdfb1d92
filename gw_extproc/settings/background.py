"""Responses that outlive their request."""

from __future__ import annotations

import reprlib
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from gw_extproc.core import notation
from gw_extproc.settings.part import Part


class Background(Part):
    """The queue, its workers, and who is told of their ends."""

    background_queue: Annotated[int, Field(ge=1)] = Field(
        1000, description="How many background responses may wait, in all replicas together; one more is a 429."
    )
    background_concurrency: Annotated[int, Field(ge=1)] = Field(
        32, description="How many background responses each worker process makes at the same time."
    )
    background_lease: Annotated[float, Field(ge=0.2, le=3600, allow_inf_nan=False)] = Field(
        15.0,
        description="Seconds without a sign of life of the worker that makes a background response, after which another takes it up.",
    )
    webhook_url: str | None = Field(
        None, description="Where to tell that background responses have ended, as OpenAI's webhooks do. Needs --webhook-secret."
    )
    webhook_secret: SecretStr | None = Field(
        None,
        validate_default=True,
        description="Signs webhooks (Standard Webhooks): whsec_ and base64, or any text of 16 characters or more. Prefer the "
        "environment variable.",
    )

    @field_validator("webhook_url")
    @classmethod
    def _webhook_url_is_one(cls, value: str | None) -> str | None:
        if value is not None:
            parts = urlsplit(value)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
                raise ValueError(f"{reprlib.repr(value)} is not a URL such as https://app.example.com/webhooks")
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _webhook_secret_is_long(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if "webhook_url" in info.data and (info.data["webhook_url"] is None) != (value is None):
            raise ValueError("it and --webhook-url (GW_WEBHOOK_URL) need each other")
        return None if value is None else SecretStr(notation.signing_secret(value.get_secret_value().strip()))
