"""One response being made: validate the request, plan the model call, assemble the answer."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import orjson

from gw_extproc.core.assembler import Assembler, Making
from gw_extproc.core.dialects import Dialect
from gw_extproc.core.errors import CallerError, encode
from gw_extproc.core.events import PROFILES, Profile
from gw_extproc.core.request import Plan, translate
from gw_extproc.core.response import ResponseObject
from gw_extproc.schema.validation import unknown_fields, validate
from gw_extproc.settings import Settings


def new_id(prefix: str) -> str:
    """A new id: the prefix and 24 random bytes in hexadecimal, as long as OpenAI's own."""
    return f"{prefix}_{secrets.token_hex(24)}"


def now() -> int:
    return int(time.time())


@dataclass(frozen=True)
class Gateway:
    """What all sessions share."""

    dialect: Dialect
    profile: Profile
    reject_unsupported: bool = False
    new_id: Callable[[str], str] = field(default=new_id)
    clock: Callable[[], int] = field(default=now)


def gateway(settings: Settings) -> Gateway:
    return Gateway(
        dialect=settings.upstream_dialect,
        profile=PROFILES[settings.wire_profile],
        reject_unsupported=settings.unsupported_tools == "reject",
    )


@dataclass(frozen=True)
class Session:
    """A request that was accepted: the body of the model call, and the assembler that awaits its answer."""

    id: str
    plan: Plan
    chat: bytes
    assembler: Assembler


def begin(body: bytes, shared: Gateway) -> Session:
    """Reads a `POST /v1/responses` body; raises CallerError where it cannot be honoured."""
    payload = validate(_parse(body))
    plan = translate(
        payload,
        shared.dialect,
        reject_unsupported=shared.reject_unsupported,
        unknown=unknown_fields(payload),
    )
    chat = encode(plan.chat)
    plan = replace(plan, chat={})  # encoded now, and as large as the request: the answer needs none of it
    response_id = shared.new_id("resp")
    making = Making(
        plan=plan,
        object=ResponseObject(response_id, shared.clock(), payload),
        profile=shared.profile,
        new_id=shared.new_id,
        clock=shared.clock,
        prompt_bytes=len(chat),
        think_tags=shared.dialect.think_tags,
    )
    return Session(response_id, plan, chat, Assembler(making))


def _parse(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise CallerError(f"The request body is not JSON: {error}.", code="invalid_json") from None
