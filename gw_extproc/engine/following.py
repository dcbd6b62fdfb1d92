"""The events of a background response, live and from any number on, for as many readers as there are.

Theory. A reader waits at the stream of events in the store. Where nothing comes for a while it looks whether anybody can still say
something: once the response has ended, what the stream lacks (its worker may have died between the record and the last event, or the
stream has expired) is told from the record, which tells the same events under the same numbers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence

import orjson

from gw_extproc.core.errors import NotFound
from gw_extproc.core.events import DONE, Emitter, Profile, pieces
from gw_extproc.core.hosted import Form
from gw_extproc.core.ids import Ref, response_id
from gw_extproc.core.replay import replay
from gw_extproc.session.answers import Body
from gw_extproc.session.gateway import Gateway
from gw_extproc.session.keeping import closed
from gw_extproc.store.errors import NotStored, StoreDown
from gw_extproc.store.record import Stored
from gw_extproc.store.runs import Batch, RunState

PATIENCE = 1.0
"""Seconds without an event, after which a reader looks around."""

FIRST = 0.05
"""Seconds of the first wait: Envoy holds the headers back until something follows them, and so does the client's call."""

PAUSE = 0.2
"""Seconds between attempts at a store that is there and refuses."""

COMMENT = b": waiting\n\n"
"""Says nothing (Server-Sent Events, comments): for those who wait for headers, and for proxies that end what is silent."""

QUIET = 15
"""Waits in vain for each comment but the first."""


async def follow(gateway: Gateway, tenant: str, ref: Ref, after: int) -> AsyncGenerator[Body]:
    """The events from that number on; the last piece has the terminal one, or says that the response was deleted."""
    runs, patience, waits = gateway.store.runs, FIRST, 0
    while True:
        try:
            batches = await runs.follow(tenant, ref, after, patience) or await _looked(gateway, tenant, ref, after)
        except StoreDown:
            await gateway.store.connection.until_up()
            await asyncio.sleep(PAUSE)
            continue
        except NotStored:
            yield Body(_deleted(gateway, ref, after), end=True)
            return
        if not batches and waits % QUIET == 0:
            yield Body(COMMENT, end=False)
        patience, waits = PATIENCE, 0 if batches else waits + 1
        for batch in batches:
            events = since(batch, after)
            after = max(after, batch.last)
            if events:
                over = events.endswith(DONE)
                yield Body(events, end=over)
                if over:
                    return


def since(batch: Batch, first: int) -> bytes:
    """The events of a batch from that number on; of one that ends the stream at least its end, whatever a reader has skipped."""
    events = pieces(batch.events)
    end = events[-1] == DONE
    skipped = max(0, first - (batch.last - len(events) + end))
    return b"".join(events[min(skipped, len(events) - end) :])


async def _looked(gateway: Gateway, tenant: str, ref: Ref, after: int) -> Sequence[Batch]:
    """What the stream has not given. Raises NotStored where the response is gone."""
    try:
        run = await gateway.store.runs.look(tenant, ref, after)
    except NotStored:
        return [await _replayed(gateway, tenant, ref)]
    if run.batches or run.state is not RunState.ENDED:
        return run.batches
    return [await _replayed(gateway, tenant, ref)]


async def _replayed(gateway: Gateway, tenant: str, ref: Ref) -> Batch:
    events = await asyncio.to_thread(told_again, await gateway.store.responses.load(tenant, ref), gateway.profile, gateway.kit.forms)
    return Batch(len(events) - 1, b"".join(events), b"")


def told_again(stored: Stored, profile: Profile, forms: Mapping[str, Form]) -> list[bytes]:
    """The events of a response that has ended, one by one, as they were; behind them the end of the stream."""
    outputs = [closed(orjson.loads(item)) for item in stored.outputs]
    return replay(orjson.loads(stored.object), outputs, stored.trace, profile, forms)


def _deleted(gateway: Gateway, ref: Ref, after: int) -> bytes:
    emitter = Emitter(gateway.profile, after)
    emitter.error(NotFound(f"Response with id '{response_id(ref)}' was deleted.", code="response_deleted"))
    return emitter.take() + DONE
