"""OpenAI's document beside ours: what of theirs is missing here, or otherwise.

Both are flattened into places: a path of property names, where `[]` is an element, `{}` a value of a map, and `<kind>` the alternative
of that `type`. An object that contains itself is followed once. What stands in many places (items, tools, the response object) is
compared in each and told once. What only we have is no difference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, reduce
from typing import Any

from tests.beside import SPEC
from tests.openapi.document import document

Json = dict[str, Any]

PATHS = ("/responses", "/conversations", "/models")
"""Theirs that the gateway has, with everything below."""

SHARED: Sequence[tuple[str, str]] = (
    (r".*\.tools\[\]", "tool "),
    (r".*\.tool_choice", "tool_choice "),
    (r".* event <.*>\.(?:item|response\.output\[\])", "output item "),
    (r".* event <.*>\.response", "response "),
    (r"(?:POST|GET) /responses(?:/{response_id}(?:/cancel)?)? answer \.output\[\]", "output item "),
    (r"(?:POST|GET) /responses(?:/{response_id}(?:/cancel)?)? answer ", "response "),
    (r".* request \.(?:input|items)\[\]", "input item "),
    (r".* answer \.(?:data|output)\[\](?=<(?!model))", "kept item "),
    (r"GET /conversations/{conversation_id}/items/{item_id} answer ", "kept item "),
    (r".* answer (?=\.metadata|\.object|\.created_at)", "conversation "),
)
"""Places that are told under a name of their own, by what leads there."""

_JSON = "application/json"
_EVENTS = "text/event-stream"


@dataclass(frozen=True)
class Difference:
    """`what` is missing, unlisted (an alternative that is taken, but not described), type, values or required."""

    where: str
    what: str
    theirs: str = ""
    ours: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f" ({self.theirs} / {self.ours})" if self.theirs or self.ours else "")


@dataclass(frozen=True)
class Facts:
    """What is said of one place."""

    types: frozenset[str]
    values: frozenset[str] | None
    """All that a string may be, None where it may be anything."""
    required: bool


class Flattened:
    """The places of one schema."""

    def __init__(self, components: Json) -> None:
        self._schemas = components["schemas"]
        self.places: dict[str, Facts] = {}
        self.open: set[str] = set()
        """Places that take an object of any `type`."""

    def add(self, place: str, schema: Json, *, required: bool = True, seen: frozenset[str] = frozenset()) -> None:
        found = list(self._alternatives(schema, seen))
        types = frozenset(kind for alternative, _ in found for kind in _types(alternative))
        texts = [alternative for alternative, _ in found if "string" in _types(alternative)]
        is_closed = bool(texts) and all(_values(alternative) for alternative in texts)
        values = frozenset(str(value) for alternative in texts for value in _values(alternative)) if is_closed else None
        self._note(place, Facts(types, values, required))
        for alternative, met in found:
            self._inside(place, alternative, met)

    def _inside(self, place: str, schema: Json, seen: frozenset[str]) -> None:
        if "items" in schema:
            self.add(f"{place}[]", schema["items"], seen=seen)
        if isinstance(schema.get("additionalProperties"), dict) and schema["additionalProperties"]:
            self.add(f"{place}{{}}", schema["additionalProperties"], seen=seen)
        for kind in self._kinds(place, schema):
            inside = f"{place}<{kind}>" if kind else place
            if kind:
                self._note(inside, Facts(frozenset({"object"}), None, required=True))
            for name, each in schema.get("properties", {}).items():
                if not (kind and name == "type"):
                    self.add(f"{inside}.{name}", each, required=name in schema.get("required", ()), seen=seen)

    def _kinds(self, place: str, schema: Json) -> Sequence[str]:
        kind = schema.get("properties", {}).get("type", {})
        alternatives = [alternative for alternative, _ in self._alternatives(kind, frozenset())] if kind else []
        if any("string" in _types(alternative) and not _values(alternative) for alternative in alternatives):
            self.open.add(place)
        return [str(value) for alternative in alternatives for value in _values(alternative)] or [""]

    def _note(self, place: str, facts: Facts) -> None:
        """Alternatives of one kind are one: all that any may be, required where all require it."""
        known = self.places.get(place)
        if known is not None:
            is_open = facts.values is None or known.values is None
            values = None if is_open else (facts.values or frozenset()) | (known.values or frozenset())
            facts = Facts(facts.types | known.types, values, facts.required and known.required)
        self.places[place] = facts

    def _alternatives(self, schema: Json, seen: frozenset[str]) -> Iterator[tuple[Json, frozenset[str]]]:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if name not in seen:
                yield from self._alternatives(self._schemas[name], seen | {name})
        elif "allOf" in schema:
            parts = [next(self._alternatives(part, seen), ({}, seen)) for part in schema["allOf"]]
            yield reduce(_merged, (part for part, _ in parts), {}), frozenset().union(*(met for _, met in parts))
        elif "anyOf" in schema or "oneOf" in schema:
            for each in schema.get("anyOf") or schema["oneOf"]:
                yield from self._alternatives(each, seen)
        else:
            yield schema, seen


def _merged(one: Json, other: Json) -> Json:
    return {
        **one,
        **other,
        "properties": {**one.get("properties", {}), **other.get("properties", {})},
        "required": [*one.get("required", ()), *other.get("required", ())],
    }


def _types(schema: Json) -> Sequence[str]:
    if "type" in schema:
        return schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if "properties" in schema:
        return ["object"]
    return ["string"] if _values(schema) else ["anything"]


def _values(schema: Json) -> Sequence[object]:
    return [schema["const"]] if "const" in schema else schema.get("enum", ())


@cache
def differences() -> Sequence[Difference]:
    """All of them, in the order of their document; those of a shared place once. To find them takes ten seconds, so they are kept."""
    theirs = json.loads((SPEC / "openai-openapi-subset.json").read_bytes())
    ours = document()
    found = []
    for path, methods in theirs["paths"].items():
        if path.startswith(PATHS):
            for method, operation in methods.items():
                mine = ours["paths"].get(f"/v1{path}", {}).get(method)
                name = f"{method.upper()} {path}"
                if mine is None:
                    found.append(Difference(name, "missing"))
                else:
                    found += _of_operation(name, (theirs, operation), (ours, mine))
    return list(dict.fromkeys(replace(each, where=_told(each.where)) for each in found))


def _told(where: str) -> str:
    for leading, name in SHARED:
        if found := re.match(leading, where):
            return f"{name}{where[found.end() :]}".replace(" .", ".").replace(" <", "<").strip()
    return where.strip()


Side = tuple[Json, Json]


def _of_operation(name: str, theirs: Side, ours: Side) -> Iterator[Difference]:
    for part, pick in {"parameter": _parameters, "request": _request, "answer": _answer, "event": _event}.items():
        yield from _compared(f"{name} {part}", pick(*theirs), pick(*ours))


def _compared(name: str, theirs: Flattened, ours: Flattened) -> Iterator[Difference]:
    missing: list[str] = []
    for place, their in theirs.places.items():
        where = f"{name} {place}"
        our = ours.places.get(place)
        if any(place.startswith(above) and re.match(r"[.<\[{]", place[len(above) :]) for above in missing):
            continue
        if our is None:
            missing.append(place)
            yield Difference(where, "unlisted" if place.rpartition("<")[0] in ours.open and place.endswith(">") else "missing")
            continue
        if their.types != our.types:
            yield Difference(where, "type", _list(their.types), _list(our.types))
        if their.values != our.values:
            yield Difference(where, "values", _list(_only(their, our)), _list(_only(our, their)))
        if their.required != our.required:
            yield Difference(where, "required", *("yes" if each.required else "no" for each in (their, our)))


def _only(one: Facts, other: Facts) -> frozenset[str]:
    """Values that only the one names."""
    return frozenset({"any"}) if one.values is None else one.values - (other.values or frozenset())


def _list(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _parameters(document: Json, operation: Json) -> Flattened:
    flat = Flattened(document["components"])
    for parameter in operation.get("parameters", ()):
        flat.add(parameter["name"], parameter["schema"], required=bool(parameter.get("required")))
    return flat


def _request(document: Json, operation: Json) -> Flattened:
    body = operation.get("requestBody", {})
    return _flattened(document, body.get("content", {}).get(_JSON), required=bool(body.get("required")))


def _answer(document: Json, operation: Json) -> Flattened:
    content = operation["responses"]["200"].get("content", {}).get(_JSON)
    return _flattened(document, content and {"schema": _without_ours(content["schema"])})


def _without_ours(schema: Json) -> Json:
    """Without the alternative that only a header of the gateway's own asks for."""
    first, *others = schema.get("anyOf", (schema,))
    return first if others == [{"$ref": "#/components/schemas/Explanation"}] else schema


def _event(document: Json, operation: Json) -> Flattened:
    return _flattened(document, operation["responses"]["200"].get("content", {}).get(_EVENTS))


def _flattened(document: Json, content: Json | None, *, required: bool = True) -> Flattened:
    flat = Flattened(document["components"])
    if content is not None:
        flat.add("", content["schema"], required=required)
    return flat
