"""One call of an operation: a request whose parameters are known to be right."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope

from gw_extproc.api.shared import gateway_of, headers_of
from gw_extproc.bodies import RequestBody
from gw_extproc.schema.queries import Query, validate_query
from gw_extproc.schema.validation import validate
from gw_extproc.session.begin import parsed
from gw_extproc.session.gateway import Caller, Gateway
from gw_extproc.session.session import BEGUN, Session

Q = TypeVar("Q", bound=Query)


class Call(Request):
    """Raises CallerError where a query parameter is wrong; `body_model` is what the body must be, if there is one."""

    def __init__(self, scope: Scope, receive: Receive, query: type[Query], body_model: type[BaseModel] | None) -> None:
        super().__init__(scope, receive)
        self._parameters = validate_query(query, self.query_params.multi_items())
        self._body_model = body_model

    @property
    def gateway(self) -> Gateway:
        return gateway_of(self)

    @property
    def caller(self) -> Caller:
        """Raises CallerError where the request does not say whose it is."""
        return self.gateway.caller(headers_of(self))

    def path(self, name: str) -> str:
        """A parameter of the path."""
        return str(self.path_params[name])

    def query(self, model: type[Q]) -> Q:
        """The query parameters, which are of that model by the table of operations."""
        assert isinstance(self._parameters, model)
        return self._parameters

    @property
    def begun(self) -> Session | None:
        """The session of its body, where whoever carries the request had to read that."""
        session: Session | None = self.scope.get("state", {}).get(BEGUN)
        return session

    async def read_body(self) -> bytes:
        """The body as it is, decompressed; raises CallerError where it is no JSON by its headers, or too large."""
        body = RequestBody(self.headers, self.gateway.settings.max_body)
        async for piece in self.stream():
            body.feed(piece)
        return body.take()

    async def payload(self) -> dict[str, Any]:
        """The validated body; nothing at all is an empty object. Raises CallerError for the first field that is wrong."""
        assert self._body_model is not None, "the table of operations says so"
        return validate(parsed(await self.read_body() or b"{}"), self._body_model)


Handler = Callable[[Call], Awaitable[Response]]
"""Serves one operation; what it raises becomes an error object."""


def json(value: Mapping[str, Any]) -> Response:
    """An answer with that object."""
    return Response(orjson.dumps(value), media_type="application/json")
