"""The inspector's page and what it asks for: the latest exchanges of all workers, one of them, what changes, and a playground."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gw_extproc.admin import origin
from gw_extproc.admin.peers import Place, ask
from gw_extproc.core.errors import CallerError, GatewayError, NotFound, UnsupportedMediaType, quote
from gw_extproc.core.paths import RESPONSES
from gw_extproc.core.rules import RULES
from gw_extproc.session.gateway import Gateway
from gw_extproc.settings import Settings
from gw_extproc.telemetry.inspector import Inspector, Query
from gw_extproc.telemetry.record import Door
from gw_extproc.telemetry.rows import STATES, Json

logger = logging.getLogger("gw_extproc.inspector")

ROOT = "/inspector"
API = f"{ROOT}/api"

TICK = 0.4
"""Seconds between two looks at what has changed, while a page is open."""

_PAGE = Path(__file__).parent / "page"
_TYPES: Mapping[str, str] = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_SAFE = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_FORWARDED = ("content-type", "content-length", "authorization", "accept", "x-gateway-explain")
"""Headers of the playground that are the request's own."""

_NUMBER = re.compile(r"\d{1,6}(\.\d{1,6})?")

Handler = Callable[[Request], Awaitable[Response]]


def routes(inspector: Inspector, place: Place, app: ASGIApp, gateway: Gateway) -> Sequence[Route]:
    """For one worker, among the others of its gateway; `app` is where the playground's requests go."""
    settings = gateway.settings
    page = Pages(inspector, place, gateway)
    guarded = {
        f"{API}/exchanges": page.exchanges,
        f"{API}/exchanges/{{id}}": page.exchange,
        f"{API}/stream": page.stream,
        f"{API}/about": page.about,
        ROOT: page.file,
        f"{ROOT}/{{name}}": page.file,
    }
    found = [Route(path, _guarded(handler, settings), methods=["GET"]) for path, handler in guarded.items()]
    return [Route(f"{API}/playground", Playground(app, gateway)), *found]


def _guarded(handler: Handler, settings: Settings) -> Handler:
    async def answer(request: Request) -> Response:
        try:
            origin.check(request, settings.admin_host)
            response = await handler(request)
        except GatewayError as error:
            return _refusal(error)
        response.headers.update(_SAFE)
        return response

    return answer


def _refusal(error: GatewayError) -> Response:
    return Response(error.body(), error.status, _SAFE, media_type="application/json")


class Pages:
    """What is read."""

    def __init__(self, inspector: Inspector, place: Place, gateway: Gateway) -> None:
        self._inspector = inspector
        self._place = place
        self._settings = gateway.settings
        self._stopping = gateway.stopping

    async def file(self, request: Request) -> Response:
        """A file of the page."""
        name = request.path_params.get("name", "index.html")
        path = _PAGE / name
        if path.parent != _PAGE or path.suffix not in _TYPES or not path.is_file():
            raise NotFound(f"There is no {quote(name)}.")
        return Response(path.read_bytes(), media_type=_TYPES[path.suffix])

    async def about(self, _: Request) -> Response:
        """What the page has to know of this gateway."""
        settings = self._settings
        return _json(
            {
                "content": self._inspector.content,
                "dialect": settings.upstream_dialect.name,
                "rules": RULES,
                "states": STATES,
                "workers": 1 + len(self._place.others),
                "port": settings.port,
                "has_key": settings.upstream_api_key is not None,
            }
        )

    async def exchanges(self, request: Request) -> Response:
        """The newest exchanges that the query wants."""
        query = _query(request.query_params)
        found = list(self._inspector.rows(query))
        if _of_all(request):
            for answer in (await ask(self._place, _own(request))).values():
                found += orjson.loads(answer)["exchanges"]
        found.sort(key=lambda row: row["at"], reverse=True)
        return _json({"exchanges": found[: query.limit]})

    async def exchange(self, request: Request) -> Response:
        """All about one."""
        id = request.path_params["id"]
        found = self._inspector.detail(id)
        if found is None and _of_all(request):
            found = next(iter((await ask(self._place, _own(request))).values()), None)
        if found is None:
            raise NotFound(f"Exchange {quote(id)} is not kept, or not any more.")
        return Response(found, media_type="application/json")

    async def stream(self, request: Request) -> Response:
        """Server-sent events: each has what runs and what has ended since the last one. With `own`, one look as JSON."""
        query = _query(request.query_params)
        if not _of_all(request):
            return _json(self._own_changes(query, request.query_params.get("since", "")))
        return StreamingResponse(self._changes(request, query), media_type="text/event-stream")

    async def _changes(self, request: Request, query: Query) -> AsyncIterator[bytes]:
        number, known = self._inspector.number, dict[int, int]()
        yield b"retry: 1000\n\n"
        while not self._stopping.is_set():
            number, rows = self._inspector.changes(query, number)
            if found := [*rows, *await self._others(request, known)]:
                yield b"data: " + orjson.dumps({"exchanges": found}) + b"\n\n"
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), TICK)

    def _own_changes(self, query: Query, since: str) -> Json:
        """Since the number that this worker told last, as the asking worker has it among those of others (`1:17,2:5`)."""
        told = dict(pair.split(":", 1) for pair in since.split(",") if ":" in pair).get(str(self._place.number), "")
        number, rows = self._inspector.changes(query, int(told) if told.isdecimal() else self._inspector.number)
        return {"number": number, "exchanges": rows}

    async def _others(self, request: Request, known: dict[int, int]) -> Sequence[Json]:
        """What the other workers have to tell since they were asked last."""
        if not self._place.others:
            return ()
        since = ",".join(f"{worker}:{number}" for worker, number in known.items())
        found: list[Json] = []
        for worker, answer in (await ask(self._place, f"{_own(request)}&since={since}")).items():
            told = orjson.loads(answer)
            found += told["exchanges"]
            known[worker] = told["number"]
        return found


