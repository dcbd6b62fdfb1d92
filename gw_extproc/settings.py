"""Every option once: name, default, environment variable and help; `gw-extproc --help` and docs/settings.md are made from it."""

from __future__ import annotations

import re
import reprlib
from dataclasses import dataclass
from typing import Annotated, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import AliasChoices, ByteSize, Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from gw_extproc.core import dialects
from gw_extproc.core.paths import ASSUMED_BASE

DEFAULT_GRPC = "127.0.0.1:50051"

_DIALECTS = ("auto", *dialects.DIALECTS)
_HOST_AND_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s/:\[\]]+):([0-9]{1,5})")


class SettingsError(ValueError):
    """A setting that cannot be used; the message names it and says what it may be."""


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
    base = url.rstrip("/").removesuffix("/chat/completions")
    if base != url.rstrip("/"):
        raise SettingsError(f"the base URL is {base}: the gateway adds /chat/completions itself")
    scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
    return Upstream(scheme, parts.hostname, port or (443 if scheme == "https" else 80), parts.path.rstrip("/"))


class Settings(BaseSettings):
    """All options. Each field `name` is the option `--name` and the environment variable `GW_NAME`."""

    model_config = SettingsConfigDict(env_prefix="GW_", extra="ignore", populate_by_name=True, env_ignore_empty=True)

    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        8080, description="Port where Envoy listens for clients; 0 takes a free one and prints it."
    )
    host: str = Field("127.0.0.1", description="Address where Envoy listens; 0.0.0.0 lets other machines in.")
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
    workers: Annotated[int, Field(ge=1, le=64)] = Field(1, description="Processor processes.")
    grpc: str = Field(
        DEFAULT_GRPC,
        description="Where the processor listens for Envoy: host:port or unix:/path; whoever can connect there is given the "
        "upstream's key. `run` uses private unix sockets unless this is given.",
    )
    max_body: Annotated[ByteSize, Field(ge=1)] = Field(
        ByteSize(64 * 1024 * 1024), description="Largest request body, for example 64MiB; a larger one is a 413."
    )
    unsupported_tools: Literal["omit", "reject"] = Field(
        "omit",
        description="Tools that the gateway cannot run (web_search, ...): omit leaves them out of the model's view and "
        "names them in x-gateway-notice, reject answers 400.",
    )
    wire_profile: Literal["openai", "open-responses"] = Field(
        "openai", description="Which standard decides where OpenAI and Open Responses differ on the wire."
    )
    drain_timeout: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        30.0, description="Seconds that answers in flight may take to finish after SIGTERM."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="How much is logged; bodies and keys never are."
    )

    @property
    def upstream_dialect(self) -> dialects.Dialect:
        return dialects.choose(self.dialect, self.upstream.host if self.upstream else None)

    @property
    def base_path(self) -> str:
        return self.upstream.base_path if self.upstream else ASSUMED_BASE

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

    @field_validator("grpc")
    @classmethod
    def _grpc_is_an_address(cls, value: str) -> str:
        if value.startswith("unix:"):
            if not value.removeprefix("unix:").startswith("/"):
                raise ValueError("a unix socket is written unix:/absolute/path")
            return value
        found = _HOST_AND_PORT.fullmatch(value)
        if found is None or not 0 < int(found[2]) < 65536:
            raise ValueError(f"expected host:port or unix:/path, not {value!r}")
        return value

    @classmethod
    def read(cls, given: dict[str, object]) -> Self:
        """Settings from the command line (`given`) over the environment; raises SettingsError, one line."""
        try:
            return cls(**given)  # type: ignore[arg-type]
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]).lower()
            name = {"model_endpoint": "upstream", "api_key": "upstream_api_key"}.get(name, name.removeprefix("gw_"))
            raise SettingsError(f"--{name.replace('_', '-')} (GW_{name.upper()}): {_reason(name, first)}") from None


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
        case "less_than_equal":
            expected = f"{limits['le']:g} or less"
        case "byte_size" | "byte_size_unit":
            expected = "a size such as 64MiB"
        case "literal_error":
            expected = f"one of {', '.join(get_args(Settings.model_fields[name].annotation))}"
        case other:
            raise AssertionError(f"{name}: {other} has no words")
    return f"expected {expected}, not {reprlib.repr(error['input'])}"


def worker_addresses(grpc: str, workers: int) -> list[str]:
    """The gRPC address of each worker: a TCP port is shared (SO_REUSEPORT), a unix socket gets a number."""
    if workers == 1 or not grpc.startswith("unix:"):
        return [grpc] * workers
    return [f"{grpc}.{number}" for number in range(workers)]
