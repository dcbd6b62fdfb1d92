"""The models: those that the upstream lists, and the further names that the settings give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.responses import Response

from gw_extproc.api.call import Call, json
from gw_extproc.core import upstream_errors
from gw_extproc.core.errors import BAD_ANSWER, NotFound, UpstreamError, quote

Model = Mapping[str, Any]

LARGEST_LIST = 16 * 1024 * 1024
"""Bytes of the upstream's list: the longest known, a marketplace's with prices and descriptions, has one megabyte."""


async def list_all(call: Call) -> Response:
    return json({"object": "list", "data": await _models(call)})


async def retrieve(call: Call) -> Response:
    """Looks into the list, because many servers have nothing else."""
    name = call.path("model")
    found = next((model for model in await _models(call) if model["id"] == name), None)
    if found is None:
        raise _unknown(name)
    return json(found)


async def _models(call: Call) -> Sequence[Model]:
    models = [_model(given) for given in await _listed(call) if isinstance(given, dict) and isinstance(given.get("id"), str)]
    known = {model["id"]: model for model in models}
    aliases = call.gateway.settings.model_aliases.items()
    return [*models, *(_alias(name, known.get(target)) for name, target in aliases if name not in known)]


async def _listed(call: Call) -> Sequence[object]:
    """What the upstream lists, for the caller's key or the gateway's."""
    headers = {name: value for name, value in call.headers.items() if name == "authorization"}
    async with call.gateway.upstream.call("GET", "/models", headers) as answered:
        body = await answered.read(LARGEST_LIST)
    if answered.status != 200:
        raise upstream_errors.reshape(answered.status, body)
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise UpstreamError("The upstream's list of models is not JSON.", code=BAD_ANSWER) from None
    found = document.get("data") if isinstance(document, dict) else document  # Together sends the bare list
    return found if isinstance(found, list) else ()


def _model(given: Model) -> Model:
    """With every field that OpenAI's document has, and whatever else the upstream says."""
    created, owner = given.get("created"), given.get("owned_by")
    return {
        **given,
        "object": "model",
        "created": int(created) if isinstance(created, int | float) else 0,
        "owned_by": owner if isinstance(owner, str) else "unknown",
    }


def _alias(name: str, target: Model | None) -> Model:
    target = target or {}
    return {"id": name, "object": "model", "created": target.get("created", 0), "owned_by": target.get("owned_by", "unknown")}


def _unknown(name: str) -> NotFound:
    return NotFound(f"The model {quote(name)} does not exist.", code="model_not_found", param="model")
