"""One response being made: what is sent to the model, what awaits its answer, and what is kept at the end."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from gw_extproc.core import ids
from gw_extproc.core.assembler import Assembler
from gw_extproc.core.errors import GatewayError
from gw_extproc.core.request import Plan
from gw_extproc.session import noting
from gw_extproc.session.gateway import Caller
from gw_extproc.session.keeping import named
from gw_extproc.session.recall import Context, Item, Remembered
from gw_extproc.store.errors import ConversationGone, StoreDown
from gw_extproc.store.record import Record
from gw_extproc.telemetry.record import NOBODY, Exchange

logger = logging.getLogger("gw_extproc.session")

INTERRUPTED = "interrupted"
"""The `incomplete_details.reason` of a response that was broken off: by its client, or (Envoy does not tell) by the upstream."""


BEGUN = "gw_extproc.session"
"""Under which name an ASGI scope's `state` holds a session, where the request's body has been read before the application got it."""


Keep = Callable[[Record], Awaitable[bool]]
"""Saves a record, and says whether it is saved."""


@dataclass
class Session:
    """A request that was accepted: the body of the model call, and the assembler that awaits its answer."""

    caller: Caller
    plan: Plan
    chat: bytes
    """The Chat request; whoever sends it may empty it afterwards, as it is as large as the context."""
    assembler: Assembler
    context: Context
    store: bool
    """Whether the response is to be kept."""
    request: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The validated body, where it is needed once more: in the background, and where the context may be condensed or the model called
    again. It has the caller's credentials for his servers."""
    condensed: str = field(default="", repr=False)
    """What the context was condensed to, where it was."""
    inputs: Sequence[bytes] = ()
    """The caller's own items as they are kept, encoded; none where nothing is."""
    told: bytes = b""
    """What the caller was told at the end, encoded: the object, or the error that took its place."""
    kept: bool = False
    """Whether it was saved."""
    keep: Keep | None = None
    """Saves the record instead of this session, where that takes more than the store's own way."""
    exchange: Exchange = field(default=NOBODY, repr=False)
    """Where it is noted what has become of it; nowhere for a session that only serves another."""

    @property
    def id(self) -> str:
        return ids.response_id(self.context.ref)

    async def conclude(self) -> bytes:
        """Keeps what the response has become, then gives its terminal event: nothing if that was done before.

        The event says truly whether the response is kept.
        """
        if self.told or not self.assembler.ended:
            return b""
        noting.ended(self.exchange, self.assembler)
        self.kept = self.exchange.stored = await self._save()
        if self.store and not self.kept:
            self.plan.notices.add("not stored", "store")
        self.told = self.assembler.response(stored=self.kept)
        last = self.assembler.announce(self.told)
        noting.told(self.exchange, self.told, last)
        return last

    def refuse(self, error: GatewayError) -> None:
        """The caller is told an error instead, and no id: nothing is kept, so that whoever asks again is not found to ask twice."""
        self.told = error.body()
        self.exchange.fail(error)
        noting.told(self.exchange, self.told, b"")

    async def give_up(self) -> None:
        """Keeps what there is of an answer that was broken off; a question without any answer does not go into its conversation."""
        self.assembler.abandon(INTERRUPTED)
        if self.assembler.outputs or not self.context.in_conversation:
            await self.conclude()

    def remembered(self) -> Remembered:
        """What the connection needs to continue the response, where nothing else keeps it."""
        before = () if self.context.carried else self.context.items.history
        return Remembered(self.context.ref, [*before, *self.own(), *map(orjson.loads, self._outputs())])

    def own(self) -> Sequence[Item]:
        """The caller's items in normal form. In a conversation all ids are ours, so that each finds its item there."""
        context = self.context
        given = context.items.all if context.carried else context.items.given
        return [named(item, context.ref, position, self._known_id(item)) for position, item in enumerate(given)]

    def _known_id(self, item: Mapping[str, Any]) -> str | None:
        known = item.get("id")
        return known if isinstance(known, str) and not self.context.in_conversation else None

    def _outputs(self) -> Sequence[bytes]:
        """As they are kept. What the context was condensed to stays open: it outlives the key that it was sealed with."""
        if not self.condensed:
            return self.assembler.outputs
        compaction, *others = self.assembler.outputs
        return [orjson.dumps({**orjson.loads(compaction), "summary": self.condensed}), *others]

    @property
    def leaves_items(self) -> bool:
        """Whether anything is kept: a turn of a conversation that is not to be stored leaves its items there."""
        return self.store or self.context.in_conversation

    async def _save(self) -> bool:
        """Whether the response is kept now."""
        context = self.context
        if not self.leaves_items:
            return False
        record = Record(
            ref=context.ref,
            parent=context.parent,
            object=self.assembler.kept() if self.store else None,
            trace=self.assembler.trace() if self.store else b"",
            inputs=self.inputs,
            outputs=self._outputs(),
            conversation=context.in_conversation,
        )
        if self.keep is not None:
            return await self.keep(record)
        try:
            await self.caller.store.responses.save(self.caller.tenant, record)
        except StoreDown as error:
            logger.warning("response %s is not stored: %s", self.id, error.reason)
            return False
        except ConversationGone:
            logger.warning("response %s is not stored: its conversation was deleted meanwhile", self.id)
            return False
        return self.store
