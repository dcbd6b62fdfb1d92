"""Values for JSON schemas, deterministic and plausible: the demo model's arguments and documents."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from urllib.parse import unquote

Json = Mapping[str, object]

_CAPITALISED = re.compile(r"\b(?:in|at|for|near|to|from|of)\s+([A-ZÀ-Þ][\w'-]*(?:,? [A-ZÀ-Þ][\w'-]*)*)")
_AFTER_IN = re.compile(r"\b(?:in|near|at)\s+(\w+)")
_PLACES = {"location", "city", "place", "town", "address", "origin", "destination"}
_SAYINGS = {"query", "question", "prompt", "text", "message", "input"}
_SAMPLES = {
    "": "demo",
    "date": "2025-01-01",
    "date-time": "2025-01-01T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "demo@example.com",
    "uri": "https://example.com/",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "name": "Demo",
    "handle": "@demo",
    "digits": "1234",
    "code": "DEMO",
}
_DEEP = 4  # from here on a recursive schema is brought to its end
_DEEPEST = 12  # a schema that has no end is left unmet here


def mapping(value: object) -> Json:
    """The value where it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> list[object]:
    """The value where it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else []


def shorten(text: str, limit: int = 120) -> str:
    """The text on one line, and no longer than `limit`."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def name_words(name: str) -> set[str]:
    """The words of a name or text in lower case: `getWeather` and `get_weather` are both get and weather."""
    return set(re.findall(r"[^\W_]+", re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name).lower()))


@dataclass(frozen=True)
class Values:
    """Makes the plainest value that a JSON schema allows; knows the schema's root (for $ref) and the user's text.

    It does not look at uniqueItems, minProperties, patternProperties, not, if/then or contains; of a pattern it only
    tries a few samples.
    """

    root: Json
    text: str

    def value(self, schema: object, name: str = "", depth: int = 0) -> object:
        plain = self._plain(schema, depth)
        if "const" in plain:
            return plain["const"]
        if options := sequence(plain.get("enum")):
            return next((option for option in options if option is not None), None)
        match _kind(plain, depth):
            case "object" if depth < _DEEPEST:
                properties = mapping(plain.get("properties"))
                names = [key for key in sequence(plain.get("required")) if isinstance(key, str)]
                return {key: self.value(properties.get(key), key, depth + 1) for key in names}
            case "array" if depth < _DEEPEST:
                return self._array(plain, name, depth)
            case "string":
                return _string(plain, name, self.text)
            case "integer":
                return _number(plain, 1)
            case "number":
                return _number(plain, 0.5)
            case "boolean":
                return False
        return None

    def _array(self, plain: Json, name: str, depth: int) -> list[object]:
        """One element, or as many as there must be; none where a recursive schema has to end."""
        least = int(_bound(plain, "minItems", 0))
        wanted = max(least, 0 if depth >= _DEEP else 1)
        first = sequence(plain.get("prefixItems"))
        schemas = [*first, *[plain.get("items")] * max(0, wanted - len(first))]
        schemas = schemas[: int(_bound(plain, "maxItems", len(schemas)))]
        return [self.value(schema, name.removesuffix("s"), depth + 1) for schema in schemas]

    def _plain(self, schema: object, depth: int) -> Json:
        """The schema without references and alternatives: one of the values that it allows is enough."""
        plain = mapping(schema)
        for _ in range(_DEEPEST):
            parts = [mapping(part) for part in sequence(plain.get("allOf"))]
            parts += [_choose(sequence(plain[key]), depth) for key in ("anyOf", "oneOf") if sequence(plain.get(key))]
            if isinstance(reference := plain.get("$ref"), str):
                parts.append(self._resolve(reference))
            if not parts:
                break
            rest = {key: value for key, value in plain.items() if key not in ("allOf", "anyOf", "oneOf", "$ref")}
            plain = reduce(_merge, parts, rest)
        return plain

    def _resolve(self, reference: str) -> Json:
        """What a JSON pointer into the same schema ("#/$defs/place") names, or an empty schema."""
        found: object = self.root
        for key in unquote(reference.removeprefix("#")).split("/")[1:]:
            key = key.replace("~1", "/").replace("~0", "~")
            options = sequence(found)
            found = options[int(key)] if key.isdigit() and int(key) < len(options) else mapping(found).get(key)
        return mapping(found)


