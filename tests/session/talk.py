"""Words of the session tests: what a caller asks, what the model says, and what becomes of it, without any network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest

from gw_extproc.core import ids
from gw_extproc.core.errors import GatewayError
from gw_extproc.core.ids import Ref
from gw_extproc.session import answers
from gw_extproc.session.answers import Answer, Body, Head, Part
from gw_extproc.session.begin import begin
from gw_extproc.session.gateway import Caller, Gateway
from gw_extproc.session.keeping import kept
from gw_extproc.session.session import Session
from gw_extproc.store.errors import NotStored
from gw_extproc.store.record import Stored
from gw_extproc.store.store import Store
from tests.events import Json, events
from tests.real import chat

HELLO = {"role": "user", "content": "hello"}
LOOK = {"type": "function", "name": "look", "parameters": {"type": "object"}}
PICTURE = "data:image/png;base64,AA=="

Asked = str | Sequence[Mapping[str, Any]]


def said(text: str = "Hello!") -> bytes:
    """The model says that, and is done."""
    return chat.completion(content=text)


def thought(reasoning: str, text: str = "Hello!") -> bytes:
    """The model thinks, then says that."""
    return chat.completion(content=text, reasoning_content=reasoning)


def called(call_id: str, arguments: str = "{}", **message: Any) -> bytes:
    """The model calls `look`."""
    call = {"id": call_id, "type": "function", "function": {"name": "look", "arguments": arguments}}
    return chat.completion("tool_calls", tool_calls=[call], **message)


def output(call_id: str, text: str = "seen") -> Json:
    """What the tool gave."""
    return {"type": "function_call_output", "call_id": call_id, "output": text}


@dataclass(frozen=True)
class Turn:
    """One response: what the model received and what the caller got."""

    session: Session
    chat: Json
    parts: Sequence[Part]

    @property
    def messages(self) -> list[Json]:
        """What the model received."""
        found: list[Json] = self.chat["messages"]
        return found

    @property
    def body(self) -> bytes:
        return b"".join(part.data for part in self.parts if isinstance(part, Body))

    @property
    def notice(self) -> str:
        (head,) = [part for part in self.parts if isinstance(part, Head)]
        return head.headers.get("x-gateway-notice", "")

    @property
    def events(self) -> list[Json]:
        return events(self.body)

    @property
    def response(self) -> Json:
        found: Json = self.events[-1]["response"] if self.session.plan.stream else orjson.loads(self.body)
        return found

    @property
    def id(self) -> str:
        assert self.response["id"] == self.session.id
        return self.session.id

    @property
    def output(self) -> list[Json]:
        found: list[Json] = self.response["output"]
        return found


@dataclass(frozen=True)
class Talk:
    """One caller; the test plays the model."""

    gateway: Gateway
    headers: Mapping[str, str]

    @property
    def caller(self) -> Caller:
        return self.gateway.caller(self.headers)

    @property
    def store(self) -> Store:
        return self.gateway.store

    def at(self, gateway: Gateway) -> Talk:
        """The same caller, elsewhere."""
        return replace(self, gateway=gateway)

    async def begin(self, asked: Asked = "hello", **fields: Any) -> Session:
        body = {"model": "m", "input": asked, **fields}
        return await begin(orjson.dumps(body), self.caller, self.gateway)

    async def turn(self, asked: Asked = "hello", *model: bytes, **fields: Any) -> Turn:
        """Asks, and plays what the model says to it: without other words a greeting."""
        session = await self.begin(asked, **fields)
        received = orjson.loads(session.chat)
        answer = answer_of(session)
        parts = [*answer.begin()]
        for piece in model or [said()]:
            parts += await answer.body(piece)
        return Turn(session, received, [*parts, *await answer.end()])

    async def refused(self, asked: Asked = "hello", **fields: Any) -> tuple[int, str | None, str | None]:
        """Status, code and parameter of the error."""
        with pytest.raises(GatewayError) as caught:
            await self.begin(asked, **fields)
        error = caught.value
        assert error.message.endswith(".")
        return error.status, error.code, error.param

    async def stored(self, id: str) -> Json | None:
        """The response of that id, as a reader gets it."""
        found = await self._load(id)
        return None if found is None else {**orjson.loads(found.object), "output": [orjson.loads(item) for item in found.outputs]}

    async def inputs(self, id: str) -> list[Json]:
        """The response's own input items."""
        found = await self._load(id)
        assert found is not None
        return [orjson.loads(item) for item in found.inputs]

    async def conversation(self, *items: Mapping[str, Any]) -> str:
        """A new conversation."""
        ref = Ref(self.gateway.new_part(), self.gateway.new_part())
        encoded = [orjson.dumps(item) for item in await kept(items, "items", ref, self.caller)]
        fields = orjson.dumps({"created_at": 1, "metadata": {}})
        await self.store.conversations.create(self.caller.tenant, ref.thread, fields, ref.unique, encoded)
        return ids.conversation_id(ref.thread)

    async def items(self, conversation: str) -> list[Json]:
        """All that the conversation lists, oldest first."""
        thread = ids.parse_conversation(conversation)
        assert thread is not None
        _, found = await self.store.conversations.context(self.caller.tenant, thread)
        return [orjson.loads(item) for item in found]

    async def delete(self, id: str) -> None:
        """Deletes a response or a conversation."""
        if thread := ids.parse_conversation(id):
            assert await self.store.conversations.delete(self.caller.tenant, thread)
        else:
            ref = ids.parse_response(id)
            assert ref is not None
            assert await self.store.responses.delete(self.caller.tenant, ref)

    async def _load(self, id: str) -> Stored | None:
        ref = ids.parse_response(id)
        assert ref is not None
        try:
            return await self.store.responses.load(self.caller.tenant, ref)
        except NotStored:
            return None


def answer_of(session: Session) -> Answer:
    """What awaits the model's answer."""
    kind = "text/event-stream" if session.plan.stream else "application/json"
    return answers.choose(session, 200, {"content-type": kind})


def texts(items: Sequence[Json]) -> list[str]:
    """What messages say, and of other items their type."""
    return ["".join(part["text"] for part in item["content"]) if item["type"] == "message" else item["type"] for item in items]


def user(text: str) -> Json:
    """A message as the model receives it."""
    return {"role": "user", "content": text}


def assistant(text: str) -> Json:
    return {"role": "assistant", "content": text}
