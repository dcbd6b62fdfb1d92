"""openapi.yaml: whole, and about what the application really serves."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gw_extproc.api.operations import OPERATIONS
from tests.openapi.document import document

DOCUMENT = document()


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if "$ref" in value else set(value.get("mapping", {}).values()) if "propertyName" in value else set()
        return own.union(*(references(each) for each in value.values()))
    return set().union(*(references(each) for each in value)) if isinstance(value, list) else set()


def test_all_that_it_refers_to_is_there_and_nothing_else() -> None:
    known = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert references(DOCUMENT) == known


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_each_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(DOCUMENT["components"]["schemas"][name])


def test_it_has_every_operation_once() -> None:
    described = [operation["operationId"] for methods in DOCUMENT["paths"].values() for operation in methods.values()]
    assert sorted(described) == sorted(operation.id for operation in OPERATIONS)
    assert len(set(described)) == len(described)


def test_a_parameter_of_the_path_stands_in_it() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for operation in methods.values():
            for parameter in operation.get("parameters", ()):
                assert (parameter["in"] == "path") == (f"{{{parameter['name']}}}" in path)
