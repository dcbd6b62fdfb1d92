"""How an exchange with a server fails."""

from __future__ import annotations


class HttpError(Exception):
    """The server could not be asked, or did not answer."""


class Unreachable(HttpError):
    """Nobody took the connection, or whoever did could not prove who they are. The server has not seen the request."""


class Silent(HttpError):
    """The server sent nothing, or took nothing, for too long."""


class Broken(HttpError):
    """The connection ended before the answer did, or what came over it is no HTTP."""
