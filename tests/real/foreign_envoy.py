"""An Envoy that somebody else configured, in front of `gw-extproc serve`: one listener for each way to run the filter."""

from __future__ import annotations

import copy
import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from gw_extproc.local import plan
from gw_extproc.local.envoy_binary import binary
from gw_extproc.local.envoy_config import as_json, bootstrap_of
from gw_extproc.local.envoy_names import FILTER, PROCESSOR
from gw_extproc.settings import parse_upstream
from tests.gateway_process import Gateway, launched
from tests.real.upstream import Upstream
from tests.sockets import accepts
from tests.waiting import until

HALF_GONE = "half-gone"

MODES: Mapping[str, Mapping[str, str]] = {
    "bare": {},
    HALF_GONE: {},
    "buffered": {"request_body_mode": "BUFFERED", "response_body_mode": "BUFFERED", **dict.fromkeys(("request_trailer_mode",), "SKIP")},
    "streamed": {"request_body_mode": "STREAMED", "response_body_mode": "STREAMED"},
    "headers": {"request_body_mode": "NONE", "response_body_mode": "NONE"},
    "half": {"response_body_mode": "NONE"},
    "skipping": {"response_header_mode": "SKIP"},
}
"""What differs from the mode that the processor wants, by listener; the filter runs on every path, and there is a single route."""


@dataclass(frozen=True)
class ForeignEnvoy:
    ports: Mapping[str, int]
    processor: Gateway

    def url(self, listener: str) -> str:
        return f"http://127.0.0.1:{self.ports[listener]}/v1"


@contextmanager
def running(upstream: Upstream) -> Iterator[ForeignEnvoy]:
    with tempfile.TemporaryDirectory(prefix="real-", dir="/tmp") as name:
        directory = Path(name)
        processor, admin = directory / "processor.sock", directory / "admin.sock"
        (directory / "envoy.json").write_text(json.dumps(_config(upstream, processor, admin)))
        envoy = (binary(), "-c", str(directory / "envoy.json"), "--disable-hot-restart", "--concurrency", "1", "-l", "error")
        transport = httpx2.HTTPTransport(uds=str(admin))
        with launched("serve", "--grpc", f"unix:{processor}", "--upstream", f"{upstream.url}/v1", lines=1) as serving:
            with subprocess.Popen(envoy) as process, httpx2.Client(transport=transport, base_url="http://admin") as client:
                try:
                    until(lambda: accepts(str(admin)) and len(_ports(client)) == len(MODES), "the listeners")
                    yield ForeignEnvoy(_ports(client), serving)
                finally:
                    process.terminate()
            serving.process.terminate()
            assert serving.end() == 0


def _config(upstream: Upstream, processor: Path, admin: Path) -> Any:
    url = parse_upstream(f"{upstream.url}/v1")
    egress, http = f"unix:{processor}.egress", f"unix:{processor}.http"
    planned = plan.Plan("127.0.0.1", 0, url, (f"unix:{processor}",), (http,), egress, f"unix:{admin}", "", bearer=False)
    config: Any = as_json(bootstrap_of(planned))
    resources = config["static_resources"]
    options = resources["clusters"][0]["typed_extension_protocol_options"]
    next(iter(options.values()))["explicit_http_config"]["http_protocol_options"]["enable_trailers"] = True
    resources["listeners"] = [_listener(resources["listeners"][0], name, modes) for name, modes in MODES.items()]
    resources["clusters"].append(_half_gone(next(each for each in resources["clusters"] if each["name"] == PROCESSOR)))
    return config


def _half_gone(ours: Any) -> Any:
    """The processor's cluster with a second endpoint, where nobody listens: a replica that was stopped."""
    cluster = copy.deepcopy(ours)
    cluster["name"] = cluster["load_assignment"]["cluster_name"] = HALF_GONE
    (endpoint,) = ends = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
    gone = copy.deepcopy(endpoint)
    gone["endpoint"]["address"]["pipe"]["path"] += ".gone"
    ends.append(gone)
    return cluster


def _listener(ours: Any, name: str, modes: Mapping[str, str]) -> Any:
    listener = copy.deepcopy(ours)
    listener["name"] = name
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    manager["http_protocol_options"] = {"enable_trailers": True}
    ext_proc = next(each for each in manager["http_filters"] if each["name"] == FILTER)
    del ext_proc["disabled"]
    ext_proc["typed_config"]["processing_mode"].update(modes)
    if name == HALF_GONE:
        ext_proc["typed_config"]["grpc_service"]["envoy_grpc"]["cluster_name"] = HALF_GONE
    host = manager["route_config"]["virtual_hosts"][0]
    host["routes"] = host["routes"][-1:]  # everything to the model server
    return listener


def _ports(client: httpx2.Client) -> Mapping[str, int]:
    with suppress(httpx2.TransportError):
        listeners = client.get("/listeners?format=json").json().get("listener_statuses", [])
        return {each["name"]: each["local_address"]["socket_address"]["port_value"] for each in listeners}
    return {}
