"""What docker-compose.yaml starts, started as processes of this machine: the same commands and settings, at other addresses."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gw_extproc.local.envoy_binary import binary
from tests.deploy import queries
from tests.deploy.files import compose, image
from tests.gateway_process import environment, launched
from tests.sockets import accepts, free_port
from tests.valkey import Valkey
from tests.waiting import DEADLINE, until

SERVICES: Any = compose(GW_WORKERS="1")["services"]
_ADDRESS = re.compile(r"\b(0\.0\.0\.0|envoy|gateway|store|model):(\d+)")


class Ports(defaultdict[str, str]):
    """A free port of this machine for each port of a container: no two containers of ours have the same."""

    def __missing__(self, port: str) -> str:
        self[port] = str(free_port())
        return self[port]

    def here(self, text: str) -> str:
        """The text with this machine's addresses in it."""
        return _ADDRESS.sub(lambda match: f"127.0.0.1:{self[match[2]]}", text).replace("0.0.0.0", "127.0.0.1")

    def environment(self, service: str) -> dict[str, str]:
        given = {name: self.here(str(value or "")) for name, value in SERVICES[service]["environment"].items()}
        return given | {name: self[given[name]] for name in ("GW_PORT", "GW_ADMIN_PORT") if name in given}


@dataclass(frozen=True)
class Stack:
    ports: Ports
    log: Path
    """What Envoy writes to stdout."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['8080']}/v1/responses"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    ports, directory = Ports(), tmp_path_factory.mktemp("stack")
    with ExitStack() as running:
        store = Valkey(directory, *SERVICES["store"]["command"][1:])
        store.start()
        running.callback(store.kill)
        ports["6379"] = str(store.port)
        model = [sys.executable, *SERVICES["model"]["entrypoint"][1:]]
        running.enter_context(_process([ports.here(word).replace("8000", ports["8000"]) for word in model], {}, directory / "model"))
        until(lambda: accepts(("127.0.0.1", int(ports["8000"]))), "the model")
        running.enter_context(launched(*SERVICES["gateway"]["command"], lines=1, env=ports.environment("gateway")))
        config = directory / "envoy.yaml"
        config.write_text(_configuration(ports))
        envoy = [str(binary()), *SERVICES["envoy"]["command"][1:], "--disable-hot-restart", "--concurrency", "1"]
        words = [word.replace("/config/envoy.yaml", str(config)) for word in envoy]
        running.enter_context(_process([*words, "--file-flush-interval-msec", "50"], {}, directory / "log"))
        until(lambda: accepts(("127.0.0.1", int(ports["8080"]))), "Envoy")
        yield Stack(ports, directory / "log")


def test_a_response_is_made_and_remembered(stack: Stack) -> None:
    first = _post(stack, input="My name is Ada.")
    second = _post(stack, input="What is my name?", previous_response_id=first["id"])
    assert (first["status"], second["status"]) == ("completed", "completed")
    assert "Ada" in json.dumps(second["output"])


def test_the_gateways_own_calls_pass_through_envoy(stack: Stack) -> None:
    made = _post(stack, input="Hi", background=True)
    with httpx2.Client(timeout=DEADLINE) as client:
        until(lambda: client.get(f"{stack.url}/{made['id']}").json()["status"] == "completed", "the background response")
    until(lambda: any(line["listener"] == "egress" and line["status"] == 200 for line in _lines(stack)), "a line of egress")


def test_envoy_logs_where_containers_do(stack: Stack) -> None:
    made = _post(stack, input="Hi")
    until(lambda: any(line.get("response_id") == made["id"] for line in _lines(stack)), "its line")


def test_the_gateway_is_healthy_and_tells_what_it_counted(stack: Stack) -> None:
    command = [sys.executable, *image()["healthcheck"][1:]]
    for port, expected in ((stack.ports["9090"], True), (str(free_port()), False)):
        done = subprocess.run(command, check=False, capture_output=True, env=environment() | {"GW_ADMIN_PORT": port})
        assert (done.returncode == 0) is expected
    told = httpx2.get(f"http://127.0.0.1:{stack.ports['9090']}/metrics", timeout=DEADLINE).text
    series = set(re.findall(r"^(\w+)[{ ]", told, re.MULTILINE))
    assert set(queries.PROCESS) <= series
    assert {"gateway_workers_up", "gateway_info"} <= series
    assert re.search(r'^process_cpu_seconds_total{worker="0"} ', told, re.MULTILINE)


def test_envoy_is_healthy(stack: Stack) -> None:
    command = [word.replace("9901", stack.ports["9901"]) for word in SERVICES["envoy"]["healthcheck"]["test"][1:]]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    assert subprocess.run([*command[:-1], command[-1].replace("LIVE", "DEAD")], check=False, capture_output=True).returncode != 0


def _configuration(ports: Ports) -> str:
    """What the service `envoy-config` writes; Envoy's admin interface, which has no setting, at a port of its own."""
    shell = SERVICES["envoy-config"]["entrypoint"]
    assert shell[:2] == ["sh", "-c"]
    command, _, target = shell[2].partition(" > ")
    assert target in SERVICES["envoy"]["command"]
    words = [sys.executable, "-m", "gw_extproc", *command.split()[1:]]
    made = subprocess.run(words, check=True, capture_output=True, text=True, env=environment() | ports.environment("envoy-config"))
    return made.stdout.replace("port_value: 8082", f"port_value: {ports['8082']}").replace("9901", ports["9901"])


@contextmanager
def _process(command: list[str], env: Mapping[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as written, subprocess.Popen(command, stdout=written, stderr=written, env=environment() | dict(env)) as process:
        try:
            yield
        finally:
            process.kill()


def _post(stack: Stack, **body: object) -> Any:
    return httpx2.post(stack.url, json={"model": "demo", **body}, timeout=DEADLINE).raise_for_status().json()


def _lines(stack: Stack) -> list[Any]:
    return [json.loads(line) for line in stack.log.read_text().splitlines() if line.startswith('{"') and line.endswith("}")]
