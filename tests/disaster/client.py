"""A client that notes what it was told, also of a turn that broke off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx2

from gw_extproc.core import ids
from gw_extproc.core.ids import Ref
from tests.events import Json
from tests.real import chat
from tests.real.upstream import Upstream
from tests.store.stores import eventually
from tests.waiting import DEADLINE

TERMINAL = ("response.completed", "response.incomplete", "response.failed")


@dataclass
class Turn:
    """A streamed turn as its client sees it."""

    status: int = 0
    """Of the answer; 0 while there is none."""
    headers: Mapping[str, str] = field(default_factory=dict)
    events: list[Json] = field(default_factory=list)

    @property
    def id(self) -> str:
        return str(self.events[0]["response"]["id"])

    @property
    def ref(self) -> Ref:
        ref = ids.parse_response(self.id)
        assert ref is not None
        return ref

    @property
    def response(self) -> Json | None:
        """The response as it was announced at the end; None where the turn broke off."""
        return self.events[-1]["response"] if self.events and self.events[-1]["type"] in TERMINAL else None

    @property
    def announced(self) -> Json | None:
        """The response, if it was announced as stored."""
        response = self.response
        return response if response and response["store"] else None

    @property
    def said(self) -> str:
        """All text so far."""
        return "".join(event["delta"] for event in self.events if event["type"] == "response.output_text.delta")

    async def until_said(self, text: str) -> None:
        await eventually(lambda: self.said == text, f"{text!r}, not {self.said!r}")


class Client:
    """Calls one gateway; all of these are the same tenant."""

    def __init__(self, http: httpx2.AsyncClient, upstream: Upstream) -> None:
        self.http = http
        self._upstream = upstream

    async def turn(self, model: str, into: Turn | None = None, **fields: Any) -> Turn:
        """A whole turn, or as much of it as there is before it breaks off; where it is refused there are no events."""
        turn = into or Turn()
        with suppress(httpx2.TransportError):
            async with self.http.stream("POST", "/responses", json=_asking(model, stream=True, **fields)) as answer:
                turn.status, turn.headers = answer.status_code, answer.headers
                async for line in answer.aiter_lines():
                    if line.startswith("data: {"):
                        turn.events.append(json.loads(line.removeprefix("data: ")))
        return turn

    def begin(self, model: str, **fields: Any) -> tuple[Turn, asyncio.Task[Turn]]:
        """A turn that goes on by itself; cancelling the task is leaving."""
        turn = Turn()
        return turn, asyncio.create_task(self.turn(model, turn, **fields))

    async def ask(self, model: str, **fields: Any) -> Json:
        """A buffered response."""
        return good(await self.http.post("/responses", json=_asking(model, **fields)))

    async def conversation(self) -> str:
        return str(good(await self.http.post("/conversations", json={}))["id"])

    async def get(self, path: str, **query: Any) -> httpx2.Response:
        return await self.http.get(path, params=query)

    async def read(self, id: str) -> Json | None:
        """The stored response; None where there is none."""
        answer = await self.get(f"/responses/{id}")
        return None if answer.status_code == 404 else good(answer)

    async def read_soon(self, id: str) -> Json:
        """The stored response, as soon as it is there."""
        async with asyncio.timeout(DEADLINE):
            while (found := await self.read(id)) is None:
                await asyncio.sleep(0.01)
        return found

    async def listed(self, conversation: str) -> Sequence[Json]:
        """All items of a conversation, oldest first."""
        return await self._all(f"/conversations/{conversation}/items")

    async def _all(self, path: str) -> Sequence[Json]:
        items: list[Json] = []
        query: dict[str, Any] = {"limit": 100, "order": "asc"}
        while True:
            page = good(await self.get(path, **query))
            items += page["data"]
            if not page["has_more"]:
                return items
            query["after"] = page["last_id"]

    async def remembered(self, id: str) -> Sequence[str]:
        """The texts that the model is sent before the new ones, where a turn continues this response."""
        model = self._upstream.script(chat.answer("Well."))
        await self.ask(model, previous_response_id=id, input="And?")
        return [_text(message["content"]) for message in self._upstream.received(model).chat["messages"]][:-1]  # type: ignore[attr-defined]

    async def assert_whole(self, announced: Json, *texts: str) -> None:
        """It can be read, listed and continued as it was announced; the texts are those of its whole chain."""
        id = announced["id"]
        assert await self.read(id) == announced
        listed = [*await self._all(f"/responses/{id}/input_items"), *announced["output"]]
        assert [item["content"][0]["text"] for item in listed] == list(texts)
        assert await self.remembered(id) == list(texts)


def turns_of(items: Sequence[Json]) -> Mapping[str, int]:
    """The unique parts of the turns that the items are of, in order, each with the number of its items; a turn in two pieces fails."""
    found: dict[str, int] = {}
    latest = ""
    for item in items:
        place = ids.parse_item(item["id"])
        assert place is not None
        unique = place[0].unique
        assert unique == latest or unique not in found, f"the items of {unique} are no neighbours"
        found[unique] = found.get(unique, 0) + 1
        latest = unique
    return found


def good(answer: httpx2.Response) -> Json:
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


@asynccontextmanager
async def calling(url: str, upstream: Upstream) -> AsyncIterator[Client]:
    """A client of the gateway at this base URL."""
    headers = {"authorization": "Bearer sk-of-the-caller"}
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(
        base_url=url, headers=headers, timeout=DEADLINE, limits=limits, verify=False, trust_env=False
    ) as http:
        yield Client(http, upstream)


def _asking(model: str, **fields: Any) -> Json:
    return {"model": model, "input": "Go on.", **fields}


def _text(content: str | Sequence[Json]) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)
