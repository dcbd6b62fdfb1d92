"""An upstream over https: named by SNI, verified, at a base path of its own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
import trustme

from tests.connections import answered
from tests.gateway_process import started
from tests.real import chat
from tests.waiting import DEADLINE

BASE_PATH = "/api/v1"


@dataclass
class SecureModel:
    """A model server behind TLS that answers everything with one completion, and remembers how it was called."""

    port: int = 0
    names: list[str | None] = field(default_factory=list)
    """What clients asked for by SNI."""
    requests: list[bytes] = field(default_factory=list)
    """Request heads."""

    def context(self, certificate: trustme.LeafCert) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        return context

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head)
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        body = chat.completion(content="Securely.")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()


@contextmanager
def serving(certificate: trustme.LeafCert) -> Iterator[SecureModel]:
    model = SecureModel()
    with answered(model.answer, tls=model.context(certificate)) as model.port:
        yield model


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(params=["run", "http"])
def command(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def asked(command: str, model: SecureModel, trusted: Path) -> httpx2.Response:
    """A call through a gateway that trusts what is in that file."""
    options = ("--upstream", f"https://localhost:{model.port}{BASE_PATH}")
    with started(*options, command=command, env={"SSL_CERT_FILE": str(trusted), "GW_UPSTREAM_API_KEY": "sk-upstream"}) as gateway:
        body = {"model": "m", "input": "Hi"}
        return httpx2.post(f"{gateway.url}/responses", json=body, timeout=DEADLINE, trust_env=False)


def test_a_verified_upstream_is_called_by_its_name(authority: trustme.CA, tmp_path: Path, command: str) -> None:
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    with serving(authority.issue_cert("localhost")) as model:
        response = asked(command, model, trusted)
    assert response.json()["output"][0]["content"][0]["text"] == "Securely."
    assert "localhost" in model.names
    head = model.requests[0].lower()
    assert head.startswith(b"post /api/v1/chat/completions http/1.1")
    assert b"host: localhost:%d\r\n" % model.port in head
    assert b"authorization: bearer sk-upstream\r\n" in head


@pytest.mark.parametrize("wrong", ["issuer", "name"])
def test_an_upstream_that_cannot_prove_itself_is_not_called(authority: trustme.CA, tmp_path: Path, command: str, wrong: str) -> None:
    trusted = tmp_path / "ca.pem"
    (trustme.CA() if wrong == "issuer" else authority).cert_pem.write_to_path(str(trusted))
    with serving(authority.issue_cert("localhost" if wrong == "issuer" else "other.example")) as model:
        response = asked(command, model, trusted)
    assert response.status_code == 503
    assert response.json()["error"]["type"] == "server_error"
    assert model.requests == []
