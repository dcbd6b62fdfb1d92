"""One response over several model calls: the model is called, the gateway runs the tools that it asks for, and the model goes on.

Theory. A round is one model call and the calls that it makes. After it
- the model has answered, failed or was cut off: the assembler has ended the response;
- it called tools of the gateway's: they are run, several at once where the caller allows that, and what came of them stands in the
  items; the next round is translated from all items so far, as a later turn would be;
- it also called something of the caller's, asked for an approval, or wanted more than `max_tool_calls` or `max_output_tokens`
  allow: the gateway's own calls are run, and the response ends there. What is open goes on with the caller's next request.

`tool_choice` holds for the first round; afterwards the model is free to answer. Who leaves ends everything: the tasks of the tools are
cancelled with the generator that waits for them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine, Mapping, Sequence
from contextlib import aclosing
from time import perf_counter
from typing import Any

from gw_extproc.core.approvals import approvals
from gw_extproc.core.conversation import Items
from gw_extproc.core.errors import GatewayError, UpstreamError
from gw_extproc.core.hosted import Form, Hosted
from gw_extproc.core.hosted_draft import HostedDraft
from gw_extproc.core.toolchoice import following
from gw_extproc.engine.model import ask
from gw_extproc.engine.tools.tool import Outcome, ToolFailure
from gw_extproc.engine.tools.toolset import Toolset
from gw_extproc.engine.voice import voice
from gw_extproc.session import noting
from gw_extproc.session.answers import Part
from gw_extproc.session.begin import translated
from gw_extproc.session.calling import shortened, spoken
from gw_extproc.session.gateway import Gateway
from gw_extproc.session.recall import COMPACTION
from gw_extproc.session.session import Session
from gw_extproc.telemetry.record import StepKind, acting

logger = logging.getLogger("gw_extproc.loop")

AT_ONCE = 8
"""Calls of one round that run at the same time."""

BUDGET = "max_output_tokens"


def answer(session: Session, gateway: Gateway, headers: Mapping[str, str], query: str = "") -> AsyncGenerator[Part]:
    """The answer as it comes, made with the caller's headers."""
    return spoken(session, gateway, Loop(session, gateway, headers, query))


