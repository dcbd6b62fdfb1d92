"""The model's server, and how it is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from gw_extproc.core import dialects, notation
from gw_extproc.core.paths import ASSUMED_BASE, CHAT
from gw_extproc.settings.errors import SettingsError
from gw_extproc.settings.part import Part

_DIALECTS = ("auto", *dialects.DIALECTS)


@dataclass(frozen=True)
class Upstream:
    """Where the Chat Completions server is: `{scheme}://{host}:{port}{base_path}/chat/completions`."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    base_path: str

    @property
    def authority(self) -> str:
        """The Host header: the port is left out where it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"http": 80, "https": 443}[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.base_path}"


def parse_upstream(url: str) -> Upstream:
    """Reads a base URL such as `https://api.openai.com/v1`; raises SettingsError where it is not one.

    What may hold a password or a key is not repeated in the message.
    """
    if any(mark in url for mark in "@?#"):
        raise SettingsError("a base URL has no user, query or fragment; give the key as --upstream-api-key")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SettingsError(f"{url!r} is not a URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"{url!r} is not a base URL such as http://127.0.0.1:11434/v1")
    base = url.rstrip("/").removesuffix(CHAT)
    if base != url.rstrip("/"):
        raise SettingsError(f"the base URL is {base}: the gateway adds {CHAT} itself")
    scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
    return Upstream(scheme, parts.hostname, port or (443 if scheme == "https" else 80), parts.path.rstrip("/"))


@dataclass(frozen=True)
class ModelCalls:
    """Where the model calls go that the gateway makes itself: a base URL, and the unix socket that leads there if one does."""

    url: str
    socket: str | None = None


class Upstreams(Part):
    """Model calls."""

    upstream: Annotated[Upstream | None, NoDecode] = Field(
        None,
        validation_alias=AliasChoices("GW_UPSTREAM", "MODEL_ENDPOINT"),
        description="Base URL of the Chat Completions server, with its /v1, for example http://127.0.0.1:11434/v1. "
        "Older name: MODEL_ENDPOINT. Without it, `run` starts the demo model.",
    )
    upstream_api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("GW_UPSTREAM_API_KEY", "API_KEY"),
        description="Key sent to the upstream as a bearer token; without it the caller's Authorization goes through. "
        "Older name: API_KEY. Prefer the environment variable: a command line can be read by others.",
    )
    dialect: Literal[_DIALECTS] = Field(  # type: ignore[valid-type]
        "auto",
        description="How the upstream differs from others; auto goes by its host name, else generic.",
    )
    egress: str | None = Field(
        None,
        description="Where the gateway's own model calls go: the egress listener of your Envoy, http://host:port or unix:/path; the "
        "upstream's base path is added where the URL has no path. Default: the upstream itself; with `run`, its Envoy.",
    )
    model_aliases: Annotated[Mapping[str, str], NoDecode] = Field(
        default_factory=dict, description="Further names of models: name=target,name=target."
    )
    model_timeout: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] = Field(
        600.0, description="Seconds that a model may be silent in a call that the gateway makes itself."
    )
    model_retries: Annotated[int, Field(ge=0, le=10)] = Field(
        2,
        description="How often such a call is sent again where the upstream answers 502, 503 or 504, or cannot be reached, and nothing "
        "of its answer has been heard.",
    )

    @property
    def upstream_dialect(self) -> dialects.Dialect:
        return dialects.choose(self.dialect, self.upstream.host if self.upstream else None)

    @property
    def base_path(self) -> str:
        return self.upstream.base_path if self.upstream else ASSUMED_BASE

    @property
    def model_calls(self) -> ModelCalls | None:
        """Where the gateway's own model calls go; None where neither an egress nor an upstream is named."""
        if self.egress is None:
            return ModelCalls(self.upstream.url) if self.upstream else None
        if self.egress.startswith("unix:"):
            return ModelCalls(f"http://egress{self.base_path}", self.egress.removeprefix("unix:"))
        return ModelCalls(self.egress if parse_upstream(self.egress).base_path else f"{self.egress}{self.base_path}")

    @field_validator("upstream", mode="before")
    @classmethod
    def _upstream_is_a_url(cls, value: object) -> object:
        return parse_upstream(value) if isinstance(value, str) else value

    @field_validator("upstream_api_key")
    @classmethod
    def _key_is_plain(cls, value: SecretStr | None) -> SecretStr | None:
        """A file's last newline goes; what cannot stand in a header is refused, without showing it."""
        if value is None:
            return None
        key = value.get_secret_value().strip()
        if not (key and key.isascii() and key.isprintable()):
            raise ValueError("expected printable ASCII characters (the key is not shown)")
        return SecretStr(key)

    @field_validator("egress")
    @classmethod
    def _egress_is_a_socket_or_url(cls, value: str | None) -> str | None:
        if value is None or value.startswith("unix:"):
            return None if value is None else notation.socket(value)
        url = parse_upstream(value)
        if url.scheme != "http":
            raise ValueError("expected http://host:port, with or without the upstream's base path, or unix:/path")
        return url.url

    @field_validator("model_aliases", mode="before")
    @classmethod
    def _aliases_are_pairs(cls, value: object) -> object:
        return notation.names(value) if isinstance(value, str) else value
