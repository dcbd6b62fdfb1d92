"""Ends a background response whose maker is gone or must stop: with what was told of it, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import orjson

from gw_extproc.core.errors import GatewayError
from gw_extproc.core.ids import Ref, response_id
from gw_extproc.core.lifecycle import Status
from gw_extproc.core.partial import Partial, end
from gw_extproc.core.trace import Mark
from gw_extproc.engine.job import Job
from gw_extproc.engine.publishing import finish
from gw_extproc.session.gateway import Gateway
from gw_extproc.store.errors import BadSeal
from gw_extproc.store.record import Record
from gw_extproc.store.runs import Batch, Run, Taken

logger = logging.getLogger("gw_extproc.background")


async def settle(gateway: Gateway, tenant: str, ref: Ref, taken: Taken, status: Status, error: GatewayError | None = None) -> str:
    """Saves and announces that end; returns the response's entry in the queue.

    Nobody else may say anything any more: whoever calls this has the run. Raises LostRun where that is no longer so, NotStored,
    StoreDown.
    """
    runs = gateway.store.runs
    run = await runs.look(tenant, ref)
    told, marks = _told(run)
    ending = end(told, marks, status, error, gateway.profile)
    record = Record(ref, "", ending.object, ending.trace, (), ending.outputs, conversation=False)
    try:
        job = await Job.opened(taken.job, tenant, gateway)
    except BadSeal:  # its key is gone: it ends all the same, without what it was made from
        logger.exception("the request of %s cannot be read", response_id(ref))
    else:
        inputs = [item.encode() for item in job.inputs]
        record = replace(record, parent=job.parent, inputs=inputs, conversation=job.in_conversation)
    await finish(runs, tenant, record, taken.attempt)
    await runs.append(tenant, ref, taken.attempt, Batch(ending.count, ending.events, b"[]"))
    return run.entry


def _told(run: Run) -> tuple[Partial, Sequence[Mark]]:
    partial, marks = Partial(), list[Mark]()
    for batch in run.batches:
        partial.read(batch.events)
        marks += orjson.loads(batch.marks)
    return partial, marks