def _merge(one: Json, other: Json) -> Json:
    properties = {**mapping(one.get("properties")), **mapping(other.get("properties"))}
    required = dict.fromkeys([*sequence(one.get("required")), *sequence(other.get("required"))])
    return {**one, **other, "properties": properties, "required": list(required)}


def _choose(options: Sequence[object], depth: int) -> Json:
    """The first alternative that is not null; in a recursive schema, from some depth on, the one that ends it."""
    schemas = [mapping(option) for option in options]
    if depth < _DEEP:
        return next((schema for schema in schemas if schema.get("type") != "null"), schemas[0])
    return min(schemas, key=lambda schema: ("$ref" in schema, "properties" in schema, schema.get("type") != "null"))


def _kind(plain: Json, depth: int) -> object:
    kind = plain.get("type")
    if kind is None:
        implied = {"properties": "object", "items": "array", "prefixItems": "array", "minimum": "number"}
        return next((implied[key] for key in implied if plain.get(key)), "string")
    if kinds := sequence(kind):
        return min(kinds, key=lambda one: (one == "null") == (depth < _DEEP))
    return kind


def _string(plain: Json, name: str, text: str) -> str:
    """A place from the user's text, the text itself or a sample, by the property's name and the schema's format."""
    samples = list(_SAMPLES.values())
    if plain.get("format") in _SAMPLES:
        samples.insert(0, _SAMPLES[str(plain["format"])])
    elif name_words(name) & _PLACES:
        samples.insert(0, _place(text))
    elif name_words(name) & _SAYINGS and text.strip():
        samples.insert(0, shorten(text))
    pattern = plain.get("pattern")
    chosen = next((sample for sample in samples if isinstance(pattern, str) and _matches(pattern, sample)), samples[0])
    least, most = int(_bound(plain, "minLength", 0)), int(_bound(plain, "maxLength", len(chosen)))
    return (chosen + "." * (least - len(chosen)))[: max(least, most)]


def _matches(pattern: str, sample: str) -> bool:
    try:
        return re.search(pattern, sample) is not None
    except re.error:  # JSON Schema writes patterns as JavaScript does; Python does not read all of them
        return False


def _place(text: str) -> str:
    found = _CAPITALISED.search(text) or _AFTER_IN.search(text)
    return found[1] if found else "Paris"


def _number(plain: Json, step: float) -> float:
    """1 where it is allowed, else the first of a few numbers near the bounds that is; `step` is 1 for integers."""
    low = max(_bound(plain, "minimum", -math.inf), _bound(plain, "exclusiveMinimum", -math.inf))
    high = min(_bound(plain, "maximum", math.inf), _bound(plain, "exclusiveMaximum", math.inf))
    excluded = (plain.get("exclusiveMinimum"), plain.get("exclusiveMaximum"))
    multiple = _bound(plain, "multipleOf", 0) or step
    bounds = [bound for bound in (low, high) if math.isfinite(bound)]
    near = [multiple * (round(bound / multiple) + shift) for bound in bounds for shift in (0, 1, -1)]
    for number in [1, multiple, *near]:
        if low <= number <= high and number not in excluded and (number / multiple).is_integer():
            return int(number) if step == 1 else number
    return sum(bounds) / 2 if step < 1 else 1


def _bound(plain: Json, key: str, default: float) -> float:
    bound = plain.get(key)
    return bound if isinstance(bound, int | float) and not isinstance(bound, bool) else default
