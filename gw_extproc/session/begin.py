"""From the bytes of a request to a session: validate, remember, translate."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson

from gw_extproc.core import ids
from gw_extproc.core.assembler import Assembler, Making
from gw_extproc.core.conversation import Items
from gw_extproc.core.drafts import Seal
from gw_extproc.core.errors import CallerError, encode, encode_item
from gw_extproc.core.hosted import Kit
from gw_extproc.core.ids import Ref
from gw_extproc.core.output import NewId
from gw_extproc.core.request import Plan, check_approved, translate
from gw_extproc.core.response import ResponseObject
from gw_extproc.schema.validation import unknown_fields
from gw_extproc.session import noting
from gw_extproc.session.gateway import Caller, Gateway
from gw_extproc.session.prompting import requested
from gw_extproc.session.recall import REASONING, Context, Remembered, opened, recall
from gw_extproc.session.session import Session
from gw_extproc.store.errors import StoreDown
from gw_extproc.telemetry.record import StepKind, current

Body = Mapping[str, Any]

SEALED_REASONING = "reasoning.encrypted_content"


async def begin(body: bytes, caller: Caller, gateway: Gateway) -> Session:
    """Reads a `POST /v1/responses` body; raises CallerError where it cannot be honoured, StoreDown where its history cannot be had."""
    return _lightened(await begin_parsed(parsed(body), caller, gateway, {}))


async def begin_parsed(payload: object, caller: Caller, gateway: Gateway, remembered: Mapping[str, Remembered]) -> Session:
    """As `begin`, for a body whose JSON is read, and where the connection remembers responses of its own, by their ids."""
    request = await requested(payload, caller)
    context = await recall(request, caller, gateway, remembered)
    items = await opened(context.items, caller)
    session = _noted(session_of(request, context._replace(items=items), caller, gateway), request, gateway)
    check_approved(items, session.plan.toolbox)
    return session


async def begin_again(request: Body, ref: Ref, created_at: int, caller: Caller, gateway: Gateway) -> Session:
    """The session of a request that was begun before (its `request`) under the id and time that were told. Raises as `begin` does."""
    context = await recall(request, caller, gateway, {})
    context = context._replace(ref=ref, items=await opened(context.items, caller))
    return _lightened(_noted(session_of(request, context, caller, gateway, created_at), request, gateway))


def _noted(session: Session, request: Body, gateway: Gateway) -> Session:
    """The session, as what the present exchange is about."""
    exchange = session.exchange = current()
    called = gateway.settings.model_aliases.get(request["model"], request["model"])
    noting.begun(exchange, session.plan, session.id, request["model"], called, gateway.dialect.name, store=session.store)
    if session.context.in_conversation:
        exchange.conversation = ids.conversation_id(session.context.ref.thread)
    noting.asked(exchange, request)
    return session


def _lightened(session: Session) -> Session:
    """Without the history where that is of no more use: it is large."""
    if session.plan.compact_at is None and not session.plan.hosts:
        session.context = session.context._replace(items=Items(()))
    return session


def session_of(request: Body, context: Context, caller: Caller, gateway: Gateway, created_at: int | None = None) -> Session:
    """The session of a validated request whose context is there and open; raises CallerError."""
    items = context.items
    with current().step(StepKind.TRANSLATE, "request"):
        plan, chat = translated(request, items, gateway)
    store = _stores(request, plan, gateway)
    making = Making(
        plan=plan,
        object=ResponseObject(ids.response_id(context.ref), gateway.clock() if created_at is None else created_at, request),
        profile=gateway.profile,
        new_id=_new_ids(context.ref, len(items.all if context.carried else items.given)),
        clock=gateway.clock,
        prompt_bytes=len(chat),
        think_tags=gateway.dialect.think_tags,
        store=store,
        seal=_seal(request, caller, plan),
        events=plan.stream,
        most_calls=request.get("max_tool_calls"),
    )
    session = Session(caller, plan, chat, Assembler(making), context, store)
    if plan.background or plan.compact_at is not None or plan.hosts:
        session.request = request
    if session.leaves_items:
        session.inputs = [encode_item(item) for item in session.own()]
    return session


def translated(request: Body, items: Items, gateway: Gateway, kit: Kit | None = None) -> tuple[Plan, bytes]:
    """The plan without its Chat request, and that as it is sent: the answer needs none of it. Raises CallerError.

    `kit` is what is known of the gateway's tools by now, where that is more than at first.
    """
    plan = translate(
        request,
        items,
        gateway.dialect,
        reject_unsupported=gateway.settings.unsupported_tools == "reject",
        unknown=unknown_fields(request),
        kit=gateway.kit if kit is None else kit,
    )
    chat = encode({**plan.chat, "model": gateway.settings.model_aliases.get(request["model"], request["model"])})
    return plan._replace(chat={}), chat


def parsed(body: bytes) -> object:
    """The JSON of a request; raises CallerError where it is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise CallerError(f"The request body is not JSON: {error}.", code="invalid_json") from None


def _stores(request: Body, plan: Plan, gateway: Gateway) -> bool:
    """Whether the response will be kept: unless the caller does not want it, or the store is known to be away."""
    if request.get("store") is False:
        return False
    if not gateway.store.up:
        plan.notices.add("not stored", "store")
    return gateway.store.up


def _new_ids(ref: Ref, inputs: int) -> NewId:
    """Ids of output items, by their place in the record: after the inputs."""

    def new_id(prefix: str, index: int) -> str:
        return f"call_{ref.unique}{index:02x}" if prefix == "call" else ids.item_id(prefix, ref, inputs + index)

    return new_id


def _seal(request: Body, caller: Caller, plan: Plan) -> Seal | None:
    if SEALED_REASONING not in (request.get("include") or ()):
        return None
    try:
        return partial(caller.store.vault.seal, caller.tenant, REASONING)
    except StoreDown:
        plan.notices.add("not encrypted", "reasoning")
        return None
