"""Tells the operator's endpoint that background responses have ended, as OpenAI tells it (Standard Webhooks 1.0).

A webhook is kept in the store from the end of its response until it is delivered, or given up: any replica delivers it. It may arrive
twice (a worker may die in between), with the same `webhook-id`. What is kept is its body, and before that the `traceparent` of what
ended the response, if that belongs to a trace.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
from collections.abc import Mapping
from contextlib import suppress

import httpx2
import orjson

from gw_extproc.core.ids import Ref, response_id
from gw_extproc.core.notation import SIGNING_KEY
from gw_extproc.session.gateway import Gateway
from gw_extproc.store.errors import StoreDown
from gw_extproc.telemetry.record import current
from gw_extproc.trust import trusted

logger = logging.getLogger("gw_extproc.webhooks")

RETRIES = (5, 30, 2 * 60, 10 * 60, 30 * 60, 2 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, 48 * 3600, 72 * 3600)
"""Seconds after the event at which another attempt is made; after the last one it is given up, as OpenAI does after three days."""

TIMEOUT = 10.0
"""Seconds that the endpoint may take for its answer."""

MOMENT = 1.0
"""Seconds that a process which ends waits for that."""

AT_ONCE = 16
"""Webhooks that one process delivers at the same time."""


def event(gateway: Gateway, ref: Ref, status: str) -> str:
    """The webhook of a response that ended so, as it is kept. Empty where nobody wants to be told."""
    if gateway.settings.webhook_url is None:
        return ""
    fields = {"id": f"evt_{ref.unique}", "object": "event", "created_at": gateway.clock(), "type": f"response.{status}"}
    return current().causes() + orjson.dumps({**fields, "data": {"id": response_id(ref)}}).decode()


def signed(secret: str, body: str, now: int) -> Mapping[str, str]:
    """The headers of a webhook that is sent now."""
    id = orjson.loads(body)["id"]
    key = base64.b64decode(secret.removeprefix(SIGNING_KEY)) if secret.startswith(SIGNING_KEY) else secret.encode()
    digest = hmac.new(key, f"{id}.{now}.{body}".encode(), hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"content-type": "application/json", "webhook-id": id, "webhook-timestamp": str(now), "webhook-signature": signature}


def read(kept: str) -> tuple[str, Mapping[str, str]]:
    """Its body, and the headers that it has from the beginning."""
    parent, brace, rest = kept.partition("{")
    return brace + rest, {"traceparent": parent} if parent else {}


def due_again(body: str, now: int) -> float | None:
    """Seconds until the next attempt at a webhook that could not be delivered; None where it is given up."""
    age = now - int(orjson.loads(body)["created_at"])
    return next((after - age for after in RETRIES if after > age), None)


class Webhooks:
    """Delivers what is due."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._client: httpx2.AsyncClient | None = None
        self._delivering: set[asyncio.Task[None]] = set()

    async def deliver(self) -> None:
        """Begins to deliver what is due. Raises StoreDown."""
        free = AT_ONCE - len(self._delivering)
        if self._gateway.settings.webhook_url is None or not free:
            return
        for kept in await self._gateway.store.queue.webhooks(free, 2 * TIMEOUT):
            task = asyncio.create_task(self._tell(kept))
            self._delivering.add(task)
            task.add_done_callback(self._delivering.discard)

    async def close(self) -> None:
        """What is being delivered has a moment for it; who starts next delivers the rest."""
        if self._delivering:
            _, late = await asyncio.wait(self._delivering, timeout=MOMENT)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    async def _tell(self, kept: str) -> None:
        """A store that is away does not hear of it: then the webhook is due again in a moment."""
        again, (body, headers) = None, read(kept)
        if failure := await self._failure(body, headers):
            again = due_again(body, self._gateway.clock())
            logger.warning("webhook %s was not delivered: %s; %s", orjson.loads(body)["id"], failure, "again" if again else "given up")
        with suppress(StoreDown):
            await self._gateway.store.queue.postpone(kept, again)

    async def _failure(self, body: str, headers: Mapping[str, str]) -> str:
        """Why it was not delivered; empty if it was."""
        url, secret = self._gateway.settings.webhook_url, self._gateway.settings.webhook_secret
        assert url is not None, "nothing is due where nobody is told"
        assert secret is not None, "the settings say so"
        signature = signed(secret.get_secret_value(), body, self._gateway.clock())
        try:
            answer = await self._opened().post(url, content=body, headers={**headers, **signature})
        except httpx2.HTTPError as error:
            return type(error).__name__
        return "" if answer.is_success else f"it answered {answer.status_code}"

    def _opened(self) -> httpx2.AsyncClient:
        """Made for the first webhook: most gateways tell nobody."""
        self._client = self._client or httpx2.AsyncClient(verify=trusted(), timeout=TIMEOUT, trust_env=False, follow_redirects=False)
        return self._client
