"""Imports point one way, and each outside library stays in its place."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "gw_extproc"
STANDARD = sys.stdlib_module_names

# What each part may import of this package, besides itself. The two shells, extproc and local, do not know each other.
MAY_IMPORT = {
    "core": set[str](),
    "schema": {"core"},
    "settings": {"core"},
    "options": {"settings"},
    "loading": set[str](),
    "process": {"loading"},
    "telemetry": {"core", "settings"},
    "aftermath": {"telemetry"},
    "encoding": set[str](),
    "bodies": {"core", "encoding"},
    "store": {"core", "telemetry"},
    "http1": set[str](),
    "trust": set[str](),
    "upstream": {"core", "settings", "http1", "trust"},
    "session": {"core", "schema", "settings", "telemetry", "aftermath", "encoding", "store", "upstream"},
    "engine": {"core", "settings", "telemetry", "encoding", "store", "trust", "upstream", "session"},
    "late": set[str](),
    "serving": set[str](),
    "admin": {"core", "settings", "telemetry", "store", "session", "serving"},
    "api": {"core", "schema", "settings", "telemetry", "aftermath", "bodies", "store", "session", "engine", "serving"},
    "extproc": {"core", "schema", "settings", "telemetry", "aftermath", "bodies", "encoding", "session"},
    "local": {"core", "settings", "telemetry", "store"},
    "worker": {
        "schema",
        "settings",
        "telemetry",
        "late",
        "serving",
        "admin",
        "store",
        "upstream",
        "session",
        "engine",
        "api",
        "extproc",
    },
    "cli": {"loading", "settings", "options", "telemetry", "local", "worker"},
    "__main__": {"cli"},
    "__init__": set[str](),
}
# Where each outside library may be imported.
LIBRARIES = {
    "orjson": {"core", "schema", "session", "engine", "admin", "api", "extproc", "local", "store", "telemetry"},
    "pydantic": {"schema", "settings", "options", "api", "local"},
    "pydantic_core": {"schema", "settings", "options"},
    "pydantic_settings": {"settings"},
    "grpc": {"extproc"},
    "grpc_health": {"extproc"},
    "google": {"extproc"},
    "uvloop": {"worker"},
    "starlette": {"admin", "api", "extproc", "local", "worker"},  # extproc: the types of ASGI
    "uvicorn": {"serving", "admin", "api", "local"},
    "prometheus_client": {"admin"},
    "redis": {"store"},
    "hiredis": {"store"},
    "cryptography": {"store"},
    "envoy_data_plane": {"local"},
    "betterproto2": {"local"},
    "httptools": {"http1"},
    "httpx2": {"engine", "admin", "local"},
    "mcp": {"engine"},
    "mcp_types": {"engine"},
    "certifi": {"local"},
    "structlog": {"telemetry"},
    "opentelemetry": {"telemetry"},
}
# The core knows no clock, randomness, logging, async, environment, files or network.
IMPURE = {
    *("time", "datetime", "random", "secrets", "uuid", "logging", "warnings", "asyncio", "threading", "concurrent"),
    *("os", "sys", "pathlib", "io", "tempfile", "subprocess", "socket", "ssl", "http", "signal", "contextvars"),
}

FILES = [file for file in sorted(PACKAGE.rglob("*.py")) if "pb" not in file.relative_to(PACKAGE).parts]


def imported(file: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in it; what it takes out of this package counts as a module of its own."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            module = node.module or ""
            yield from (f"{module}.{alias.name}" for alias in node.names) if module == "gw_extproc" else [module]


def part(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_module_imports_only_what_its_part_may(file: Path) -> None:
    own = part(file)
    for module in imported(file):
        top, _, rest = module.partition(".")
        if top == "gw_extproc":
            assert rest.split(".")[0] in {own, "__version__"} | MAY_IMPORT[own], f"{own} imports {module}"
        elif top not in STANDARD:
            assert own in LIBRARIES[top], f"{own} imports {module}"
        elif own == "core":
            assert top not in IMPURE, f"core imports {module}"


def test_generated_code_stays_in_extproc() -> None:
    for file in FILES:
        if part(file) != "extproc":
            assert not [module for module in imported(file) if ".pb" in module], file


def test_every_part_has_its_place() -> None:
    assert {part(file) for file in FILES} == MAY_IMPORT.keys()
    order = list(MAY_IMPORT)
    for own, others in MAY_IMPORT.items():
        assert all(order.index(other) < order.index(own) for other in others)
