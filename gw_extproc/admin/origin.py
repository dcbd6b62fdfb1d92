"""Who may use the inspector: not the other pages that a browser has open.

A page on loopback is within reach of every web page that its user visits. Such a page cannot read an answer of another origin (there is
no CORS here), but it can send requests blindly, and with a name of its own that it lets resolve to this address (DNS rebinding) it
would be the same origin. So the name by which it is asked must be an address, `localhost` or the one it was told to listen at, and what
comes from another origin is refused.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import Request

from gw_extproc.core.errors import CallerError, quote


class Forbidden(CallerError):
    """Another page, or another name than the inspector's."""

    status = 403


def check(request: Request, admin_host: str) -> None:
    """Raises Forbidden. A program that is no browser says nothing of its origin; other workers come over a private socket."""
    server = request.scope.get("server")
    if server is not None and server[1] is None:
        return
    host = request.headers.get("host", "")
    if not _is_ours(host, admin_host):
        message = f"The inspector does not answer to the name {quote(host)}: use the address, localhost or the name of --admin-host."
        raise Forbidden(message, code="host_not_allowed")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        raise Forbidden(f"Requests from the origin {quote(origin)} are not allowed.", code="origin_not_allowed")
    site, mode = request.headers.get("sec-fetch-site", "none"), request.headers.get("sec-fetch-mode")
    if site not in ("none", "same-origin") and not (request.method == "GET" and mode == "navigate"):
        raise Forbidden("Requests from other pages are not allowed.", code="origin_not_allowed")


def _is_ours(host: str, admin_host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name in ("localhost", admin_host.lower()):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
