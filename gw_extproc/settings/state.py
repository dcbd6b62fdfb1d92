"""What is kept, where, for how long and for whom."""

from __future__ import annotations

import reprlib
from pathlib import Path
from typing import Annotated

from pydantic import Field, PlainValidator, SecretStr, ValidationInfo, field_validator

from gw_extproc.core import notation, store_url
from gw_extproc.core.notation import Duration
from gw_extproc.settings.part import Part

EMBEDDED = "embedded"
"""The store that the gateway starts itself."""

_SHORTEST_SECRET = 16  # characters; what all keys are derived from must not be guessed


class State(Part):
    """The store and its tenants."""

    store: str = Field(
        EMBEDDED,
        repr=False,
        description="Where responses and conversations are kept: the URL of a Redis or Valkey (redis://, rediss://, unix://, "
        "redis+sentinel://, redis+cluster://), or embedded, a Valkey of the gateway's own in --data-dir. `serve` wants to be told. "
        "For a URL with a password prefer the environment variable.",
    )
    data_dir: Path | None = Field(
        None,
        description="Directory of the embedded store; one gateway at a time. Default: gw-extproc in $XDG_DATA_HOME or ~/.local/share.",
    )
    retention: Annotated[Duration, PlainValidator(lambda value: notation.duration(str(value)))] = Field(
        notation.duration("30d"), description="How long what is stored is kept after its last use: 30d, 12h, 45m, 90s."
    )
    store_timeout: Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)] = Field(
        2.0, description="Seconds that the store may take for one answer."
    )
    store_retries: Annotated[int, Field(ge=0, le=10)] = Field(2, description="How often the store is asked again where it fails.")
    secrets: SecretStr | None = Field(
        None,
        description="Secrets from which tenants' names and encryption keys are made, separated by commas, of 16 characters or more: "
        "the first encrypts, all decrypt. Default: the gateway's own, kept in the store and renewed.",
    )
    tenant_header: str | None = Field(
        None,
        description="Request header that names the tenant, set by whoever authenticates callers in front of the gateway. Default: the "
        "tenant is whoever holds the same Authorization.",
    )
    tenant: str | None = Field(None, description="One tenant for everybody who can connect, instead of --tenant-header.")

    @property
    def given_secrets(self) -> tuple[str, ...]:
        """The secrets of the setting, the one that encrypts first; none where the store keeps them."""
        return _split(self.secrets.get_secret_value()) if self.secrets else ()

    @field_validator("store")
    @classmethod
    def _store_is_a_url(cls, value: str) -> str:
        try:
            if value != EMBEDDED:
                store_url.parse(value)
        except ValueError as error:
            raise ValueError(f"it is neither `embedded` nor the URL of a store: {error}") from None
        return value

    @field_validator("data_dir", mode="before")
    @classmethod
    def _data_dir_is_absolute(cls, value: object) -> object:
        """Whatever the directory in which a child runs; the shell does not expand the ~ of `--data-dir=~/x`."""
        if value == "":
            raise ValueError("expected a directory")
        try:
            return Path(value).expanduser().absolute() if isinstance(value, str) else value
        except RuntimeError:
            raise ValueError(f"it is not known where the home of {reprlib.repr(value)} is") from None

    @field_validator("secrets")
    @classmethod
    def _secrets_are_long(cls, value: SecretStr | None) -> SecretStr | None:
        found = None if value is None else _split(value.get_secret_value())
        if found is not None and not (found and min(map(len, found)) >= _SHORTEST_SECRET):
            raise ValueError(f"expected secrets of {_SHORTEST_SECRET} characters or more, separated by commas (they are not shown)")
        return value

    @field_validator("tenant_header")
    @classmethod
    def _tenant_header_is_a_name(cls, value: str | None) -> str | None:
        return None if value is None else notation.header(value)

    @field_validator("tenant")
    @classmethod
    def _tenant_is_one(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and not value.strip():
            raise ValueError("expected a name")
        if value is not None and info.data.get("tenant_header"):
            raise ValueError("cannot be given together with --tenant-header (GW_TENANT_HEADER)")
        return value


def _split(text: str) -> tuple[str, ...]:
    return tuple(piece for part in text.split(",") if (piece := part.strip()))
