"""A background response as its caller meets it: begun, followed, looked at, cancelled, on any replica.

Theory. Its request is kept with its first events and put into the queue, and that is what the caller is told; who makes it is the
business of others (see workers). Until it has ended, what there is of it are its events. Its end is decided by one write in the store:
that of the worker which saves it, or that of whoever stops it first; the other finds that it has lost.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import orjson

from gw_extproc.core.errors import GatewayError, unsupported
from gw_extproc.core.events import payloads
from gw_extproc.core.ids import Ref
from gw_extproc.core.lifecycle import Status
from gw_extproc.core.partial import Partial
from gw_extproc.engine import webhooks
from gw_extproc.engine.following import follow
from gw_extproc.engine.job import Job
from gw_extproc.engine.settling import settle
from gw_extproc.session.answers import EVENT_STREAM, JSON, Body, Head, Part, notice, whole_error
from gw_extproc.session.gateway import Caller, Gateway
from gw_extproc.session.session import Session
from gw_extproc.store.errors import NotStored, QueueFull, StoreDown
from gw_extproc.store.runs import Batch, Run, RunState

Item = dict[str, Any]

_ANNOUNCED = 2
"""Events that are there at once: created, queued."""


async def answer(session: Session, gateway: Gateway, headers: Mapping[str, str], query: str) -> AsyncGenerator[Part]:
    """Queues the response and gives it as it is then, or its events while they arise."""
    try:
        queued = await _begin(session, gateway, headers, query)
    except GatewayError as error:
        session.refuse(error)
        for part in whole_error(error):
            yield part
        return
    if not session.plan.stream:
        yield Head(200, {**JSON, **notice(session)})
        yield Body(queued, end=True)
        return
    yield Head(200, {**EVENT_STREAM, **notice(session)})
    async for part in follow(gateway, session.caller.tenant, session.context.ref, 0):
        yield part


async def look(gateway: Gateway, caller: Caller, ref: Ref) -> Run:
    """A response that is not stored yet. Raises NotStored where there is none, and where it has just become stored."""
    run = await gateway.store.runs.look(caller.tenant, ref)
    if run.state is RunState.ENDED:
        raise NotStored
    return run


def shown(run: Run) -> Item:
    """The response as it stands."""
    partial = Partial()
    for batch in run.batches:
        partial.read(batch.events)
    return partial.shown(Status.QUEUED if run.state is RunState.QUEUED else Status.IN_PROGRESS)


async def inputs(run: Run, ref: Ref, caller: Caller, gateway: Gateway) -> list[bytes]:
    """What a response that is not stored yet is made from: what came before it, as far as it is still there, and its own input."""
    store, tenant = gateway.store, caller.tenant
    job = await Job.opened(run.job, tenant, gateway)
    before: Sequence[bytes] = ()
    with suppress(NotStored):
        if job.in_conversation:
            _, before = await store.conversations.context(tenant, ref.thread)
        elif job.parent:
            before = await store.responses.chain(tenant, Ref(ref.thread, job.parent))
    return [*before, *(item.encode() for item in job.inputs)]


async def cancel(gateway: Gateway, caller: Caller, ref: Ref) -> None:
    """Ends it as cancelled, unless it has ended. Raises NotStored where it is no background response that was there just now."""
    store, tenant = gateway.store, caller.tenant
    stopped = await store.runs.stop(tenant, ref)
    if stopped.state is RunState.ENDED:
        return
    await store.queue.cancelled(ref)
    entry = await settle(gateway, tenant, ref, stopped, Status.CANCELLED)
    await store.queue.done(entry, webhooks.event(gateway, ref, Status.CANCELLED.text))


async def _begin(session: Session, gateway: Gateway, headers: Mapping[str, str], query: str) -> bytes:
    """The response as it is told to be queued. Raises what says why it cannot be."""
    if gateway.settings.model_calls is None:
        raise unsupported(
            "background", "this gateway makes no model calls of its own (--upstream, --egress)", code="unsupported_parameter"
        )
    if not session.store:
        raise StoreDown("it is away")
    store, caller, ref = gateway.store, session.caller, session.context.ref
    opening = session.assembler.opening()[:_ANNOUNCED]
    queued = _response(opening[-1])
    job = Job.of(session, headers, query, queued["created_at"])
    await store.runs.begin(caller.tenant, ref, await job.sealed(caller), Batch(_ANNOUNCED, b"".join(opening), b"[]"))
    try:
        entry = await store.queue.enqueue(caller.tenant, ref, gateway.settings.background_queue)
    except QueueFull:
        await store.responses.delete(caller.tenant, ref)
        raise
    await store.runs.queued(caller.tenant, ref, entry)
    session.told = orjson.dumps(queued)
    return session.told


def _response(event: bytes) -> Item:
    ((_, payload),) = payloads(event)
    response: Item = orjson.loads(payload)["response"]
    return response
