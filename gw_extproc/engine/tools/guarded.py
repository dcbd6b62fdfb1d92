"""HTTP to servers that callers name: only to public addresses, in bounded answers, with the caller's headers for that server alone.

A name is resolved once for each client, every address it has must be allowed, and the connection goes to the address that was checked:
a name that resolves to another one a moment later changes nothing. Redirects are requests like any other and are checked in the same
way. TLS still verifies the name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import httpx2

from gw_extproc.trust import trusted

MOST_BYTES = 4 * 1024 * 1024
"""Bytes of one answer: a list of tools of this size would not fit into any model's context."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_LOCAL_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")
_SIX_TO_FOUR = ipaddress.ip_network("2002::/16")
_TEREDO = ipaddress.ip_network("2001::/32")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Forbidden(httpx2.TransportError):
    """The server's address is not one that callers may name."""


class TooLarge(httpx2.TransportError):
    """The answer is larger than anything useful."""


def is_public(address: Address) -> bool:
    """Whether it is an address of the public internet, whatever it is disguised as."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = _inside(address)
        if inner is not None:
            return is_public(inner)
        if address in _TEREDO or address in _LOCAL_NAT64:
            return False
    return address.is_global and not address.is_multicast


def _inside(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64 or int(address) >> 32 == 0:  # the latter: IPv4-compatible, long deprecated
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _SIX_TO_FOUR:
        return address.sixtofour
    return None


@dataclass(frozen=True)
class Trust:
    """What callers' servers may be."""

    private: bool
    """Whether any address will do."""


Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolved(host: str, port: int) -> Sequence[str]:
    """All addresses of a name; raises ConnectError."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise httpx2.ConnectError("the name is not known") from None
    return [str(entry[4][0]) for entry in found]


class GuardedTransport(httpx2.AsyncBaseTransport):
    """For one server; `headers` go to its origin and to nobody else."""

    def __init__(self, origin: httpx2.URL, headers: Mapping[str, str], trust: Trust, resolve: Resolve = resolved) -> None:
        self._resolve = resolve
        self._origin = _origin(origin)
        self._headers = headers
        self._trust = trust
        self._addresses: dict[tuple[str, int], str] = {}
        self._inner = httpx2.AsyncHTTPTransport(verify=trusted(), trust_env=False)
        self.fault: httpx2.TransportError | None = None
        """What went wrong last with the connection: who stands between tells it in other words, or not at all."""
        self.refused: int | None = None
        """The status of the last answer, where it was an error."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            response = await self._answer(request)
        except httpx2.TransportError as error:
            self.fault = error
            raise
        if request.method == "POST":  # others carry no question: a server may well refuse them
            self.refused = response.status_code if response.status_code >= 400 else None
        return response

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        address = await self._address(url.host, url.port or (443 if url.scheme == "https" else 80))
        headers = httpx2.Headers(request.headers)
        if _origin(url) == self._origin:
            headers.update(self._headers)
        headers["accept-encoding"] = "identity"
        pinned = httpx2.Request(
            request.method,
            url.copy_with(host=address),
            headers=headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": url.host},
        )
        response = await self._inner.handle_async_request(pinned)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise TooLarge("an answer that was compressed unasked may be of any size")
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        body = _Bounded(response.stream, self._note)
        return httpx2.Response(response.status_code, headers=response.headers, stream=body, extensions=response.extensions)

    def _note(self, error: httpx2.TransportError) -> None:
        self.fault = error

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _address(self, host: str, port: int) -> str:
        """The address to connect to; raises Forbidden, ConnectError."""
        known = self._addresses.get((host, port))
        if known is None:
            known = self._addresses[host, port] = self._allowed(await self._resolve(host, port))
        return known

    def _allowed(self, addresses: Sequence[str]) -> str:
        if not self._trust.private and not all(is_public(ipaddress.ip_address(each.partition("%")[0])) for each in addresses):
            raise Forbidden("the address is not public")
        return addresses[0]


class _Bounded(httpx2.AsyncByteStream):
    """A body of at most so many bytes."""

    def __init__(self, inner: httpx2.AsyncByteStream, note: Callable[[httpx2.TransportError], None]) -> None:
        self._inner = inner
        self._note = note

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        try:
            async for piece in self._inner:
                size += len(piece)
                if size > MOST_BYTES:
                    raise TooLarge(f"more than {MOST_BYTES} bytes")
                yield piece
        except httpx2.TransportError as error:
            self._note(error)
            raise

    async def aclose(self) -> None:
        await self._inner.aclose()


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
