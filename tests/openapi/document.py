"""openapi.yaml, made of the table of operations and the models that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

import gw_extproc
from gw_extproc.api.answered import ANSWERS
from gw_extproc.api.operations import OPERATIONS, Operation
from gw_extproc.local.commented_yaml import CommentedYaml
from gw_extproc.schema.answers import ErrorResponse, Explanation
from gw_extproc.schema.items import InputItem
from gw_extproc.schema.output_items import ItemResource, OutputItem
from gw_extproc.schema.stream import ResponseStreamEvent
from gw_extproc.schema.tools import ToolChoice, Tools
from gw_extproc.session import explaining

Json = dict[str, Any]

_REF = "#/components/schemas/{model}"
_JSON = "application/json"
_FAULTS: Mapping[str, str] = {
    "400": "The request is wrong; the message names the field.",
    "401": "The request does not say whose it is.",
    "404": "What it names is not there, or belongs to somebody else.",
    "413": "The body is larger than the gateway takes.",
    "415": "The body is not JSON, or compressed in a way that the gateway does not read.",
    "429": "The model server takes no more for now.",
    "502": "The model server failed.",
    "503": "The store or the model server cannot be reached.",
}
_UNIONS: Mapping[str, object] = {
    "InputItem": InputItem,
    "Tools": Tools,
    "ToolChoice": ToolChoice,
    "OutputItem": OutputItem,
    "ItemResource": ItemResource,
    "ResponseStreamEvent": ResponseStreamEvent,
}
"""Alternatives that stand in several places, and what to call them."""

_EXPLAIN: Json = {
    "name": explaining.HEADER,
    "in": "header",
    "required": False,
    "description": "Whether to tell what would be sent to the model, instead of sending it.",
    "schema": {"type": "string", "enum": ["1", "true", "0", "false"]},
}
_OF_BODIES = ("413", "415")
_UNREAD = ("/healthz", "/readyz")


class _Generator(GenerateJsonSchema):
    """Says of a default only what a client must know, and of models no titles: their names are those of the schemas."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def document() -> Json:
    schemas, components = _schemas()
    paths: Json = {}
    for operation in OPERATIONS:
        path = re.sub(r":path}", "}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gw-extproc",
            "version": gw_extproc.__version__,
            "description": "The Responses API in front of any Chat Completions server. Other paths below /v1 go to that server.",
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {}],
        "paths": paths,
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}, "schemas": components},
    }


def text() -> str:
    comment = "# Generated from gw_extproc/api/operations.py and gw_extproc/schema by `make openapi`.\n"
    return comment + CommentedYaml({}).text(document())


def _models() -> Iterator[tuple[object, JsonSchemaMode]]:
    for operation in OPERATIONS:
        yield ANSWERS[operation.id], "serialization"
        if operation.body is not None:
            yield operation.body, "validation"
    yield ErrorResponse, "serialization"
    yield Explanation, "serialization"
    yield from ((union, "serialization") for union in _UNIONS.values())


def _schemas() -> tuple[Mapping[int, Json], Json]:
    """The schema of each type in the table, by its identity, and what they refer to."""
    adapters: Mapping[tuple[int, JsonSchemaMode], TypeAdapter[Any]] = {
        (id(model), mode): TypeAdapter(cast(Any, model)) for model, mode in _models()
    }
    asked = [(key, mode, adapter) for (key, mode), adapter in adapters.items()]
    found, definitions = TypeAdapter.json_schemas(asked, ref_template=_REF, schema_generator=_Generator)
    plain: dict[int, Json] = {key: _plain(schema) for (key, _), schema in found.items()}
    unions = {name: plain[id(union)] for name, union in _UNIONS.items()}
    defined = {name: _plain(schema) for name, schema in cast(Json, definitions["$defs"]).items()}
    components: Json = {name: _short(schema, unions, name) for name, schema in sorted({**defined, **unions}.items())}
    return {key: _short(schema, unions) for key, schema in plain.items()}, components


