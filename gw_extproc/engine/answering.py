"""The one place that decides how an accepted request is answered where no Envoy makes its model call."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

from gw_extproc.core.errors import unsupported
from gw_extproc.engine import condensing
from gw_extproc.session import calling
from gw_extproc.session.answers import Part, whole_error
from gw_extproc.session.gateway import Gateway
from gw_extproc.session.session import Session


def answer(session: Session, gateway: Gateway, headers: Mapping[str, str], query: str = "") -> AsyncGenerator[Part]:
    """The answer as it comes, made with the caller's headers. Who stops asking for more breaks off what ends with its client."""
    if session.plan.background:
        return _refused(session)
    if session.plan.compact_at is not None:
        return condensing.answer(session, gateway, headers, query)
    return calling.answer(session, gateway, headers, query)


async def _refused(session: Session) -> AsyncGenerator[Part]:
    error = unsupported("background", "this gateway does no background work yet", code="unsupported_parameter")
    session.refuse(error)
    for part in whole_error(error):
        yield part
