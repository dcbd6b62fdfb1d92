"""Calls of the upstream that the gateway makes itself: model calls without Envoy's help, lists of models, what is passed on."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin

import httpx2

from gw_extproc.core.errors import BAD_ANSWER, UPSTREAM_ERROR, UpstreamError
from gw_extproc.settings import ModelCalls, Settings

_CONNECT = 5.0  # seconds, as Envoy's
_IDLE = 4.0  # seconds that a connection waits for another call: servers close theirs after five, often
_CONNECTS = 2  # further tries to connect: the model cannot have seen the request

_HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"),
        *("transfer-encoding", "upgrade", "host", "expect", "accept-encoding"),
        *("sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions", "sec-websocket-protocol"),
    }
)

Content = bytes | AsyncIterator[bytes] | None


@dataclass(frozen=True)
class Answered:
    """The upstream's answer: its headers by lower-case name, its body still to come, as it is on the wire."""

    status: int
    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes]

    async def read(self, limit: int) -> bytes:
        """The whole body; raises UpstreamError where it is longer than that, or breaks off."""
        body = b""
        async for piece in self.pieces:
            body += piece
            if len(body) > limit:
                raise UpstreamError("The upstream's answer is too large.", code=BAD_ANSWER)
        return body


class UpstreamClient:
    """One per process; connections are kept and used again."""

    def __init__(self, settings: Settings) -> None:
        key = settings.upstream_api_key
        self.credentials: Mapping[str, str] = {} if key is None else {"authorization": f"Bearer {key.get_secret_value()}"}
        """Replaces the caller's header where the gateway has a key of its own."""
        self._calls = settings.model_calls
        self._client = _client(self._calls, settings.model_timeout)

    async def close(self) -> None:
        await self._client.aclose()

    @asynccontextmanager
    async def call(
        self, method: str, path: str, headers: Mapping[str, str], content: Content = None, *, at_root: bool = False
    ) -> AsyncIterator[Answered]:
        """Sends a request below the base URL (`/chat/completions`), or below the server's root, with the caller's headers.

        Leaving the block drops what is unread. Raises UpstreamError where the upstream cannot be reached, or breaks off.
        """
        if self._calls is None:
            message = "The gateway knows no upstream for this call; it is started with --upstream or --egress."
            raise UpstreamError(message, status=503, code="upstream_not_configured")
        base = urljoin(self._calls.url, "/").rstrip("/") if at_root else self._calls.url
        sent = {name: value for name, value in _end_to_end(headers).items() if not name.startswith(":")}
        sent |= {"accept-encoding": "identity", **self.credentials}
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.items()]  # as they were read
        request = self._client.build_request(method, f"{base}{path}", headers=encoded, content=content)
        with _translated():
            response = await self._client.send(request, stream=True)
        try:
            received = {name.lower(): value for name, value in response.headers.items()}
            yield Answered(response.status_code, _end_to_end(received), _pieces(response))
        finally:
            await response.aclose()

    async def reachable(self) -> bool:
        """Whether anybody answers there, whatever it says."""
        try:
            async with self.call("GET", "/models", {}):
                return True
        except UpstreamError:
            return False


def _client(calls: ModelCalls | None, silence: float) -> httpx2.AsyncClient:
    transport = httpx2.AsyncHTTPTransport(
        uds=calls.socket if calls else None,
        retries=_CONNECTS,
        verify=_trusted(calls),
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=256, keepalive_expiry=_IDLE),
    )
    timeout = httpx2.Timeout(silence, connect=_CONNECT, pool=None)
    return httpx2.AsyncClient(transport=transport, timeout=timeout, trust_env=False, follow_redirects=False)


def _trusted(calls: ModelCalls | None) -> ssl.SSLContext:
    """The certificates that this machine trusts; nobody's where nothing is called over TLS: to load them takes 30 ms and megabytes."""
    if calls is not None and calls.url.startswith("https:"):
        return ssl.create_default_context()
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _end_to_end(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Without what is about one connection only, `connection` says what else is (RFC 9110, section 7.6.1)."""
    dropped = _HOP_BY_HOP.union(name.strip().lower() for name in headers.get("connection", "").split(","))
    return {name: value for name, value in headers.items() if name not in dropped}


async def _pieces(response: httpx2.Response) -> AsyncIterator[bytes]:
    with _translated():
        async for piece in response.aiter_raw():
            yield piece


@contextmanager
def _translated() -> Iterator[None]:
    """The one table of httpx2's errors."""
    try:
        yield
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
        raise UpstreamError("The upstream cannot be reached.", status=503, code=UPSTREAM_ERROR) from error
    except httpx2.TimeoutException as error:
        raise UpstreamError("The upstream did not answer in time.", status=504, code=UPSTREAM_ERROR) from error
    except httpx2.HTTPError as error:
        raise UpstreamError("The upstream broke off.", status=502, code=UPSTREAM_ERROR) from error
