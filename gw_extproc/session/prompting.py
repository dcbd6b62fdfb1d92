"""A request that names a stored prompt: completed by it before it is looked at as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from gw_extproc.core import ids
from gw_extproc.core.errors import NotFound, quote
from gw_extproc.core.prompts import filled
from gw_extproc.core.stored_items import input_part
from gw_extproc.schema.prompts import TEMPLATE_FIELDS
from gw_extproc.schema.requests import PromptedRequest
from gw_extproc.schema.validation import validate
from gw_extproc.session.gateway import Caller
from gw_extproc.store.errors import NotStored, UnknownItem
from gw_extproc.store.prompts import StoredPrompt

Body = Mapping[str, Any]

MOST_DIGITS = 9
"""Of a version's number: far more than anybody makes."""

_DEFAULTS = tuple(name for name in TEMPLATE_FIELDS if name != "instructions")


async def requested(payload: object, caller: Caller) -> Body:
    """The validated request. What it leaves out is its prompt's, where it names one; then its instructions may be a list of messages.

    Raises CallerError, StoreDown.
    """
    if not isinstance(payload, dict) or payload.get("prompt") is None:
        return validate(payload)
    prompt: Body = validate({"prompt": payload["prompt"]}, PromptedRequest)["prompt"]
    stored = await _load(prompt, caller)
    version: Body = orjson.loads(stored.version)
    given = prompt.get("variables") or {}
    values = {name: value if isinstance(value, str) else input_part(value) for name, value in given.items()}
    instructions = filled(version.get("instructions"), values)
    defaults = {name: version[name] for name in _DEFAULTS if name in version}
    request = validate(defaults | {name: value for name, value in payload.items() if value is not None})
    said = {"instructions": instructions} if instructions is not None and request.get("instructions") is None else {}
    return {**request, **said, "prompt": {"id": prompt["id"], "version": str(stored.number), "variables": values}}


async def _load(prompt: Body, caller: Caller) -> StoredPrompt:
    id, version = prompt["id"], prompt.get("version")
    unique, number = ids.parse_prompt(id), None if version is None else version_number(version)
    try:
        if unique is None:
            raise NotStored
        if version is not None and number is None:
            await caller.store.prompts.load(caller.tenant, unique)
            raise UnknownItem
        return await caller.store.prompts.load(caller.tenant, unique, number)
    except NotStored:
        raise NotFound(f"Prompt with id {quote(id)} not found.", code="prompt_not_found", param="prompt.id") from None
    except UnknownItem:
        message = f"Version {quote(str(version))} of the prompt {quote(id)} not found."
        raise NotFound(message, code="prompt_version_not_found", param="prompt.version") from None


def version_number(version: str) -> int | None:
    """None where no version can be called that: a number is written in one way only."""
    is_one = version.isascii() and version.isdecimal() and not version.startswith("0") and len(version) <= MOST_DIGITS
    return int(version) if is_one else None
