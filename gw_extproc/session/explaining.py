"""What a request would become, told instead of done: `x-gateway-explain` of `POST /v1/responses`.

The session is begun as ever: validated, its history recalled, translated. Nothing comes after that: no model call, no tool, nothing in
the store. So an explanation is the truth about the first model call, as far as that is known before anything is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from gw_extproc.core.errors import CallerError, quote
from gw_extproc.core.paths import CHAT
from gw_extproc.core.request import Plan
from gw_extproc.session.answers import DESCRIBING
from gw_extproc.session.gateway import Gateway
from gw_extproc.session.session import Session

HEADER = "x-gateway-explain"

EXPLAINED = "explained"
"""Why an exchange that was answered with an explanation has no response, in its record."""

_MEANINGS: Mapping[str, bool] = {"1": True, "true": True, "0": False, "false": False}

_SET = ("accept-encoding", "content-length", "content-type")
"""Headers that every model call gets from the gateway; `authorization` too where it has a key of its own."""


def wanted(headers: Mapping[str, str]) -> bool:
    """Whether the caller (whose headers these are, by lower-case name) wants to be told instead; raises CallerError."""
    said = headers.get(HEADER)
    if said is None:
        return False
    meaning = _MEANINGS.get(said.strip().lower())
    if meaning is None:
        message = f"Invalid value: {quote(said)}. Supported values of the header {HEADER} are: 1, true, 0 and false."
        raise CallerError(message, code="invalid_value", param=HEADER)
    return meaning


def explained(session: Session, gateway: Gateway, headers: Mapping[str, str], query: str) -> bytes:
    """The explanation of a session that was begun with these headers and this query (`?a=b`), as JSON."""
    plan = session.plan
    because = _because(plan)
    return orjson.dumps(
        {
            "object": "gateway.explanation",
            "chat_request": orjson.Fragment(session.chat),
            "path": f"{gateway.settings.base_path}{CHAT}{query}",
            "headers": {
                "set": [*_SET, *gateway.upstream.credentials],
                "removed": [name for name in headers if name == HEADER or (name in DESCRIBING and name not in _SET)],
            },
            "dialect": gateway.dialect.name,
            "notices": [{"treatment": each.treatment, "field": each.name, "rule": each.rule} for each in plan.notices],
            "rules": [each._asdict() for each in plan.notices.shaped()],
            "stored": session.store,
            "needs": "the engine" if because else "one model call",
            "because": because,
            "missing": _missing(plan),
        }
    )


def _because(plan: Plan) -> Sequence[str]:
    """The parameters for which one model call that ends with its client is not enough."""
    reasons: Mapping[str, bool] = {
        "background": plan.background,
        "truncation": plan.shortens,
        "context_management": plan.compact_at is not None,
        "tools": plan.hosts,
    }
    return [name for name, holds in reasons.items() if holds]


def _missing(plan: Plan) -> Sequence[Mapping[str, str]]:
    """Tools that are offered too, but whose list is only fetched when the response is made."""
    return [{"type": "mcp", "server_label": label} for kind, label in plan.toolbox.expected() if kind == "mcp" and label]
