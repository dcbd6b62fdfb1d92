"""An Envoy in front of a replica, which it outlives."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gw_extproc.local.envoy_admin import EnvoyAdmin
from gw_extproc.local.envoy_binary import binary
from gw_extproc.local.envoy_config import as_json, bootstrap_of
from gw_extproc.local.plan import Plan
from gw_extproc.settings import parse_upstream
from tests.disaster.replica import Replica
from tests.real.upstream import Upstream


@asynccontextmanager
async def before(replica: Replica, upstream: Upstream) -> AsyncIterator[str]:
    """The base URL of an Envoy with the configuration of `run`."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="t-") as name:
        directory = Path(name)
        grpc, http, egress, admin = (
            *(f"127.0.0.1:{port}" for port in (replica.grpc, replica.http)),
            *(f"unix:{directory}/{socket}" for socket in ("egress", "admin")),
        )
        planned = Plan("127.0.0.1", 0, parse_upstream(f"{upstream.url}/v1"), (grpc,), (http,), egress, admin, "", bearer=False)
        (directory / "envoy.json").write_text(json.dumps(as_json(bootstrap_of(planned))))
        command = (binary(), "-c", str(directory / "envoy.json"), "--disable-hot-restart", "--concurrency", "1", "-l", "off")
        with subprocess.Popen(command) as process:
            try:
                admin_of = EnvoyAdmin(directory / "admin")
                await admin_of.until_ready()
                yield f"http://127.0.0.1:{await admin_of.listening_port()}/v1"
            finally:
                process.terminate()
