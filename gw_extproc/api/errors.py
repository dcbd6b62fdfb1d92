"""Errors as HTTP answers, and those that only this shell has."""

from __future__ import annotations

from starlette.responses import Response

from gw_extproc.core.errors import CallerError, GatewayError, NotFound, quote, shorten


class WrongMethod(CallerError):
    """The path is known, the method is not."""

    status = 405

    def __init__(self, method: str, path: str, allowed: str) -> None:
        super().__init__(f"Invalid method for URL ({method} {shorten(path)}).", code="method_not_allowed")
        self.headers = {"allow": allowed}


def unknown_url(method: str, path: str) -> NotFound:
    return NotFound(f"Unknown request URL: {method} {shorten(path)}. Please check the URL for typos.", code="unknown_url")


def not_found(what: str, id: str) -> NotFound:
    """The same words for an id that never was, one that is gone, one of somebody else's, and one that is none."""
    return NotFound(f"{what} with id {quote(id)} not found.")


def answer(error: GatewayError) -> Response:
    return Response(error.body(), error.status, {**error.headers}, media_type="application/json")
