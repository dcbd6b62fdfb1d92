"""`gw-extproc http` through real processes: the application without an Envoy."""

from __future__ import annotations

import signal
import socket

import httpx2
import pytest

from tests.gateway_process import started
from tests.sockets import free_port
from tests.waiting import DEADLINE, until

from .slow_model import SlowModel


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal(number: signal.Signals) -> None:
    with started(command="http") as gateway:
        assert gateway.banner[0].startswith("gw-extproc 0.1.0 ready in ")
        assert "demo model" in gateway.banner[2]
        assert gateway.banner[4] == f"  store      {gateway.data}"
        assert httpx2.get(f"{gateway.origin}/healthz").status_code == 200
        until(lambda: httpx2.get(f"{gateway.origin}/readyz").status_code == 200, "the store")
        made = httpx2.post(f"{gateway.url}/responses", json={"model": "demo", "input": "Hello!"}, timeout=DEADLINE)
        assert made.json()["status"] == "completed"
        assert not [process for process in gateway.family if "envoy" in process.name()]
        gateway.process.send_signal(number)
        assert gateway.end() == 0


def test_a_killed_launcher_takes_all_with_it() -> None:
    with started(command="http") as gateway:
        gateway.process.kill()
        gateway.end()


def test_several_workers_share_the_port(model: SlowModel) -> None:
    port = free_port()
    with started("--port", str(port), "--upstream", f"{model.url}/v1", "--workers", "2", command="http") as gateway:
        assert gateway.port == port
        assert sum("gw_extproc.worker" in " ".join(process.cmdline()) for process in gateway.family) == 2
        assert all(httpx2.get(f"{gateway.origin}/healthz").status_code == 200 for _ in range(8))
        gateway.process.terminate()
        assert gateway.end() == 0


def test_answers_in_flight_are_finished(model: SlowModel) -> None:
    with started("--upstream", f"{model.url}/v1", command="http") as gateway:
        with httpx2.stream("GET", f"{gateway.url}/slow", timeout=DEADLINE) as answer:
            pieces = answer.iter_raw()
            assert next(pieces) == b"first"
            gateway.process.terminate()
            until(lambda: not gateway.accepts(), "the listener's end")
            assert gateway.process.poll() is None
            model.go_on.set()
            assert b"".join(pieces) == b"-last"
        assert gateway.end() == 0


def test_a_taken_port_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with started("--port", str(port), command="http", lines=0) as gateway:
            problem = f"gw-extproc: port {port} is taken; choose otherwise with --host and --port (0 takes any free port)\n"
            assert (gateway.end(), gateway.log()) == (1, problem)


def test_an_unreachable_upstream_is_one_line() -> None:
    port = free_port()
    with started("--upstream", f"http://127.0.0.1:{port}/v1", command="http", lines=0) as gateway:
        problem = f"--upstream (GW_UPSTREAM): 127.0.0.1:{port} does not accept connections; is the model server running?"
        assert (gateway.end(), gateway.log()) == (1, f"gw-extproc: {problem}\n")
