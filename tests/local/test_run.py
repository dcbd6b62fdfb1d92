"""`gw-extproc run` through real processes: it starts, serves, stops, and leaves nothing behind."""

from __future__ import annotations

import functools
import signal
import socket
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from http.client import HTTPConnection
from pathlib import Path

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.gateway_process import Gateway, started
from tests.sockets import accepts, free_port, listening
from tests.waiting import DEADLINE, until

from .slow_model import SlowModel


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_serves_until_a_signal(gateway: Gateway, number: signal.Signals) -> None:
    assert gateway.banner[0].startswith("gw-extproc 0.1.0 ready in ")
    assert "demo model" in gateway.banner[2]
    assert gateway.banner[3] == "  dialect    generic"
    assert gateway.banner[4] == f"  store      {gateway.data}"
    assert httpx2.get(gateway.metrics).status_code == 200
    assert f"curl -N {gateway.url}/responses " in gateway.banner[-1]
    assert [model["object"] for model in httpx2.get(f"{gateway.url}/models").json()["data"]] == ["model"]
    gateway.process.send_signal(number)
    assert gateway.end() == 0


def test_a_killed_launcher_takes_all_with_it(gateway: Gateway) -> None:
    gateway.process.kill()
    gateway.end()


@pytest.mark.parametrize(
    ("mark", "name"),
    [
        ("envoy.json", "Envoy"),
        ("gw_extproc.worker", "the processor"),
        ("demo_model", "the demo model"),
        ("guardian.py", "the guardian"),
    ],
)
def test_a_part_that_dies_takes_all_with_it(gateway: Gateway, mark: str, name: str) -> None:
    gateway.part(mark).kill()
    assert gateway.end() == 1
    assert gateway.log().splitlines()[-1] == f"gw-extproc: {name} ended unexpectedly (killed by SIGKILL); everything was stopped"


def test_a_store_that_dies_is_started_again(gateway: Gateway) -> None:
    gateway.part("valkey-server").kill()
    until(lambda: "Valkey ended unexpectedly (killed by SIGKILL) and is started again" in gateway.log(), "a line of the log")
    until(lambda: httpx2.get(f"{gateway.origin}/readyz").status_code == 200, "the store's return")
    gateway.meet_family()
    gateway.process.terminate()
    assert gateway.end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_stored_survives_the_gateway(number: signal.Signals) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="s-") as directory:
        with started("--data-dir", directory) as gateway:
            made = httpx2.post(f"{gateway.url}/responses", json={"model": "demo", "input": "Hello!"}, timeout=DEADLINE).json()
            gateway.process.send_signal(number)
            gateway.end()
        with started("--data-dir", directory) as gateway:
            assert httpx2.get(f"{gateway.url}/responses/{made['id']}", timeout=DEADLINE).json() == made


def test_a_websocket_that_is_idle_does_not_hold_up_the_end(gateway: Gateway) -> None:
    with connect(f"ws://127.0.0.1:{gateway.port}/v1/responses") as socket:
        gateway.process.terminate()
        with pytest.raises(ConnectionClosed):
            socket.recv(DEADLINE)
        assert gateway.end() == 0


def test_a_signal_during_the_start_stops_it() -> None:
    with started(lines=0) as gateway:
        until(lambda: any(gateway.temporary.iterdir()), "the run directory")
        gateway.meet_family()
        gateway.process.terminate()
        assert gateway.end() == 0


def test_answers_in_flight_are_finished_and_new_ones_refused(model: SlowModel) -> None:
    with started("--upstream", f"{model.url}/v1") as gateway, _slow_answer(gateway) as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b"first"
        gateway.process.terminate()
        until(lambda: not gateway.accepts(), "the listener's end")
        assert gateway.process.poll() is None
        model.go_on.set()
        assert b"".join(pieces) == b"-last"
        assert gateway.end() == 0


def test_answers_in_flight_have_until_the_drain_timeout(model: SlowModel) -> None:
    options = ("--upstream", f"{model.url}/v1", "--drain-timeout", "0.2")
    with started(*options) as gateway, _slow_answer(gateway) as answer:
        next(answer.iter_raw())
        gateway.process.terminate()
        assert gateway.end() == 0


def test_a_second_signal_stops_at_once(model: SlowModel) -> None:
    with started("--upstream", f"{model.url}/v1") as gateway, _slow_answer(gateway) as answer:
        next(answer.iter_raw())
        gateway.process.send_signal(signal.SIGINT)
        until(lambda: not gateway.accepts(), "the listener's end")
        gateway.process.send_signal(signal.SIGINT)
        assert gateway.end() == 0


