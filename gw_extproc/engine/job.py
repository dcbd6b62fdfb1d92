"""What is kept of a request that is answered later: everything its answer takes, sealed, because the caller's credentials are in it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from gw_extproc.core.errors import encode
from gw_extproc.core.ids import Ref
from gw_extproc.session.answers import DESCRIBING
from gw_extproc.session.begin import begin_again
from gw_extproc.session.gateway import Caller, Gateway
from gw_extproc.session.session import Session
from gw_extproc.telemetry.record import current

_PURPOSE = "job"

_PIECE = 1024 * 1024
"""Bytes that are sealed beside the loop's other work, not in it: about 10 ms."""


@dataclass(frozen=True)
class Job:
    """One background response to be made."""

    headers: Mapping[str, str]
    query: str
    credential: str
    """Whose it is, as the caller said it then: the settings may have changed."""
    body: Mapping[str, Any]
    created_at: int
    parent: str
    in_conversation: bool
    inputs: Sequence[str]
    """The caller's own items as they are kept: an end that is made without the model has them too."""

    @classmethod
    def of(cls, session: Session, headers: Mapping[str, str], query: str, created_at: int) -> Job:
        """Of a session that was begun, and whose model is not called now."""
        kept = {name: value for name, value in headers.items() if name not in DESCRIBING and not name.startswith(":")}
        return cls(
            headers={name: value for name, value in {**kept, **current().onward()}.items() if value is not None},
            query=query,
            credential=session.caller.credential,
            body=session.request,
            created_at=created_at,
            parent=session.context.parent,
            in_conversation=session.context.in_conversation,
            inputs=[item.decode() for item in session.inputs],
        )

    async def sealed(self, caller: Caller) -> str:
        """Raises StoreDown while there are no keys, TooDeep."""
        text = encode(self).decode()
        seal = caller.store.vault.seal
        if len(text) < _PIECE:
            return seal(caller.tenant, _PURPOSE, text)
        return await asyncio.to_thread(seal, caller.tenant, _PURPOSE, text)

    @classmethod
    async def opened(cls, sealed: str, tenant: str, gateway: Gateway) -> Job:
        """Raises BadSeal, StoreDown."""
        return cls(**orjson.loads(await gateway.store.vault.unseal(tenant, _PURPOSE, sealed)))

    async def session(self, ref: Ref, gateway: Gateway) -> Session:
        """The session once more, under the id it has; its answer is to be told as events. Raises GatewayError."""
        body = {**self.body, "stream": True}
        return await begin_again(body, ref, self.created_at, Caller(gateway.store, self.credential), gateway)
