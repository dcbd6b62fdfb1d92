"""Words of the engine tests: replicas over one store, the responses that they make, and what is seen of these from outside."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from gw_extproc.core import ids
from gw_extproc.core.errors import GatewayError
from gw_extproc.core.events import DONE
from gw_extproc.core.ids import Ref
from gw_extproc.engine import background
from gw_extproc.engine.answering import answer
from gw_extproc.engine.following import COMMENT, follow, told_again
from gw_extproc.engine.workers import Workers
from gw_extproc.session.answers import Body, Head, error_of
from gw_extproc.session.begin import begin
from gw_extproc.session.gateway import Caller, Gateway, gateway
from gw_extproc.settings import Settings
from gw_extproc.store.errors import NotStored
from gw_extproc.store.store import Store
from gw_extproc.upstream import UpstreamClient
from tests.events import Json, events
from tests.store.stores import eventually, opened

LEASE = 0.4
"""Seconds; short, because tests wait for it to be over."""


@dataclass(frozen=True)
class Told:
    """A background response as its caller knows it."""

    replica: Replica
    id: str

    @property
    def ref(self) -> Ref:
        found = ids.parse_response(self.id)
        assert found is not None
        return found

    def at(self, replica: Replica) -> Told:
        """The same, asked for elsewhere."""
        return Told(replica, self.id)

    async def read(self) -> Json:
        """As a poll gives it. Raises NotStored."""
        gateway, caller = self.replica.gateway, self.replica.caller
        try:
            found = await gateway.store.responses.load(caller.tenant, self.ref)
        except NotStored:
            return background.shown(await background.look(gateway, caller, self.ref))
        return {**orjson.loads(found.object), "output": [orjson.loads(item) for item in found.outputs]}

    async def becomes(self, status: str) -> Json:
        """The response, when it has that status."""

        async def has() -> bool:
            return (await self._status()) == status

        await eventually(has, f"{self.id} {status}")
        return await self.read()

    async def _status(self) -> str:
        try:
            return str((await self.read())["status"])
        except NotStored:
            return "between two answers"

    async def followed(self, after: int = 0) -> bytes:
        """Its events from that number on, to their end."""
        parts = follow(self.replica.gateway, self.replica.caller.tenant, self.ref, after)
        return b"".join([part.data async for part in parts if part.data != COMMENT])

    async def said(self, text: str) -> None:
        """Returns when the response has come so far."""

        async def has() -> bool:
            return text_of(await self.read()).startswith(text)

        await eventually(has, f"{self.id} says {text!r}")

    async def replayed(self) -> bytes:
        """Its events as the record tells them."""
        stored = await self.replica.gateway.store.responses.load(self.replica.caller.tenant, self.ref)
        return b"".join(told_again(stored, self.replica.gateway.profile, {}))

    async def cancel(self) -> None:
        await background.cancel(self.replica.gateway, self.replica.caller, self.ref)

    async def delete(self) -> bool:
        return await self.replica.gateway.store.responses.delete(self.replica.caller.tenant, self.ref)


@dataclass
class Replica:
    """One process's parts, in the test's own loop. It works only when it is told to."""

    gateway: Gateway
    workers: Workers
    headers: Mapping[str, str] = field(default_factory=lambda: {"authorization": f"Bearer {secrets.token_hex(8)}"})

    @property
    def caller(self) -> Caller:
        return self.gateway.caller(self.headers)

    async def ask(self, model: str, **fields: Any) -> Told:
        """A background response, as it is told to be queued."""
        ((head, body),) = await self._parts(model, **fields)
        assert head.status == 200, body
        queued = orjson.loads(body)
        assert (queued["status"], queued["background"], queued["output"]) == ("queued", True, [])
        return Told(self, queued["id"])

    async def refused(self, model: str = "m", **fields: Any) -> GatewayError:
        ((head, body),) = await self._parts(model, **fields)
        return error_of(head, body)

    async def _parts(self, model: str, **fields: Any) -> Sequence[tuple[Head, bytes]]:
        asked = {"model": model, "input": "Go on.", "background": True, **fields}
        session = await begin(orjson.dumps(asked), self.caller, self.gateway)
        parts = [part async for part in answer(session, self.gateway, self.headers)]
        heads = [part for part in parts if isinstance(part, Head)]
        bodies = [part for part in parts if isinstance(part, Body)]
        return [(head, body.data) for head, body in zip(heads, bodies, strict=True)]

    async def drain(self, within: float = 0.0) -> None:
        self.gateway.stopping.set()
        await self.workers.drain(within)

    async def die(self) -> None:
        """As a process dies that can say nothing any more: what it worked on is nobody's until its lease is over."""
        for work, task in self.workers._running.values():
            work.let_go()
            task.cancel()
        for loop in self.workers._loops:
            loop.cancel()


@asynccontextmanager
async def replica(url: str, model: str, *, headers: Mapping[str, str] | None = None, **options: object) -> AsyncIterator[Replica]:
    """Over that store, in front of that model server. It leaves nothing running."""
    settings = Settings.read({"upstream": f"{model}/v1", "background_lease": LEASE, **options})
    client = UpstreamClient(settings)
    async with opened(url) as store:
        made = gateway(settings, store, client)
        found = Replica(made, Workers(made))
        if headers is not None:
            found.headers = headers
        try:
            yield found
        finally:
            await found.drain()
            await made.aftermath.settled(5)
            await client.close()


def text_of(response: Json) -> str:
    """What its messages say."""
    return "".join(part["text"] for item in response["output"] if item["type"] == "message" for part in item["content"])


def assert_told_once(wire: bytes, status: str) -> None:
    """All events, without gaps and repeats, and one end."""
    assert wire.endswith(DONE)
    told = events(wire)
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    ends = [event["type"] for event in told if event["type"].rpartition(".")[2] in ("completed", "failed", "incomplete", "cancelled")]
    assert [end for end in ends if end.count(".") == 1] == [f"response.{status}"]
    assert told[-1]["type"] == f"response.{status}"


async def waiting(store: Store) -> int:
    """Entries of the queue, taken or not."""
    return len(await store.queue.take(100, 0))
