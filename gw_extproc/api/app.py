"""The application: routes from the table of operations, and an error object for everything that goes wrong."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from functools import partial

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gw_extproc.api import errors, websocket
from gw_extproc.api.call import Call
from gw_extproc.api.operations import OPERATIONS, Operation
from gw_extproc.api.proxy import BASE, proxy
from gw_extproc.core.errors import GatewayError, InternalError
from gw_extproc.core.paths import RESPONSES, is_own
from gw_extproc.session.gateway import Gateway
from gw_extproc.telemetry.record import current

logger = logging.getLogger("gw_extproc.api")


def build(gateway: Gateway, *, longest_socket: float = websocket.LONGEST_LIFE) -> ASGIApp:
    """All operations, the WebSocket transport (a connection lives so many seconds), and below /v1 the upstream for what is not ours."""
    paths: dict[str, dict[str, Operation]] = defaultdict(dict)
    for operation in OPERATIONS:
        paths[operation.path][operation.method] = operation
    routes: list[BaseRoute] = [Route(path, Path(methods)) for path, methods in paths.items()]
    socket = WebSocketRoute(RESPONSES, partial(websocket.responses, longest_life=longest_socket))
    app = Starlette(routes=[*routes, socket], middleware=[Middleware(Guard)])
    app.router.redirect_slashes = False
    app.router.default = elsewhere
    app.state.gateway = gateway
    return app


class Path:
    """The operations of one path, by their methods."""

    def __init__(self, methods: Mapping[str, Operation]) -> None:
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        operation = self._methods.get("GET" if method == "HEAD" else method)
        if operation is None:
            raise errors.WrongMethod(method, scope["path"], ", ".join(self._methods))
        current().route = operation.path
        response = await operation.handler(Call(scope, receive, operation.query, operation.body))
        await response(scope, receive, send)


async def elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
    """Every path that is in no route."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close"})
        return
    if is_own(scope["path"]) or not scope["path"].startswith(f"{BASE}/"):
        raise errors.unknown_url(scope["method"], scope["path"])
    response = await proxy(Request(scope, receive))
    await response(scope, receive, send)


class Guard:
    """Turns what was raised into an error object, as long as nothing else was said."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        silent, exchange = scope["type"] == "http", current()

        async def watched(message: Message) -> None:
            nonlocal silent
            if silent:
                silent, exchange.http_status = False, message.get("status")
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except ClientDisconnect:
            pass  # nobody is left to be told
        except GatewayError as error:
            if not silent:
                raise
            exchange.fail(error)
            await errors.answer(error)(scope, receive, watched)
        except Exception:  # the broad catch of this shell
            if not silent:
                raise
            logger.exception("a request failed")
            exchange.fail(fault := InternalError())
            await errors.answer(fault)(scope, receive, watched)
