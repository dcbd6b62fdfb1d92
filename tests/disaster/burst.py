"""Many clients that take one turn after the other, and what they were told of each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from typing import Any

from gw_extproc.core import ids
from tests.disaster.client import Client, turns_of
from tests.events import Json
from tests.real import chat
from tests.real.upstream import Upstream
from tests.store.stores import eventually

CLIENTS = 5
"""Of each kind."""


class Burst:
    """Chains of responses, and turns of one conversation, through any of the gateways, until it is told to stop."""

    def __init__(self, clients: Sequence[Client], conversation: str, model: str) -> None:
        self._clients = clients
        self._conversation = conversation
        self._model = model
        self.chains: list[list[Json]] = []
        self.in_conversation: list[Json] = []
        self.notices: list[str] = []
        """What was said of each answer that is not stored."""
        self._stopped = asyncio.Event()

    @property
    def announced(self) -> int:
        return sum(map(len, self.chains)) + len(self.in_conversation)

    async def more(self, number: int = 20) -> None:
        """Returns when so many more were announced."""
        wanted = self.announced + number
        await eventually(lambda: self.announced >= wanted, f"{number} more responses")

    async def unstored(self, number: int) -> None:
        """Returns when so many more were answered and not stored."""
        wanted = len(self.notices) + number
        await eventually(lambda: len(self.notices) >= wanted, f"{number} more responses that are not stored")

    @asynccontextmanager
    async def going(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(work(at)) for work in (self._chain, self._turns) for at in range(CLIENTS)]
        try:
            yield
        finally:
            self._stopped.set()
            await asyncio.gather(*tasks)

    async def _chain(self, at: int) -> None:
        """Continues what was announced; begins anew where it was not."""
        told: list[Json] = []
        while not self._stopped.is_set():
            before = {"previous_response_id": told[-1]["id"]} if told else {}
            if (response := await self._turn(at + len(told), **before)) is None:
                told = []
                continue
            if not told:
                self.chains.append(told)
            told.append(response)

    async def _turns(self, at: int) -> None:
        turns = 0
        while not self._stopped.is_set():
            turns += 1
            if (response := await self._turn(at + turns, conversation=self._conversation)) is not None:
                self.in_conversation.append(response)

    async def _turn(self, number: int, **fields: Any) -> Json | None:
        """One turn, through each of the gateways in turn; nothing where it came to no stored response."""
        client = self._clients[number % len(self._clients)]
        turn = await client.turn(self._model, **fields)
        assert turn.status in (0, 200, 500, 503), turn  # 500: Envoy, where the processor is gone
        if turn.status != 200:
            await asyncio.sleep(0.01)  # as a client does that was told to try again
        if turn.response is not None and turn.announced is None:
            self.notices.append(turn.headers.get("x-gateway-notice", ""))
        return turn.announced

    async def assert_all_there(self, client: Client) -> None:
        """Everything announced is whole, and all of the conversation is whole turns."""
        announced = [*chain.from_iterable(self.chains), *self.in_conversation]
        assert await asyncio.gather(*(client.read(response["id"]) for response in announced)) == announced
        await asyncio.gather(*(client.assert_whole(found[-1], *["Go on.", "Hello"] * len(found)) for found in self.chains))
        turns = turns_of(await client.listed(self._conversation))
        assert set(turns.values()) <= {2}
        for response in self.in_conversation:
            ref = ids.parse_response(response["id"])
            assert ref is not None
            assert ref.unique in turns


async def burst(clients: Sequence[Client], upstream: Upstream) -> Burst:
    """A burst that can begin."""
    return Burst(clients, await clients[0].conversation(), upstream.script(chat.answer("Hello")))
