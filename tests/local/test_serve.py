"""`gw-extproc serve`: the processor alone, in one process or several."""

from __future__ import annotations

import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway_process import launched
from tests.sockets import accepts, free_port, listening
from tests.waiting import until


@pytest.fixture
def sockets() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="s-") as directory:
        yield Path(directory)


def test_one_says_where_it_serves_when_it_does(sockets: Path) -> None:
    with launched("serve", "--grpc", f"unix:{sockets}/gw.sock", "--upstream", "https://api.deepseek.com/v1", lines=1) as server:
        where = f"gw-extproc 0.1.0 serves ext_proc on unix:{sockets}/gw.sock, HTTP on unix:{server.temporary}/http.sock"
        assert server.banner == [f"{where}, upstream https://api.deepseek.com/v1, dialect deepseek, store {server.data}"]
        assert accepts(f"{sockets}/gw.sock")
        assert accepts(f"{server.temporary}/http.sock")
        until(lambda: "serving ext_proc" in server.log(), "a line of the log")
        server.process.terminate()
        assert server.end() == 0
    assert list(sockets.iterdir()) == []


def test_one_with_a_store_elsewhere_is_a_single_process(sockets: Path) -> None:
    store = f"redis://:secret@127.0.0.1:{free_port()}"  # one that is away may come later
    with launched("serve", "--grpc", f"unix:{sockets}/gw.sock", "--store", store, lines=1) as server:
        assert server.banner[0].endswith(f", store {store.replace(':secret@', '')}")
        assert server.family == []
        server.process.terminate()
        assert server.end() == 0
        assert "secret" not in server.log()
    assert list(sockets.iterdir()) == []


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_in_use_is_one_line_and_nothing_is_claimed(workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with launched("serve", "--grpc", f"127.0.0.1:{port}", "--workers", workers, lines=0) as server:
            problem = f"gw-extproc: --grpc (GW_GRPC): port {port} is taken; choose another address\n"
            assert (server.end(), server.log(), list(server.banner)) == (1, problem, [])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_several_have_a_socket_each(sockets: Path, number: signal.Signals) -> None:
    with launched("serve", "--grpc", f"unix:{sockets}/gw.sock", "--workers", "2", lines=1) as server:
        assert accepts(f"{sockets}/gw.sock.0")
        assert accepts(f"{sockets}/gw.sock.1")
        server.process.send_signal(number)
        assert server.end() == (0 if number == signal.SIGTERM else -signal.SIGKILL)
    assert list(sockets.iterdir()) == []


def test_one_of_several_that_dies_is_started_again(sockets: Path) -> None:
    with launched("serve", "--grpc", f"unix:{sockets}/gw.sock", "--workers", "2", lines=1) as server:
        died = server.part(f"unix:{sockets}/gw.sock.1")
        died.kill()
        until(lambda: not accepts(f"{sockets}/gw.sock.1"), "its death")
        until(lambda: accepts(f"{sockets}/gw.sock.1"), "the new one")
        assert accepts(f"{sockets}/gw.sock.0")
        assert "processor 2 ended unexpectedly (killed by SIGKILL) and is started again" in server.log()
        server.process.terminate()
        assert server.end() == 0
    assert list(sockets.iterdir()) == []


def test_a_port_in_use_for_http_is_one_line(sockets: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with launched("serve", "--grpc", f"unix:{sockets}/gw.sock", "--http", f"127.0.0.1:{port}", lines=0) as server:
            problem = f"gw-extproc: --http (GW_HTTP): port {port} is taken; choose another address\n"
            assert (server.end(), server.log(), list(server.banner)) == (1, problem, [])


def test_a_socket_in_use_is_one_line(sockets: Path) -> None:
    problem = f"gw-extproc: --grpc (GW_GRPC): another program listens at {sockets}/gw.sock; choose another address\n"
    with listening(f"{sockets}/gw.sock"), launched("serve", "--grpc", f"unix:{sockets}/gw.sock", lines=0) as server:
        assert (server.end(), server.log(), list(server.banner)) == (1, problem, [])
        assert accepts(f"{sockets}/gw.sock")
