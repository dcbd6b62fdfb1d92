"""Every option once: name, default, environment variable and help; `gw-extproc --help` and docs/settings.md are made from it."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import AliasChoices, ByteSize, Field, PlainValidator, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from gw_extproc.core import dialects, notation, store_url
from gw_extproc.core.notation import Duration
from gw_extproc.core.paths import ASSUMED_BASE, CHAT

DEFAULT_GRPC = "127.0.0.1:50051"
DEFAULT_HTTP = "127.0.0.1:8081"

EMBEDDED = "embedded"
"""The store that the gateway starts itself."""

_DIALECTS = ("auto", *dialects.DIALECTS)
_SHORTEST_SECRET = 16  # characters; what all keys are derived from must not be guessed


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


class Settings(BaseSettings):
    """All options. Each field `name` is the option `--name` and the environment variable `GW_NAME`."""

    model_config = SettingsConfigDict(env_prefix="GW_", extra="ignore", populate_by_name=True, env_ignore_empty=True)

    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        8080, description="Port where clients connect, to Envoy or with `http` to the gateway; 0 takes a free one and prints it."
    )
    host: str = Field("127.0.0.1", description="Address where clients connect; 0.0.0.0 lets other machines in.")
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
    http: str = Field(
        DEFAULT_HTTP,
        description="Where the gateway listens for HTTP beside ext_proc (WebSocket, /healthz, /readyz): host:port or "
        "unix:/path. `run` uses private unix sockets unless this is given.",
    )
    egress: str | None = Field(
        None,
        description="Where the gateway's own model calls go: the egress listener of your Envoy, http://host:port and the upstream's "
        "base path, or unix:/path. Default: the upstream itself; with `run`, its Envoy.",
    )
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
    on_disconnect: Literal["cancel", "finish"] = Field(
        "cancel",
        description="What becomes of a response whose client has left: cancel stops the model and stores what there is, finish lets it "
        "complete and stores that.",
    )
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
    model_aliases: Annotated[Mapping[str, str], NoDecode] = Field(
        default_factory=dict, description="Further names of models: name=target,name=target."
    )
    max_body: Annotated[ByteSize, Field(ge=1)] = Field(
        ByteSize(64 * 1024 * 1024), description="Largest request body, for example 64MiB; a larger one is a 413."
    )
    unsupported_tools: Literal["omit", "reject"] = Field(
        "omit",
        description="Tools that the gateway cannot run (web_search, ...): omit leaves them out of the model's view and "
        "names them in x-gateway-notice, reject answers 400.",
    )
    model_timeout: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] = Field(
        600.0, description="Seconds that a model may be silent in a call that the gateway makes itself."
    )
    model_retries: Annotated[int, Field(ge=0, le=10)] = Field(
        2,
        description="How often such a call is sent again where the upstream answers 502, 503 or 504, or cannot be reached, and nothing "
        "of its answer has been heard.",
    )
    tool_timeout: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] = Field(
        60.0, description="Seconds that a tool which the gateway runs may take; then the model is told so."
    )
    tool_output: Annotated[ByteSize, Field(ge=1)] = Field(
        ByteSize(256 * 1024), description="Largest output of such a tool that the model is given; of a larger one it is told that."
    )
    mcp: Literal["any", "connectors", "off"] = Field(
        "any",
        description="MCP servers that callers may use: any on the public internet, only the connectors of --mcp-connectors, or none: "
        "with off it is a tool that the gateway cannot run.",
    )
    mcp_connectors: Annotated[Mapping[str, str], NoDecode] = Field(
        default_factory=dict,
        description="MCP servers under names for `connector_id`: name=url,name=url. Their addresses may be private.",
    )
    mcp_private_addresses: Literal["refuse", "allow"] = Field(
        "refuse", description="What becomes of a `server_url` whose address is private, loopback, link-local or otherwise not public."
    )
    mcp_list_lifetime: Annotated[Duration, PlainValidator(lambda value: notation.duration(str(value)))] = Field(
        notation.duration("5m"),
        description="How long a server's list of tools is used before it is fetched again, for the same credentials.",
    )
    web_search: Literal["none", "brave", "tavily", "searxng"] = Field(
        "none", description="Who searches for web_search tools; with none it is a tool that the gateway cannot run."
    )
    web_search_key: SecretStr | None = Field(
        None, description="Key for that provider (Brave, Tavily). Prefer the environment variable."
    )
    web_search_url: str | None = Field(
        None, description="Base URL of the provider: of your SearXNG, http://host:port with JSON switched on; others have one."
    )
    code_interpreter_url: str | None = Field(
        None,
        description="URL of the MCP server that runs code for code_interpreter tools, your sandbox; without it that is a tool which "
        "the gateway cannot run.",
    )
    code_interpreter_key: SecretStr | None = Field(None, description="Bearer token for that server. Prefer the environment variable.")
    code_interpreter_tool: str = Field("run_python", description="The name of that server's tool that runs Python.")
    code_interpreter_argument: str = Field("code", description="The argument in which that tool takes the code.")
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

    @property
    def model_calls(self) -> ModelCalls | None:
        """Where the gateway's own model calls go; None where neither an egress nor an upstream is named."""
        if self.egress is None:
            return ModelCalls(self.upstream.url) if self.upstream else None
        if self.egress.startswith("unix:"):
            return ModelCalls(f"http://egress{self.base_path}", self.egress.removeprefix("unix:"))
        return ModelCalls(self.egress)

    @property
    def given_secrets(self) -> tuple[str, ...]:
        """The secrets of the setting, the one that encrypts first; none where the store keeps them."""
        return _split(self.secrets.get_secret_value()) if self.secrets else ()

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

    @field_validator("grpc", "http")
    @classmethod
    def _listens_at_an_address(cls, value: str) -> str:
        return notation.address(value)

    @field_validator("egress")
    @classmethod
    def _egress_is_a_socket_or_url(cls, value: str | None) -> str | None:
        if value is None or value.startswith("unix:"):
            return None if value is None else notation.socket(value)
        url = parse_upstream(value)
        if url.scheme != "http":
            raise ValueError("expected http://host:port and the upstream's base path, or unix:/path")
        return url.url

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

    @field_validator("web_search_url", "code_interpreter_url")
    @classmethod
    def _server_is_a_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("expected an http or https URL")
        return value

    @field_validator("mcp_connectors", mode="before")
    @classmethod
    def _connectors_are_urls(cls, value: object) -> object:
        found = notation.names(value) if isinstance(value, str) else value
        if isinstance(found, dict) and not all(url.startswith(("http://", "https://")) for url in found.values()):
            raise ValueError("expected name=url,name=url with http or https URLs (they are not shown)")
        return found

    @field_validator("model_aliases", mode="before")
    @classmethod
    def _aliases_are_pairs(cls, value: object) -> object:
        return notation.names(value) if isinstance(value, str) else value

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


def _split(text: str) -> tuple[str, ...]:
    return tuple(piece for part in text.split(",") if (piece := part.strip()))


def worker_addresses(address: str, workers: int) -> list[str]:
    """Where each worker listens: a TCP port is shared (SO_REUSEPORT), a unix socket gets a number."""
    if workers == 1 or not address.startswith("unix:"):
        return [address] * workers
    return [f"{address}.{number}" for number in range(workers)]
