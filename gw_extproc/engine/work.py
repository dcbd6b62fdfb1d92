"""One background response being made by the worker that has it.

Theory. What is found when it is taken up decides what is done. Queued, or in progress with nothing said but that: the model is called,
as often as it takes (a worker may have died), up to a limit, because it may be this response that kills them. With something said:
another model call would say something else, and who reads has the first; so the response fails, with what was said. Being cancelled:
whoever began that is gone, it is finished here. Ended: only the queue, and the webhook, do not know yet.
"""

from __future__ import annotations

import logging
from contextlib import aclosing

import orjson

from gw_extproc.core.errors import GatewayError, InternalError, UpstreamError
from gw_extproc.core.ids import response_id
from gw_extproc.core.lifecycle import Status
from gw_extproc.core.partial import OPENING
from gw_extproc.core.paths import RESPONSES
from gw_extproc.engine import webhooks
from gw_extproc.engine.job import Job
from gw_extproc.engine.making import made
from gw_extproc.engine.publishing import Publisher
from gw_extproc.engine.settling import settle
from gw_extproc.session.answers import Body, Head, error_of
from gw_extproc.session.gateway import SHOWN, Gateway
from gw_extproc.session.session import Session
from gw_extproc.store.errors import BadSeal, DuplicateEntry, LostRun, NotStored, StoreDown
from gw_extproc.store.queue import Entry
from gw_extproc.store.runs import RunState, Taken
from gw_extproc.telemetry.record import NOBODY, Door

logger = logging.getLogger("gw_extproc.background")

ATTEMPTS = 3
"""How often a response is taken up of which nothing was said."""


class Abandoned(GatewayError):
    """The response cannot be made any more."""


class Work:
    """One entry of the queue, taken."""

    def __init__(self, gateway: Gateway, entry: Entry) -> None:
        self._gateway = gateway
        self.entry = entry
        self._publisher: Publisher | None = None
        self._exchange = NOBODY

    async def run(self) -> None:
        """Makes the response and takes it out of the queue, where a run that was lost to somebody else stays. Raises StoreDown."""
        with self._gateway.telemetry.begin(Door.BACKGROUND, "POST", RESPONSES, {}) as self._exchange:
            self._exchange.tenant, self._exchange.response_id = self.entry.tenant[:SHOWN], self.id
            await self._run()

    async def _run(self) -> None:
        queue = self._gateway.store.queue
        try:
            status = await self._made()
        except (NotStored, DuplicateEntry):  # deleted, or here twice
            await queue.done(self.entry.id)
        except LostRun:
            logger.info("response %s was cancelled, or taken up elsewhere", self.id)
        else:
            await queue.done(self.entry.id, webhooks.event(self._gateway, self.entry.ref, status))

    def cancelled(self) -> None:
        """Somebody has cancelled it; the task is cancelled next."""
        self._exchange.status = Status.CANCELLED.text

    def let_go(self) -> None:
        """Somebody else shall take it up; the task is cancelled next."""
        if self._publisher is not None:
            self._publisher.let_go()

    @property
    def id(self) -> str:
        return response_id(self.entry.ref)

    async def _made(self) -> str:
        """Its final status."""
        store, tenant, ref = self._gateway.store, self.entry.tenant, self.entry.ref
        taken = await store.runs.take(tenant, ref, self.entry.id)
        if taken.state is RunState.ENDED:
            stored = await store.responses.load(tenant, ref)
            return str(orjson.loads(stored.object)["status"])
        if taken.state is RunState.CANCELLING:
            return await self._settled(taken, Status.CANCELLED, None)
        if taken.last > OPENING:
            message = "The response was interrupted after a part of it had been sent; it cannot be continued. Ask again."
            return await self._settled(taken, Status.FAILED, Abandoned(message, code="server_error"))
        if taken.attempt > ATTEMPTS:
            message = f"The response was begun {ATTEMPTS} times and interrupted each time."
            return await self._settled(taken, Status.FAILED, Abandoned(message, code="server_error"))
        try:
            job = await Job.opened(taken.job, tenant, self._gateway)
            self._exchange.continues(job.headers.get("traceparent"))
            session = await job.session(ref, self._gateway)
        except StoreDown:
            raise
        except BadSeal:
            return await self._settled(taken, Status.FAILED, InternalError())
        except GatewayError as error:  # what it refers to was deleted meanwhile
            return await self._settled(taken, Status.FAILED, error)
        return await self._answered(session, job, taken)

    async def _answered(self, session: Session, job: Job, taken: Taken) -> str:
        publisher = self._publisher = Publisher(self._gateway.store, self.entry, taken, session.assembler)
        session.keep = publisher.keep
        await publisher.begin()
        head = Head(200, {})
        async with aclosing(made(session, self._gateway, job.headers, job.query)) as parts:
            async for part in parts:
                match part:
                    case Head():
                        head = part
                    case Body() if head.status == 200:
                        await publisher.say(part.data)
                    case Body():
                        await self._failed(session, publisher, error_of(head, part.data))
        if not session.kept:
            raise LostRun
        return session.assembler.status.text

    async def _failed(self, session: Session, publisher: Publisher, error: UpstreamError) -> None:
        """Where the caller would have got an HTTP error, the response fails: the id is known."""
        assembler, session.told = session.assembler, b""
        events = assembler.start() + assembler.fail(error)
        await publisher.say(events + await session.conclude())

    async def _settled(self, taken: Taken, status: Status, error: GatewayError | None) -> str:
        self._exchange.background, self._exchange.status = True, status.text
        if error is not None:
            self._exchange.fail(error)
        await settle(self._gateway, self.entry.tenant, self.entry.ref, taken, status, error)
        return status.text
