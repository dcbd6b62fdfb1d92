"""How many tokens a request would send: counted by the backend's own tokenizer where it has one, else estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gw_extproc.core import usage
from gw_extproc.core.dialects import Tokenizer
from gw_extproc.core.errors import GatewayError
from gw_extproc.session.begin import begin_parsed
from gw_extproc.session.gateway import Caller, Gateway

Body = Mapping[str, Any]

_MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of a tokenizer's answer: some list every token."""


@dataclass(frozen=True)
class Count:
    tokens: int
    estimated: bool


async def count(body: Body, caller: Caller, gateway: Gateway, headers: Mapping[str, str]) -> Count:
    """Counts for a body of POST /v1/responses/input_tokens; raises CallerError, StoreDown."""
    session = await begin_parsed({**body, "model": body.get("model") or "any", "store": False}, caller, gateway, {})
    return await count_chat(session.chat, gateway, headers) if body.get("model") else _estimated(session.chat)


async def count_chat(chat: bytes, gateway: Gateway, headers: Mapping[str, str]) -> Count:
    """Counts for a Chat request."""
    tokenizer = gateway.dialect.tokenizer
    if tokenizer is not None:
        try:
            return Count(await _counted(tokenizer, orjson.loads(chat), gateway, headers), estimated=False)
        except (GatewayError, _NoCount):
            pass  # an estimate, which says that it is one, is better than an error
    return _estimated(chat)


def _estimated(chat: bytes) -> Count:
    return Count(usage.estimated(len(chat), 0)["input_tokens"], estimated=True)


class _NoCount(Exception):
    """The tokenizer is not there, or speaks otherwise than expected."""


async def _counted(tokenizer: Tokenizer, chat: Body, gateway: Gateway, headers: Mapping[str, str]) -> int:
    asked = {name: chat[name] for name in ("model", "messages", "tools") if name in chat}
    if tokenizer.template is not None:
        prompt = (await _ask(tokenizer.template, asked, gateway, headers)).get("prompt")
        if not isinstance(prompt, str):
            raise _NoCount
        asked = {"content": prompt, "add_special": True}
    answer = await _ask(tokenizer.path, asked, gateway, headers)
    found = answer.get("count", len(answer["tokens"]) if isinstance(answer.get("tokens"), list) else None)
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise _NoCount
    return found


async def _ask(path: str, body: Body, gateway: Gateway, headers: Mapping[str, str]) -> Body:
    sent = {name: headers[name] for name in ("authorization",) if name in headers} | {"content-type": "application/json"}
    async with gateway.upstream.call("POST", path, sent, orjson.dumps(body), at_root=True) as answered:
        found = await answered.read(_MAX_ANSWER)
    if answered.status != 200:
        raise _NoCount
    try:
        answer = orjson.loads(found)
    except orjson.JSONDecodeError:
        raise _NoCount from None
    if not isinstance(answer, dict):
        raise _NoCount
    return answer