class Loop:
    """Makes one response."""

    def __init__(self, session: Session, gateway: Gateway, headers: Mapping[str, str], query: str) -> None:
        assert isinstance(gateway.kit, Toolset), "only with it a plan has tools that the gateway runs"
        self._session = session
        self._gateway = gateway
        self._headers = headers
        self._query = query
        self._request = dict(session.request)
        self._voice = voice(session)
        self._news = asyncio.Event()
        definitions = [*(session.request.get("tools") or ()), *_added(session.context.items.all)]
        self._tools = gateway.kit.running(definitions, session.context.items.all, session.request.get("include") or ())

    async def parts(self) -> AsyncGenerator[Part]:
        try:
            async with aclosing(self._rounds()) as rounds:
                async for events in rounds:
                    for part in self._voice.say(events):
                        yield part
            for part in await self._voice.end():
                yield part
        finally:
            await self._tools.close()

    async def failed(self, error: GatewayError) -> Sequence[Part]:
        return await self._voice.fail(error)

    async def _rounds(self) -> AsyncGenerator[bytes]:
        assembler = self._session.assembler
        if self._session.chat:
            self._session.chat = b""
        async with aclosing(self._during(self._prepare())) as preparing:
            async for events in preparing:
                yield events
        while not assembler.ended:
            async with aclosing(self._ask()) as answering:
                async for events in answering:
                    yield events
            async with aclosing(self._during(self._run())) as running:
                async for events in running:
                    yield events
            if not assembler.ended and (stop := self._stops()) is not None:
                yield assembler.stop(stop or None)
            self._request["tool_choice"] = following(self._request.get("tool_choice"))

    def _stops(self) -> str | None:
        """Why the response ends after this round, empty where it is for the caller to go on; None where it does not."""
        assembler, budget = self._session.assembler, self._session.request.get("max_output_tokens")
        if assembler.handed_over or assembler.refused_calls:
            return ""
        return BUDGET if budget is not None and assembler.output_tokens >= budget else None

    async def _ask(self) -> AsyncGenerator[bytes]:
        """One model call; where the context is too long and may be shortened, it is, until it fits or nothing more may go."""
        plan, chat = translated(self._asked(), self._context(), self._gateway, self._tools)
        self._session.assembler.resume(plan, len(chat), self._tools.sources)
        while True:
            try:
                async with aclosing(self._answer(chat)) as answer:
                    async for events in answer:
                        yield events
                return
            except UpstreamError as error:
                shorter = shortened(self._session.plan, chat, error)  # what was heard of an answer never has such an error
                if shorter is None:
                    raise
                chat = shorter

    async def _answer(self, chat: bytes) -> AsyncGenerator[bytes]:
        assembler, exchange = self._session.assembler, self._session.exchange
        async with aclosing(ask(self._gateway, self._headers, self._query, chat)) as answered:
            async for said in answered:
                self._voice.beside = said.beside
                exchange.working_since = perf_counter()
                if events := b"".join([assembler.feed(chunk) for chunk in said.chunks]):
                    exchange.said(events)
                if said.ending is not None:
                    events += assembler.end(said.ending)
                    noting.call_ended(exchange, assembler)
                yield events
                if assembler.ended:
                    return

    def _asked(self) -> Mapping[str, Any]:
        """The request, as it is for the next model call."""
        budget = self._request.get("max_output_tokens")
        if budget is None:
            return self._request
        return {**self._request, "max_output_tokens": budget - self._session.assembler.output_tokens}

    def _context(self) -> Items:
        """The context with all that the response has become; what it was condensed to is told in the words of its summary."""
        items, condensed = self._session.context.items, self._session.condensed
        output = [{**item, "summary": condensed} if item["type"] == COMPACTION else item for item in self._session.assembler.items()]
        return items._replace(given=[*items.given, *output])

    async def _prepare(self) -> None:
        """Fetches lists of tools, and runs what was approved."""
        await self._tools.prepare(self._open)
        due = approvals(self._session.context.items.all).due(self._session.context.items.given)
        await self._at_once([self._run_approved(request) for request in due])

    async def _run_approved(self, request: Mapping[str, Any]) -> None:
        hosted, fields = self._tools.approved(request)
        draft = self._open(hosted.form, fields)
        draft.grow(request["arguments"])
        draft.run()
        self._news.set()
        await self._finish(hosted, draft, request["arguments"])

    async def _run(self) -> None:
        """Runs the calls of this round."""
        waiting = self._session.assembler.waiting
        await self._at_once([self._finish(call.hosted, call.draft, call.arguments) for call in waiting])

    async def _finish(self, hosted: Hosted, draft: HostedDraft, arguments: str) -> None:
        outcome = await self._outcome(hosted, arguments)
        if outcome.output is not None:
            self._tools.outputs[draft.id] = outcome.output
        draft.end(outcome.status, outcome.fields)
        self._news.set()

    async def _outcome(self, hosted: Hosted, arguments: str) -> Outcome:
        """What a call comes to, whatever happens: a tool that fails or is slow is an answer for the model."""
        seconds, failed = self._gateway.settings.tool_timeout, "failed"
        step = self._session.exchange.step(StepKind.TOOL, hosted.form.item_type.removesuffix("_call"))
        step.facts["gen_ai.tool.name"] = hosted.tool.name
        acting.set(step)
        try:
            async with asyncio.timeout(seconds):
                outcome = await self._tools.call(hosted, arguments)
            step.end(None if outcome.status == "completed" else outcome.status)
            return outcome
        except ToolFailure as failure:
            reason = failure.reason
        except TimeoutError:
            reason, failed = f"The tool did not answer within {seconds:g} seconds.", "timeout"
        except Exception:  # the same for a fault of a tool's own
            logger.exception("a tool failed")
            reason = "The tool failed."
        step.end(failed)
        return self._tools.of(hosted).failed(hosted, arguments, reason)

    def _open(self, form: Form, fields: dict[str, Any]) -> HostedDraft:
        self._news.set()
        return self._session.assembler.open(form, fields)

    async def _at_once(self, work: Sequence[Coroutine[Any, Any, None]]) -> None:
        slots = asyncio.Semaphore(1 if self._request.get("parallel_tool_calls") is False else AT_ONCE)

        async def one(each: Coroutine[Any, Any, None]) -> None:
            async with slots:
                await each

        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(one(each))

    async def _during(self, work: Coroutine[Any, Any, None]) -> AsyncGenerator[bytes]:
        """The events that arise while something is done."""
        working = asyncio.create_task(work)
        try:
            while not working.done():
                news = asyncio.create_task(self._news.wait())
                await asyncio.wait({working, news}, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
                self._news.clear()
                if events := self._session.assembler.take():
                    self._session.exchange.tells(events)
                    yield events
            working.result()
        finally:
            working.cancel()
            await asyncio.wait({working})


def _added(items: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The definitions that stand in the input."""
    return [
        tool for item in items if item.get("type") in ("additional_tools", "tool_search_output") for tool in item.get("tools") or ()
    ]