class Playground:
    """Hands a request to the gateway's own application, as if it had come from a client."""

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self._app = app
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        try:
            origin.check(request, self._gateway.settings.admin_host)
            if request.method != "POST":
                raise _WrongMethod("The playground takes POST.", code="method_not_allowed")
            if request.headers.get("content-type", "").partition(";")[0] != "application/json":  # a form of another page could send it
                raise UnsupportedMediaType("The playground takes application/json.", code="unsupported_media_type")
        except GatewayError as error:
            await _refusal(error)(scope, receive, send)
            return
        exchange = self._gateway.telemetry.begin(Door.HTTP, request.method, RESPONSES, request.headers)
        headers = [(name, value) for name, value in scope["headers"] if name.decode("latin-1") in (*_FORWARDED, "host")]
        inner = {**scope, "path": RESPONSES, "raw_path": RESPONSES.encode(), "query_string": b"", "headers": headers, "path_params": {}}
        with exchange:
            try:
                await self._app({**inner, "root_path": "", "app_root_path": "", "state": {}}, receive, send)
            except asyncio.CancelledError:
                logger.warning("an answer of the playground was cut off: the process stops")


class _WrongMethod(CallerError):
    status = 405


def _json(value: object) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")


def _query(given: Mapping[str, str]) -> Query:
    """Raises CallerError for what cannot be read."""
    state = given.get("state", "")
    if state and state not in STATES:
        raise CallerError(
            f"Invalid value: {quote(state)}. Supported values are: {', '.join(STATES)}.", code="invalid_value", param="state"
        )
    return Query(
        everything=_flag(given, "all"),
        model=given.get("model", ""),
        state=state,
        tenant=given.get("tenant", ""),
        errors=_flag(given, "errors"),
        slower=_number(given, "slow", 0.0),
        id=given.get("id", ""),
        thread=given.get("thread", ""),
        limit=max(1, min(500, int(_number(given, "limit", 200)))),
    )


def _flag(given: Mapping[str, str], name: str) -> bool:
    value = given.get(name, "0")
    if value not in ("0", "1"):
        raise CallerError(f"Invalid value: {quote(value)}. Supported values are: 0 and 1.", code="invalid_value", param=name)
    return value == "1"


def _number(given: Mapping[str, str], name: str, otherwise: float) -> float:
    value = given.get(name, "")
    if value and not _NUMBER.fullmatch(value):
        raise CallerError(f"Invalid value: {quote(value)}. Expected a number.", code="invalid_value", param=name)
    return float(value) if value else otherwise


def _of_all(request: Request) -> bool:
    """Whether all workers are meant, not just the one that is asked."""
    return "own" not in request.query_params


def _own(request: Request) -> str:
    """The same question, to one worker."""
    return f"{request.url.path}?{urlencode([*request.query_params.multi_items(), ('own', '1')])}"