def _short(schema: Any, unions: Mapping[str, Json], own: str = "") -> Any:
    """The schema with a reference wherever one of the unions stands, except in its own definition."""
    if isinstance(schema, dict):
        name = next((name for name, union in unions.items() if name != own and union == schema), None)
        return {"$ref": _REF.format(model=name)} if name else {key: _short(value, unions) for key, value in schema.items()}
    return [_short(each, unions) for each in schema] if isinstance(schema, list) else schema


def _plain(schema: Any) -> Any:
    """As OpenAPI readers like it: alternatives that may overlap are `anyOf`, each once; nulls and empty lists are no defaults."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain: Json = {
        name: _named(value) if name in ("properties", "$defs") else _plain(value)
        for name, value in schema.items()
        if not (name == "title" or (name == "default" and value in (None, [])))
    }
    if "oneOf" in plain and "discriminator" not in plain:
        plain["anyOf"] = plain.pop("oneOf")
    if "anyOf" in plain:
        flat = [inner for each in plain["anyOf"] for inner in (each["anyOf"] if set(each) == {"anyOf"} else [each])]
        plain["anyOf"] = [each for index, each in enumerate(flat) if each not in flat[:index]]
        if len(plain["anyOf"]) == 1:
            plain = {**plain.pop("anyOf")[0], **plain}
    return plain


def _named(fields: Mapping[str, Any]) -> Json:
    return {name: _plain(schema) for name, schema in fields.items()}


def _operation(operation: Operation, schemas: Mapping[int, Json]) -> Json:
    made: Json = {"operationId": operation.id, "summary": operation.summary, "tags": [operation.tag]}
    if operation.path in _UNREAD:
        made["security"] = []
    of_headers = [_EXPLAIN] if operation.explains else []
    if parameters := [*_path_parameters(operation), *_query_parameters(operation), *of_headers]:
        made["parameters"] = parameters
    if operation.body is not None:
        made["requestBody"] = {
            "required": operation.body_required,
            "content": {_JSON: {"schema": schemas[id(operation.body)]}},
        }
    return made | {"responses": _answers(operation, schemas)}


def _path_parameters(operation: Operation) -> Iterator[Json]:
    for name in re.findall(r"{(\w+)", operation.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameters(operation: Operation) -> Iterator[Json]:
    schema = operation.query.model_json_schema(schema_generator=_Generator)
    for name, described in schema.get("properties", {}).items():
        value = _plain({key: each for key, each in described.items() if key != "description"})
        alternatives = [each for each in value.get("anyOf", ()) if each != {"type": "null"}]
        if alternatives:
            (value,) = alternatives
        made = {"name": name, "in": "query", "required": False, "description": described["description"], "schema": value}
        yield made


def _answers(operation: Operation, schemas: Mapping[int, Json]) -> Json:
    answer = schemas[id(ANSWERS[operation.id])]
    content: Json = {_JSON: {"schema": {"anyOf": [answer, schemas[id(Explanation)]]} if operation.explains else answer}}
    if operation.streams:
        content["text/event-stream"] = {"schema": schemas[id(ResponseStreamEvent)]}
    answers: Json = {"200": {"description": "OK", "content": content}}
    if operation.path in _UNREAD:
        failed = {"503": {"description": "Not now.", "content": {_JSON: {"schema": schemas[id(ANSWERS[operation.id])]}}}}
        return answers | (failed if operation.id == "getReadiness" else {})
    return answers | {status: _fault(status, schemas) for status in _statuses(operation)}


def _statuses(operation: Operation) -> Sequence[str]:
    return [status for status in _FAULTS if status not in _OF_BODIES or operation.body is not None]


def _fault(status: str, schemas: Mapping[int, Json]) -> Json:
    return {"description": _FAULTS[status], "content": {_JSON: {"schema": schemas[id(ErrorResponse)]}}}
