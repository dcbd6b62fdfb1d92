"""A response being made, whoever waits for it: the client, or in the background nobody."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

from gw_extproc.engine import condensing, loop
from gw_extproc.session import calling
from gw_extproc.session.answers import Part
from gw_extproc.session.gateway import Gateway
from gw_extproc.session.session import Session


def made(session: Session, gateway: Gateway, headers: Mapping[str, str], query: str = "") -> AsyncGenerator[Part]:
    """The answer as it comes. Who stops asking for more breaks it off."""
    making = loop.answer if session.plan.hosts else calling.answer
    if session.plan.compact_at is not None:
        return condensing.answer(session, gateway, headers, query, making)
    return making(session, gateway, headers, query)
