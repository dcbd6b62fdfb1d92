"""What the two standards and the openai SDK take for a valid event or response."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import orjson
import pydantic
from jsonschema import Draft202012Validator
from openai.types.responses import Response, ResponseStreamEvent

from tests.beside import SPEC
from tests.events import Json

DOCUMENTS = {"openai": ("openai-openapi-subset.json", "Response"), "open-responses": ("openresponses-openapi.json", "ResponseResource")}
"""Document and name of the response object for each wire profile."""

NOT_IN_OPEN_RESPONSES = ("response.custom_tool_call_input.", "response.shell_call_command.")
ITEMS_OF_OPEN_RESPONSES = ("message", "function_call", "reasoning")
"""Other items are OpenAI's; a client of Open Responses that offers such tools knows them."""

_OF_THE_SDK: Mapping[str, type[pydantic.BaseModel]] = {
    typing.get_args(model.model_fields["type"].annotation)[0]: model
    for model in typing.get_args(typing.get_args(ResponseStreamEvent)[0])
}


def faults(events: list[Json], profile: str) -> list[str]:
    """What is wrong with these events, by the SDK and, where it is there, by the document of the profile."""
    return [
        f"{event['type']}: {fault}" for event in _different(events) for fault in (*_sdk(event, profile), *_document(event, profile))
    ]


def _different(events: list[Json]) -> Iterator[Json]:
    """One delta stands for those that follow it: they were made alike."""
    before = ""
    for event in events:
        if not (event["type"] == before and before.endswith(".delta")):
            yield event
        before = event["type"]


def _sdk(event: Json, profile: str) -> Iterator[str]:
    model = _OF_THE_SDK.get(event["type"])
    if model is None or (event["type"] == "error" and profile == "open-responses"):
        if profile == "openai":
            yield "unknown to the SDK"
        return
    try:
        model.model_validate(event)
        if "response" in event:
            Response.model_validate(event["response"])
    except pydantic.ValidationError as error:
        yield str(error)


def _document(event: Json, profile: str) -> Iterator[str]:
    if not SPEC.is_dir():
        return
    if profile == "open-responses":
        if (
            event["type"].startswith(NOT_IN_OPEN_RESPONSES)
            or event.get("item", {"type": "message"})["type"] not in ITEMS_OF_OPEN_RESPONSES
        ):
            return
        event = _of_open_responses(event)
    elif event.get("response", {}).get("usage", {}) is None:
        # OpenAI sends the null that Open Responses requires; its document has forgotten it.
        event = {**event, "response": {name: value for name, value in event["response"].items() if name != "usage"}}
    names = _event_names(profile)
    if event["type"] not in names:
        yield f"unknown to {profile}"
        return
    for error in _validator(profile, names[event["type"]]).iter_errors(event):
        deepest = max(_leaves(error), key=lambda each: len(each.absolute_path))
        yield f"{'.'.join(map(str, deepest.absolute_path))}: {deepest.message[:300]}"


def _leaves(error: Any) -> Iterator[Any]:
    for inner in error.context or ():
        yield from _leaves(inner)
    if not error.context:
        yield error


def _of_open_responses(event: Json) -> Json:
    """The event without what that document has no words for: OpenAI's items, tools, choices and formats (spec digest, section h)."""
    if "response" not in event:
        return event
    response = dict(event["response"])
    response["output"] = [item for item in response["output"] if item["type"] in ITEMS_OF_OPEN_RESPONSES]
    response["tools"] = [tool for tool in response["tools"] if tool["type"] == "function"]
    if response["text"]["format"]["type"] == "json_schema":
        response["text"] = {**response["text"], "format": {"type": "text"}}
    return {**event, "response": response}


@cache
def _components(profile: str) -> Json:
    components: Json = orjson.loads((SPEC / DOCUMENTS[profile][0]).read_bytes())["components"]
    return components


@cache
def _event_names(profile: str) -> Mapping[str, str]:
    """Event type to the name of its schema."""
    schemas = _components(profile)["schemas"]
    types = {name: schema.get("properties", {}).get("type", {}).get("enum", []) for name, schema in schemas.items()}
    return {
        found[0]: name
        for name, found in types.items()
        if name.endswith("Event")
        and not name.startswith("WebSocket")
        and len(found) == 1
        and "sequence_number" in schemas[name]["properties"]
    }


@cache
def _validator(profile: str, name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": _components(profile)})


def required(profile: str) -> set[str]:
    """The fields that the profile's document requires of a response."""
    schemas = _components(profile)["schemas"]
    schema = schemas[DOCUMENTS[profile][1]]
    parts = [schema, *(schemas[part["$ref"].rpartition("/")[2]] if "$ref" in part else part for part in schema.get("allOf", ()))]
    return {name for part in parts for name in part.get("required", ())}
