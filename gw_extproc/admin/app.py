"""The routes of the admin application."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from gw_extproc.admin import exposition
from gw_extproc.admin.peers import Place, ask
from gw_extproc.store.errors import StoreDown
from gw_extproc.store.store import Store
from gw_extproc.telemetry import families
from gw_extproc.telemetry.metrics import Metrics

OWN = "/worker/metrics"
"""What one worker counts: asked for by the worker that answers for all."""


def build(metrics: Metrics, store: Store, place: Place, more: Sequence[BaseRoute] = ()) -> ASGIApp:
    """For one worker, among the others of its gateway, with `more` routes."""

    async def all_metrics(request: Request) -> Response:
        snapshots = {place.number: exposition.snapshot(metrics.series()), **await ask(place, OWN)}
        own = {**await _queue(store), families.WORKERS.name: place.workers, families.UP.name: len(snapshots)}
        # Beside the loop: with many models and workers that is a tenth of a second, in which no token would be sent.
        body, content_type = await asyncio.to_thread(exposition.exposed, snapshots, own, request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    async def own_metrics(_: Request) -> Response:
        return Response(exposition.snapshot(metrics.series()), media_type="application/json")

    return Starlette(routes=[Route("/metrics", all_metrics), Route(OWN, own_metrics), Route("/healthz", _alive), *more])


async def _alive(_: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _queue(store: Store) -> Mapping[str, float]:
    """Nothing while the store is away."""
    with suppress(StoreDown):
        return {families.QUEUE.name: await store.queue.depth()}
    return {}
