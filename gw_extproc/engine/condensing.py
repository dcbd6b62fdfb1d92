"""A response whose context may be condensed before its model call."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing

from gw_extproc.core.errors import GatewayError
from gw_extproc.session.answers import Part, whole_error
from gw_extproc.session.compact import condense
from gw_extproc.session.gateway import Gateway
from gw_extproc.session.session import Session

Making = Callable[[Session, Gateway, Mapping[str, str], str], AsyncGenerator[Part]]
"""Makes the answer of a session."""


async def answer(session: Session, gateway: Gateway, headers: Mapping[str, str], query: str, making: Making) -> AsyncGenerator[Part]:
    """The answer as it comes; nothing is said before the context is condensed, so an error of that is the answer as a whole."""
    try:
        await condense(session, gateway, headers)
    except GatewayError as error:
        session.refuse(error)
        for part in whole_error(error):
            yield part
        return
    async with aclosing(making(session, gateway, headers, query)) as parts:
        async for part in parts:
            yield part
