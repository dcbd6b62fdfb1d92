"""Calls of the upstream that the gateway makes itself: model calls without Envoy's help, lists of models, what is passed on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from gw_extproc.core.errors import BAD_ANSWER, UPSTREAM_ERROR, UpstreamError
from gw_extproc.http1.client import Answer, Client
from gw_extproc.http1.errors import Broken, HttpError, Silent, Unreachable
from gw_extproc.http1.outgoing import Content
from gw_extproc.http1.reaching import Server
from gw_extproc.settings import ModelCalls, Settings
from gw_extproc.trust import trusted

SOON = 0.1
"""Seconds in which a body ends that has said its last word: as long as it takes to open another connection to a server far away."""

_HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"),
        *("transfer-encoding", "upgrade", "host", "expect", "accept-encoding"),
        *("sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions", "sec-websocket-protocol"),
    }
)

_PATH = "/%:@!$&'()*+,;=~"
"""What stands in a base path as it is (RFC 3986, section 3.3)."""

_FAILURES: Mapping[type[HttpError], tuple[str, int]] = {
    Unreachable: ("The upstream cannot be reached.", 503),
    Silent: ("The upstream did not answer in time.", 504),
    Broken: ("The upstream broke off.", 502),
}
"""What is said of each, and under which status."""


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

    async def rest(self) -> None:
        """Takes the end of a body of which nothing more is wanted, if it comes soon: its connection can carry another call then."""
        with suppress(TimeoutError, UpstreamError):
            async with asyncio.timeout(SOON):
                await anext(self.pieces, b"")


class UpstreamClient:
    """One per process; connections are kept and used again."""

    def __init__(self, settings: Settings) -> None:
        key = settings.upstream_api_key
        self.credentials: Mapping[str, str] = {} if key is None else {"authorization": f"Bearer {key.get_secret_value()}"}
        """Replaces the caller's header where the gateway has a key of its own."""
        calls = settings.model_calls
        self._place = None if calls is None else _Place.of(calls)
        self._client = None if self._place is None else Client(self._place.server, settings.model_timeout)

    @property
    def authority(self) -> str:
        """Whom calls are for, as their Host header says it; empty where there is nobody."""
        return "" if self._place is None else self._place.authority

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    @asynccontextmanager
    async def call(
        self, method: str, path: str, headers: Mapping[str, str], content: Content = None, *, at_root: bool = False
    ) -> AsyncIterator[Answered]:
        """Sends a request below the base URL (`/chat/completions`), or below the server's root, with the caller's headers.

        Leaving the block drops what is unread. Raises UpstreamError where the upstream cannot be reached, or breaks off.
        """
        if self._client is None or self._place is None:
            message = "The gateway knows no upstream for this call; it is started with --upstream or --egress."
            raise UpstreamError(message, status=503, code="upstream_not_configured")
        own = {"host": self.authority, "accept-encoding": "identity", **self.credentials}
        sent = own | {name: value for name, value in _end_to_end(headers).items() if name not in own and not name.startswith(":")}
        target = path if at_root else f"{self._place.base}{path}"
        with _translated():
            async with self._client.exchange(method, target, sent, content) as answer:
                yield Answered(answer.head.status, _end_to_end(answer.head.headers), _pieces(answer))

    async def reachable(self) -> bool:
        """Whether anybody answers there, whatever it says."""
        try:
            async with self.call("GET", "/models", {}):
                return True
        except UpstreamError:
            return False


@dataclass(frozen=True)
class _Place:
    """A base URL, taken apart."""

    server: Server
    authority: str
    base: str

    @classmethod
    def of(cls, calls: ModelCalls) -> _Place:
        parts = urlsplit(calls.url)
        assert parts.hostname is not None, "the settings say so"
        host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
        secure = parts.scheme == "https"
        server = Server(host, parts.port or (443 if secure else 80), calls.socket, trusted() if secure else None)
        authority = f"[{host}]" if ":" in host else host
        return cls(server, authority if parts.port is None else f"{authority}:{parts.port}", quote(parts.path, safe=_PATH))


def _end_to_end(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Without what is about one connection only, `connection` says what else is (RFC 9110, section 7.6.1)."""
    dropped = _HOP_BY_HOP.union(name.strip().lower() for name in headers.get("connection", "").split(","))
    return {name: value for name, value in headers.items() if name not in dropped}


async def _pieces(answer: Answer) -> AsyncIterator[bytes]:
    with _translated():
        while piece := await answer.read():
            yield piece


@contextmanager
def _translated() -> Iterator[None]:
    """The client's errors as ours."""
    try:
        yield
    except HttpError as error:
        message, status = _FAILURES[type(error)]
        raise UpstreamError(message, status=status, code=UPSTREAM_ERROR) from error
