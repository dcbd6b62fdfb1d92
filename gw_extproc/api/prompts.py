"""Prompts and their versions. OpenAI's document has no such operations; these follow those of its other objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from gw_extproc.api import pages
from gw_extproc.api.call import Call, json
from gw_extproc.api.errors import not_found
from gw_extproc.core import ids
from gw_extproc.core.errors import BodyTooLarge, GatewayError, encode_item, unsupported
from gw_extproc.core.prompts import variables
from gw_extproc.schema.prompts import TEMPLATE_FIELDS
from gw_extproc.schema.queries import ListQuery
from gw_extproc.session.prompting import version_number
from gw_extproc.store.errors import Changed, NotStored, UnknownItem
from gw_extproc.store.prompts import StoredPrompt

Fields = dict[str, Any]

_CREDENTIALS = ("authorization", "headers")
"""Fields of a tool (`mcp`) that hold what its server wants of the caller."""

LARGEST_VERSION = 1024 * 1024
"""Bytes: a page of a hundred is still one load. Images and files belong into variables."""


async def create(call: Call) -> Response:
    payload, unique, now = await call.payload(), call.gateway.new_part(), call.gateway.clock()
    prompt = {"created_at": now, "name": payload.get("name"), "metadata": payload.get("metadata") or {}}
    version = _version({}, payload, now)
    await call.gateway.store.prompts.create(call.caller.tenant, unique, orjson.dumps(prompt), _encoded(version))
    return json(_prompt(unique, prompt, 1, version))


async def retrieve(call: Call) -> Response:
    stored = await _load(call)
    return json(_prompt(_unique(call), orjson.loads(stored.prompt), stored.number, orjson.loads(stored.version)))


async def update(call: Call) -> Response:
    payload, unique, store = await call.payload(), _unique(call), call.gateway.store.prompts
    stamp = call.gateway.new_part()
    while True:
        stored = await _load(call)
        prompt, version = _changed(orjson.loads(stored.prompt), payload), orjson.loads(stored.version)
        is_new = any(name in payload for name in TEMPLATE_FIELDS)
        if is_new:
            version = _version(version, payload, call.gateway.clock())
        try:
            encoded = _encoded(version) if is_new else None
            number = await store.update(call.caller.tenant, unique, stored.stamp, stamp, orjson.dumps(prompt), encoded)
        except Changed:
            continue  # somebody else was quicker, and only once for each change
        except NotStored:
            raise _unknown(call) from None
        return json(_prompt(unique, prompt, number, version))


async def delete(call: Call) -> Response:
    if not await call.gateway.store.prompts.delete(call.caller.tenant, _unique(call)):
        raise _unknown(call)
    return json({"id": call.path("prompt_id"), "object": "prompt.deleted", "deleted": True})


async def list_all(call: Call) -> Response:
    query, after = call.query(ListQuery), None
    try:
        if query.after is not None and (after := ids.parse_prompt(query.after)) is None:
            raise UnknownItem
        found, more = await call.gateway.store.prompts.page(call.caller.tenant, after=after, limit=query.limit, order=query.order)
    except UnknownItem:
        raise pages.unknown_after(str(query.after), "prompt") from None
    shown = [_prompt(each.unique, orjson.loads(each.prompt), each.number, orjson.loads(each.version)) for each in found]
    return json(pages.listed(shown, has_more=more))


async def retrieve_version(call: Call) -> Response:
    number = version_number(call.path("version"))
    try:
        stored = await _load(call, number)
        if number is None:
            raise UnknownItem
    except UnknownItem:
        raise not_found("Version", call.path("version")) from None
    return json(_shown_version(call, number, orjson.loads(stored.version)))


async def list_versions(call: Call) -> Response:
    query, unique, after = call.query(ListQuery), _unique(call), None
    try:
        if query.after is not None and (after := version_number(query.after)) is None:
            await _load(call)
            raise UnknownItem
        tenant, store = call.caller.tenant, call.gateway.store.prompts
        found, more = await store.versions(tenant, unique, after=after, limit=query.limit, order=query.order)
    except NotStored:
        raise _unknown(call) from None
    except UnknownItem:
        raise pages.unknown_after(str(query.after), "version") from None
    shown = [_shown_version(call, number, orjson.loads(version)) for number, version in found]
    return json(pages.listed(shown, has_more=more))


def _changed(prompt: Fields, payload: Mapping[str, Any]) -> Fields:
    """With the name and the metadata that are given; null takes them away."""
    if "name" in payload:
        prompt["name"] = payload["name"]
    if "metadata" in payload:
        prompt["metadata"] = payload["metadata"] or {}
    return prompt


def _version(before: Mapping[str, Any], payload: Mapping[str, Any], now: int) -> Fields:
    """What is given, over what was there; null takes it away. Raises CallerError for what is not to be kept."""
    for index, tool in enumerate(payload.get("tools") or ()):
        for name in _CREDENTIALS:
            if tool.get(name):
                param = f"tools[{index}].{name}"
                raise unsupported(param, "a prompt keeps no credentials; give the tool in the request", code="unsupported_parameter")
    template = {name: payload.get(name, before.get(name)) for name in TEMPLATE_FIELDS}
    return {"created_at": now, **{name: value for name, value in template.items() if value is not None}}


def _encoded(version: Fields) -> bytes:
    """Raises TooDeep, BodyTooLarge."""
    encoded = encode_item(version)
    if len(encoded) > LARGEST_VERSION:
        message = f"A prompt may have {LARGEST_VERSION} bytes, this one has {len(encoded)}; images and files can be variables."
        raise BodyTooLarge(message, code="request_too_large")
    return encoded


def _prompt(unique: str, prompt: Fields, number: int, version: Fields) -> Fields:
    head = {"id": ids.prompt_id(unique), "object": "prompt", **prompt, "version": str(number)}
    return {**_template(version), **head}


def _shown_version(call: Call, number: int, version: Fields) -> Fields:
    return {"id": str(number), "object": "prompt.version", "prompt_id": call.path("prompt_id"), **_template(version)}


def _template(version: Fields) -> Fields:
    return {**version, "variables": variables(version.get("instructions"))}


async def _load(call: Call, number: int | None = None) -> StoredPrompt:
    """Raises NotFound, UnknownItem."""
    try:
        return await call.gateway.store.prompts.load(call.caller.tenant, _unique(call), number)
    except NotStored:
        raise _unknown(call) from None


def _unique(call: Call) -> str:
    unique = ids.parse_prompt(call.path("prompt_id"))
    if unique is None:
        raise _unknown(call)
    return unique


def _unknown(call: Call) -> GatewayError:
    return not_found("Prompt", call.path("prompt_id"))