def test_other_paths_reach_the_upstreams_base_path_with_its_key(model: SlowModel) -> None:
    options = ("--upstream", f"{model.url}/api/v1", "--workers", "2")
    with started(*options, env={"API_KEY": "a-secret"}) as gateway:
        httpx2.get(f"{gateway.url}/others?limit=1", headers={"authorization": "Bearer mine", "x-request-id": "mine"})
        path, headers = model.received[-1]
        assert (path, headers["authorization"], headers["x-request-id"]) == ("/api/v1/others?limit=1", "Bearer a-secret", "mine")
        assert headers["host"] == model.url.removeprefix("http://")
        assert not any("a-secret" in " ".join(process.cmdline()) for process in gateway.family)
        assert not any("a-secret" in path.read_text() for path in gateway.temporary.rglob("*.json"))
        assert sum("gw_extproc.worker" in " ".join(process.cmdline()) for process in gateway.family) == 2
        gateway.process.terminate()
        assert gateway.end() == 0


def test_without_a_key_the_callers_own_goes_through(model: SlowModel) -> None:
    with started("--upstream", f"{model.url}/v1") as gateway:
        httpx2.get(f"{gateway.url}/others", headers={"authorization": "Bearer mine"})
        assert model.received[-1][1]["authorization"] == "Bearer mine"


def test_the_processor_may_be_given_addresses() -> None:
    grpc, http = free_port(), free_port()
    with started("--grpc", f"127.0.0.1:{grpc}", "--http", f"127.0.0.1:{http}") as gateway:
        assert httpx2.get(f"{gateway.url}/models").status_code == 200
        assert httpx2.get(f"{gateway.origin}/healthz").status_code == 200
        assert httpx2.get(f"http://127.0.0.1:{http}/healthz").status_code == 200
        command = " ".join(gateway.part("gw_extproc.worker").cmdline())
        assert f" --grpc 127.0.0.1:{grpc} --http 127.0.0.1:{http} " in command


def test_a_taken_port_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert _refusal("--port", str(port)) == f"port {port} is taken; choose otherwise with --host and --port (0 takes any free port)"


def test_an_address_of_another_machine_is_one_line() -> None:
    assert _refusal("--host", "192.0.2.1").startswith("192.0.2.1 is not an address of this machine; ")


def test_an_unreachable_upstream_is_one_line() -> None:
    port = free_port()
    problem = f"--upstream (GW_UPSTREAM): 127.0.0.1:{port} does not accept connections; is the model server running?"
    assert _refusal("--upstream", f"http://127.0.0.1:{port}/v1") == problem


@pytest.mark.parametrize("options", [(), ("--port", "TAKEN"), ("--upstream", "http://127.0.0.1:FREE/v1")])
def test_a_gateway_that_does_not_start_leaves_anothers_socket_alone(options: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="s-") as directory, socket.create_server(("127.0.0.1", 0)) as taken:
        path = f"{directory}/gw.sock"
        numbers = {"TAKEN": str(taken.getsockname()[1]), "FREE": str(free_port())}
        given = [functools.reduce(lambda text, name: text.replace(name, numbers[name]), numbers, option) for option in options]
        with listening(path):
            _refusal("--grpc", f"unix:{path}", *given)
            assert accepts(path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_gateway_that_started_leaves_no_socket_behind(number: signal.Signals) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="s-") as directory:
        path = Path(directory, "gw.sock")
        with started("--grpc", f"unix:{path}") as gateway:
            assert path.is_socket()
            gateway.process.send_signal(number)
            gateway.end()
        assert not path.exists()


def test_the_key_goes_only_where_the_api_is(model: SlowModel) -> None:
    with started("--upstream", f"{model.url}/api/v1", env={"API_KEY": "a-secret"}) as gateway:
        for path in ("/v1/../admin", "//admin", "/v1/%2e%2e/admin"):
            connection = HTTPConnection("127.0.0.1", gateway.port)
            connection.request("GET", path, headers={"authorization": "Bearer mine"})
            assert connection.getresponse().status == 200
            connection.close()
            reached, headers = model.received[-1]
            assert (reached, headers["authorization"]) == ("/admin", "Bearer mine")


def _refusal(*options: str) -> str:
    with started(*options, lines=0) as gateway:
        assert gateway.end() == 1
        (line,) = gateway.log().splitlines()
    return line.removeprefix("gw-extproc: ")


def _slow_answer(gateway: Gateway) -> AbstractContextManager[httpx2.Response]:
    return httpx2.stream("GET", f"{gateway.url}/slow")
