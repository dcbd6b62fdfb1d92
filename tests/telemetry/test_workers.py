"""The counts of several workers, one of which is killed and started again: nothing is lost, nothing counts twice."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from gw_extproc.local import admin_port
from gw_extproc.local.banner import banner
from gw_extproc.settings import Settings
from tests import gateway_process as gateways
from tests.gateway_process import environment
from tests.real import chat
from tests.real.upstream import Gate, Upstream
from tests.sockets import accepts, free_port
from tests.telemetry.scrape import Scrape
from tests.tools.talk import whole
from tests.waiting import DEADLINE, until


class Worker:
    """One of two, as a launcher starts it: all inherit the port of the admin application."""

    def __init__(self, number: int, directory: Path, admin: socket.socket, upstream: Upstream) -> None:
        self._command = [
            *(sys.executable, "-m", "gw_extproc.process", "gw_extproc.worker", "--number", str(number)),
            *("--peers", f"{directory}/0.sock,{directory}/1.sock", "--admin", str(admin.fileno())),
        ]
        self._admin = admin
        self._settings = {"GW_UPSTREAM": f"{upstream.url}/v1", "GW_STORE": f"unix://{directory}/no-store.sock"}
        self.number = number

    @contextmanager
    def running(self) -> Iterator[Worker]:
        self.port = free_port()
        process = subprocess.Popen(
            [*self._command, "--http", f"127.0.0.1:{self.port}"],
            env=environment() | self._settings,
            pass_fds=(self._admin.fileno(),),
            stderr=subprocess.DEVNULL,
        )
        try:
            until(lambda: accepts(("127.0.0.1", self.port)), "a worker")
            yield self
        finally:
            process.kill()
            process.wait(DEADLINE)

    def ask(self, model: str, times: int) -> None:
        for _ in range(times):
            body = {"model": model, "input": "Hi", "store": False}
            assert httpx2.post(f"http://127.0.0.1:{self.port}/v1/responses", json=body, timeout=DEADLINE).status_code == 200


def test_a_worker_that_is_killed_and_started_again(upstream: Upstream) -> None:
    model = upstream.script(whole())
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="t-") as name, socket.create_server(("127.0.0.1", 0)) as admin:
        metrics = f"http://127.0.0.1:{admin.getsockname()[1]}/metrics"
        one, other = (Worker(number, Path(name), admin, upstream) for number in (0, 1))

        def counted() -> dict[str, float]:
            found = Scrape.of(metrics)
            told = {sample.labels["worker"]: sample.value for sample in found.each("responses_total", model=model)}
            assert found.value("gateway_workers") == 2
            return {**told, "up": found.value("gateway_workers_up")}

        with one.running():
            with other.running():
                one.ask(model, 2)
                other.ask(model, 1)
                assert [counted() for _ in range(4)] == [{"0": 2, "1": 1, "up": 2}] * 4, "whoever answers"
            assert counted() == {"0": 2, "up": 1}
            with other.running():
                other.ask(model, 1)
                assert counted() == {"0": 2, "1": 1, "up": 2}


def test_what_is_still_answered_is_seen_while_the_gateway_drains(upstream: Upstream) -> None:
    gate = Gate()
    model = upstream.script([chat.EVENTS, *chat.text("one"), gate, chat.finish()])
    with gateways.started("--upstream", f"{upstream.url}/v1", command="http") as gateway:
        body = {"model": model, "input": "Hi", "stream": True}
        with httpx2.stream("POST", f"{gateway.url}/responses", json=body, timeout=DEADLINE) as answer:
            gate.await_reached()
            gateway.process.send_signal(signal.SIGTERM)
            until(lambda: not gateway.accepts(), "no new requests")
            assert Scrape.of(gateway.metrics).value("gateway_open_streams", door="http") == 1
            gate.open()
            assert b"response.completed" in answer.read()
        assert gateway.end() == 0


def test_gateways_on_one_machine_have_a_port_each() -> None:
    with contextlib.ExitStack() as stack:
        found = [admin_port.bound(Settings(), elsewhere=True) for _ in range(2)]
        ports = {admin_port.at(stack.enter_context(each)) for each in found if each is not None}
    assert len(ports) == 2


def test_a_port_that_was_chosen_and_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = ("serve", "--grpc", f"unix:{tmp_path}/g.sock", "--admin-port", str(port))
        with gateways.launched(*options, lines=0) as gateway:
            assert gateway.process.wait(DEADLINE) == 1
            assert f"--admin-port (GW_ADMIN_PORT): cannot listen on 127.0.0.1:{port}: Address already in use" in gateway.log()


def test_a_port_that_is_switched_off_is_not_announced() -> None:
    assert admin_port.bound(Settings(admin_port=0), elsewhere=True) is None
    assert "/metrics" not in banner(Settings(admin_port=0), is_demo=True)
    assert "metrics    http://127.0.0.1:9999/metrics" in banner(Settings(admin_port=9999), is_demo=True)
