"""The one place that decides how an accepted request is answered where no Envoy makes its model call."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

from gw_extproc.engine import background
from gw_extproc.engine.making import made
from gw_extproc.session.answers import Part
from gw_extproc.session.gateway import Gateway
from gw_extproc.session.session import Session


def answer(session: Session, gateway: Gateway, headers: Mapping[str, str], query: str = "") -> AsyncGenerator[Part]:
    """The answer as it comes, made with the caller's headers. Who stops asking for more breaks off what ends with its client."""
    if session.plan.background:
        return background.answer(session, gateway, headers, query)
    return made(session, gateway, headers, query)
