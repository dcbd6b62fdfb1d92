"""Tools that the gateway runs itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import ByteSize, Field, PlainValidator, SecretStr, field_validator
from pydantic_settings import NoDecode

from gw_extproc.core import notation
from gw_extproc.core.notation import Duration
from gw_extproc.settings.part import Part


class Tools(Part):
    """Which there are, and their limits."""

    unsupported_tools: Literal["omit", "reject"] = Field(
        "omit",
        description="Tools that the gateway cannot run (web_search, ...): omit leaves them out of the model's view and "
        "names them in x-gateway-notice, reject answers 400.",
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
