"""An Envoy that traces by itself, in front of `gw-extproc serve`: both tell the same collector."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from gw_extproc.local import plan
from gw_extproc.local.envoy_binary import binary
from gw_extproc.local.envoy_config import as_json, bootstrap_of
from gw_extproc.settings import parse_upstream
from tests.gateway_process import environment, launched
from tests.real.upstream import Upstream
from tests.sockets import accepts
from tests.waiting import until


@contextmanager
def running(upstream: Upstream, collector: str, env: dict[str, str]) -> Iterator[str]:
    """The base URL to call, with /v1."""
    with tempfile.TemporaryDirectory(prefix="trace-", dir="/tmp") as name:
        directory = Path(name)
        (directory / "envoy.json").write_text(json.dumps(_config(upstream, directory, collector)))
        envoy = (binary(), "-c", str(directory / "envoy.json"), "--disable-hot-restart", "--concurrency", "1", "-l", "error")
        options = ("--grpc", f"unix:{directory}/grpc.sock", "--upstream", f"{upstream.url}/v1", "--otlp-endpoint", collector)
        transport = httpx2.HTTPTransport(uds=str(directory / "admin.sock"))
        with launched("serve", *options, "--admin-port", "0", lines=1, env=env) as serving:
            with (
                subprocess.Popen(envoy, env=environment()) as process,
                httpx2.Client(transport=transport, base_url="http://admin") as admin,
            ):
                try:
                    until(lambda: accepts(str(directory / "admin.sock")) and bool(_port(admin)), "the listener")
                    yield f"http://127.0.0.1:{_port(admin)}/v1"
                finally:
                    process.terminate()
            serving.process.terminate()
            assert serving.end() == 0


def _config(upstream: Upstream, directory: Path, collector: str) -> Any:
    url = parse_upstream(f"{upstream.url}/v1")
    grpc, http = f"unix:{directory}/grpc.sock", f"unix:{directory}/http.sock"
    egress, admin = f"unix:{directory}/egress.sock", f"unix:{directory}/admin.sock"
    planned = plan.Plan(
        "127.0.0.1", 0, url, (grpc,), (http,), egress, admin, "", bearer=False, tracing=plan.Tracing(parse_upstream(collector), 1.0)
    )
    config: Any = as_json(bootstrap_of(planned))
    promptly = {"tracing.opentelemetry.min_flush_spans": 1}
    config.setdefault("layered_runtime", {}).setdefault("layers", []).append({"name": "prompt", "static_layer": promptly})
    return config


def _port(admin: httpx2.Client) -> int:
    for listener in admin.get("/listeners?format=json").json().get("listener_statuses", []):
        if (address := listener["local_address"].get("socket_address")) is not None:
            return int(address["port_value"])
    return 0
