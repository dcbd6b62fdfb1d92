"""The port of the admin application: bound once, by whoever starts the workers, who inherit it."""

from __future__ import annotations

import errno
import socket
from ipaddress import ip_address

from gw_extproc.local.addresses import is_ip
from gw_extproc.local.errors import LocalError
from gw_extproc.settings import Settings


def bound(settings: Settings, *, elsewhere: bool) -> socket.socket | None:
    """Listens there; None where it is switched off. A port that nobody chose and that is taken gives way to a free one, where
    `elsewhere` allows that. Raises LocalError."""
    if settings.admin_port == 0:
        return None
    try:
        return _listening(settings.admin_host, settings.admin_port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and elsewhere and "admin_port" not in settings.model_fields_set:
            return _listening(settings.admin_host, 0)
        where = f"{settings.admin_host}:{settings.admin_port}"
        raise LocalError(
            f"--admin-port (GW_ADMIN_PORT): cannot listen on {where}: {error.strerror}; choose another, or 0 for no metrics"
        ) from None


def at(listening: socket.socket | None) -> int:
    """Its number, 0 where there is none."""
    return 0 if listening is None else int(listening.getsockname()[1])


def inspector(settings: Settings) -> str:
    """What `auto` means where a developer starts the gateway: on, unless others could look."""
    if settings.admin_port == 0:
        return "off"
    if settings.inspector != "auto":
        return settings.inspector
    host = settings.admin_host
    return "on" if host == "localhost" or (is_ip(host) and ip_address(host).is_loopback) else "off"


def _listening(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(where)
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening
