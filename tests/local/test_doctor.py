"""What `gw-extproc doctor` says about what it finds."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gw_extproc.local import doctor, upstream_check
from gw_extproc.local.findings import Finding, Grade
from gw_extproc.settings import Settings
from tests.connections import answering
from tests.names import UNKNOWN
from tests.sockets import free_port

from .slow_model import SlowModel


@pytest.fixture(autouse=True)
def _data_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GW_DATA_DIR", str(tmp_path / "data"))


async def examine(**given: object) -> dict[str, Finding]:
    """The last finding about each subject."""
    return {finding.subject: finding for finding in await doctor.examine(Settings.read({"port": 0, **given}))}


async def test_all_is_well(model: SlowModel) -> None:
    found = await examine(upstream=f"{model.url}/v1", upstream_api_key="a-secret")
    assert model.received[-1][1]["authorization"] == "Bearer a-secret"
    assert found["upstream"].state == f"1 model at {model.url}/v1, for example slow-1"
    assert {finding.grade for finding in found.values()} == {Grade.OK}
    assert "a-secret" not in "".join(map(str, found.values()))


async def test_no_upstream_is_a_warning() -> None:
    assert str((await examine())["upstream"]).startswith("warn  upstream      none named: ")


async def test_a_taken_port_is_a_warning() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        found = await examine(port=taken.getsockname()[1], grpc=address, http=address, admin_port=taken.getsockname()[1])
    assert [found[subject].grade for subject in ("listener", "processor", "http", "metrics")] == [Grade.WARN] * 4


async def test_a_free_address_of_the_processor_is_well(tmp_path: Path) -> None:
    found = await examine(grpc=f"unix:{tmp_path}/gw.sock", admin_port=free_port())
    assert [found[subject].grade for subject in ("processor", "metrics")] == [Grade.OK] * 2


@pytest.mark.parametrize(
    ("answer", "key", "grade", "words"),
    [
        (b"401 Unauthorized", None, Grade.WARN, "wants a key"),
        (b"401 Unauthorized", "k", Grade.FAIL, "refuses the key"),
        (b"404 Not Found", None, Grade.WARN, "usual ones are /v1"),
        (b"429 Too Many", None, Grade.WARN, "limits"),
        (b"500 Internal", None, Grade.FAIL, "look at the model server's log"),
        (b"302 Found", None, Grade.FAIL, "answers 302"),
        (b"200 OK", None, Grade.WARN, "no list of models"),
    ],
)
async def test_an_answer_is_explained(answer: bytes, key: str | None, grade: Grade, words: str) -> None:
    async with _answering(b"HTTP/1.1 " + answer + b"\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}") as url:
        found = (await examine(upstream=f"{url}/v1", upstream_api_key=key))["upstream"]
    assert found.grade is grade
    assert words in str(found)


async def test_what_is_not_http_is_explained() -> None:
    async with _answering(b"\x15\x03\x01\x00\x02\x02\x46") as url:
        assert "does not speak HTTP" in (await examine(upstream=f"{url}/v1"))["upstream"].state


async def test_a_server_without_tls_is_explained() -> None:
    async with _answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url:
        assert "does not speak TLS" in (await examine(upstream=f"{url.replace('http:', 'https:')}/v1"))["upstream"].state


async def test_a_refused_connection_is_explained() -> None:
    found = (await examine(upstream=f"http://127.0.0.1:{free_port()}/v1"))["upstream"]
    assert found.failed
    assert "does not accept connections" in found.state


def test_a_certificate_error_is_found_behind_others() -> None:
    inner = ssl.SSLCertVerificationError("no")
    outer = ValueError()
    outer.__cause__ = inner
    assert upstream_check.certificate_error(outer) is inner
    assert upstream_check.certificate_error(ValueError()) is None


@pytest.mark.parametrize(
    ("printed", "grade"),
    [("1.36.4", Grade.FAIL), ("1.37.2", Grade.WARN), ("", Grade.FAIL)],
)
async def test_an_old_envoy_is_named(tmp_path: Path, printed: str, grade: Grade) -> None:
    program = tmp_path / "envoy"
    program.write_text(f"#!/bin/sh\necho 'envoy  version: abc/{printed}/Clean/RELEASE/BoringSSL'\n")
    program.chmod(0o700)
    found = await doctor.examine(Settings.read({"port": 0}), str(program))
    assert found[0].grade is grade


async def test_a_missing_envoy_is_named(tmp_path: Path) -> None:
    assert (await doctor.examine(Settings.read({"port": 0}), str(tmp_path / "none")))[0].failed


async def test_a_key_without_encryption_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    found = await examine(upstream=f"http://{UNKNOWN}/v1", upstream_api_key="k")
    assert found["key"].grade is Grade.WARN
    assert found["proxy"].grade is Grade.WARN
    assert found["upstream"].state == f"the name {UNKNOWN} is not known"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"grpc": "0.0.0.0:50051"}, "whoever can connect to the processor at 0.0.0.0:50051 is given it"),
        ({"grpc": "processor:50051"}, "whoever can connect to the processor at processor:50051 is given it"),
        ({"host": "0.0.0.0"}, "everybody who can connect to 0.0.0.0:0 uses it"),
    ],
)
async def test_a_key_that_others_can_reach_is_a_warning(given: dict[str, object], words: str) -> None:
    found = (await examine(upstream_api_key="k", **given))["key"]
    assert (found.grade, found.state) == (Grade.WARN, words)


@pytest.mark.parametrize("grpc", ["localhost:50051", "[::1]:50051", "unix:/tmp/gw.sock"])
async def test_a_key_that_stays_on_the_machine_is_well(grpc: str) -> None:
    assert (await examine(upstream_api_key="k", grpc=grpc))["key"].grade is Grade.OK


async def test_without_a_key_nothing_can_be_read() -> None:
    assert "key" not in await examine(host="0.0.0.0", grpc="0.0.0.0:50051")


@contextlib.asynccontextmanager
async def _answering(answer: bytes) -> AsyncIterator[str]:
    """A server that answers everything with the same bytes."""

    async def answer_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)

    async with answering(answer_one) as port:
        yield f"http://127.0.0.1:{port}"
