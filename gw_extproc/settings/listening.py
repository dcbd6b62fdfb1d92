"""Where clients and Envoy connect, and how many processes serve them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from gw_extproc.core import notation
from gw_extproc.settings.part import Part

DEFAULT_GRPC = "127.0.0.1:50051"
DEFAULT_HTTP = "127.0.0.1:8081"


class Listening(Part):
    """Addresses."""

    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        8080, description="Port where clients connect, to Envoy or with `http` to the gateway; 0 takes a free one and prints it."
    )
    host: str = Field("127.0.0.1", description="Address where clients connect; 0.0.0.0 lets other machines in.")
    workers: Annotated[int, Field(ge=1, le=64)] = Field(
        1, description="Processor processes. Of several, one that dies is started again."
    )
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

    @field_validator("grpc", "http")
    @classmethod
    def _listens_at_an_address(cls, value: str) -> str:
        return notation.address(value)


def worker_addresses(address: str, workers: int) -> list[str]:
    """Where each worker listens: a TCP port is shared (SO_REUSEPORT), a unix socket gets a number."""
    if workers == 1 or not address.startswith("unix:"):
        return [address] * workers
    return [f"{address}.{number}" for number in range(workers)]
