"""Validation at the door: a decoded JSON body is a request, or the caller is told which field is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gw_extproc.core.errors import CallerError, quote, shorten
from gw_extproc.schema.base import is_tag
from gw_extproc.schema.requests import CreateResponse, JsonSchemaFormat, ReasoningOptions, StreamOptions, TextOptions


def _fields(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(field.alias or name for name, field in model.model_fields.items())


_FIELDS = _fields(CreateResponse)
_OPTIONS = {
    "text": _fields(TextOptions),
    "reasoning": _fields(ReasoningOptions),
    "stream_options": _fields(StreamOptions),
}
_FORMAT = _fields(JsonSchemaFormat)

_EXPECTED = {
    "string_type": "a string",
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "a boolean",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
}
_GIVEN = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}
# pydantic's error -> OpenAI's code, and what stands after the field's name.
_BOUNDS = {
    "greater_than_equal": ("{number}_below_min_value", "expected at least {ge}, but got {given}."),
    "less_than_equal": ("{number}_above_max_value", "expected at most {le}, but got {given}."),
    "finite_number": ("invalid_value", "expected a finite number, but got {given}."),
    "string_too_long": ("string_above_max_length", "expected at most {max_length} characters, but got {given}."),
    "string_pattern_mismatch": ("invalid_value", "expected a string that matches {pattern}, but got {given}."),
    "string_unicode": ("invalid_value", "expected valid Unicode, but got {given}."),
    "too_long": ("object_above_max_properties", "expected at most {max_length} properties, but got more."),
    "list_too_long": ("array_above_max_length", "expected at most {max_length} elements, but got more."),
    "too_short": ("empty_array", "expected at least {min_length} element, but got none."),
}


def prepare() -> None:
    """Builds the validator that most requests need, so that the first of them does not wait for it."""
    CreateResponse.model_rebuild()


def validate(payload: object, model: type[BaseModel] = CreateResponse) -> dict[str, Any]:
    """Returns the caller's own mapping, neither copied nor changed.

    Raises CallerError for the first field that is wrong, with its path in `param`; `param` is None where the body as a
    whole is no object.
    """
    if not isinstance(payload, dict):
        kind = _GIVEN.get(type(payload), "another value")
        raise CallerError(f"Invalid type for the request body: expected an object, but got {kind}.", code="invalid_type")
    try:
        model.model_validate(payload)
    except ValidationError as error:
        raise caller_error(error.errors(include_url=False)[0]) from None
    return cast(dict[str, Any], payload)


def unknown_fields(payload: Mapping[str, Any]) -> list[str]:
    """The paths of the fields that the API does not have, of a validated request and of its options, in the order sent.

    A null asks for nothing. Tools and items are not looked at: the translation, which reads them, names what it does not read.
    """
    places = [("", payload, _FIELDS)]
    places += [(f"{name}.", options, known) for name, known in _OPTIONS.items() if (options := payload.get(name))]
    if form := (payload.get("text") or {}).get("format"):
        places.append(("text.format.", form, _FORMAT))
    return [
        f"{path}{name}" for path, fields, known in places for name, value in fields.items() if value is not None and name not in known
    ]


@dataclass(frozen=True)
class _Fault:
    """What pydantic found, with the unions taken out of it."""

    kind: str
    path: Sequence[str | int]
    value: object
    context: Mapping[str, Any]
    message: str

    @property
    def param(self) -> str:
        """The path in OpenAI's style: `input[0].content[1].image_url`."""
        steps = (f"[{step}]" if isinstance(step, int) else f".{shorten(step)}" for step in self.path)
        return "".join(steps).removeprefix(".")

    @property
    def given(self) -> str:
        """The value where it is short, else its type."""
        value = self.value
        if isinstance(value, str):
            return quote(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53:
            return str(value)
        return _GIVEN.get(type(value), "another value")


def caller_error(details: ErrorDetails) -> CallerError:
    """Says in one sentence what pydantic found, with OpenAI's code and the path of the field."""
    fault = _fault(details)
    message, code = _missing(fault) or _unknown(fault) or _wrong_type(fault) or _wrong_value(fault)
    return CallerError(message, code=code, param=fault.param)


def _fault(details: ErrorDetails) -> _Fault:
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    path = [step for step in details["loc"] if not is_tag(step)]
    if kind == "too_long" and isinstance(value, list):
        kind = "list_too_long"
    elif kind == "one_of":
        path.append(context["field"])
    elif kind.startswith("union_tag") and not isinstance(value, dict):
        kind = "model_type"
    elif kind.startswith("union_tag") and value.get("type") is None:
        path.append("type")
        kind = "missing"
    elif kind.startswith("union_tag"):
        path.append("type")
        value = value["type"]
        kind = "literal_error" if isinstance(value, str) else "string_type"
        context = {"expected": str(context.get("expected_tags")).replace("<", "").replace(">", "")}
    return _Fault(kind, path, value, context, details["msg"])


def _missing(fault: _Fault) -> tuple[str, str] | None:
    """Null and "" where a value is needed are as good as nothing."""
    text = f"Missing required parameter: '{fault.param}'"
    match fault:
        case _Fault(kind="missing", value=dict(parent), path=[*_, str(field)]):
            text += _nested_hint(parent, field)
        case _Fault(kind="one_of"):
            text += f" (one of {fault.context['names']} is needed)."
        case _Fault(kind="string_too_short"):
            text += ", which is empty."
        case _Fault(value=None, path=[*_, str()]):
            text += ", which is null."
        case _:
            return None
    return text, "missing_required_parameter"


def _nested_hint(parent: Mapping[str, Any], field: str) -> str:
    """Chat Completions nests a tool, a tool choice and a JSON schema one level deeper; a common mistake."""
    kind = parent.get("type")
    if isinstance(kind, str) and isinstance(parent.get(kind), dict) and field in parent[kind]:
        return f": it belongs beside 'type', not inside '{kind}' as in Chat Completions."
    return "."


def _unknown(fault: _Fault) -> tuple[str, str] | None:
    return (f"Unknown parameter: '{fault.param}'.", "unknown_parameter") if fault.kind == "extra_forbidden" else None


def _wrong_type(fault: _Fault) -> tuple[str, str] | None:
    expected = fault.message if fault.kind == "shape" else _EXPECTED.get(fault.kind)
    if expected is None:
        return None
    hint = " (give the URL itself)" if isinstance(fault.value, dict) and "url" in fault.value else ""
    kind = _GIVEN.get(type(fault.value), "another value")
    return f"Invalid type for '{fault.param}': expected {expected}{hint}, but got {kind}.", "invalid_type"


def _wrong_value(fault: _Fault) -> tuple[str, str]:
    """Values of the right type; what this table does not know of pydantic's errors is told in pydantic's words."""
    text = f"Invalid value for '{fault.param}': "
    if fault.kind == "literal_error":
        code = "invalid_value" if isinstance(fault.value, str) else "invalid_type"
        return f"{text}expected {fault.context['expected']}, but got {fault.given}.", code
    if fault.kind not in _BOUNDS:
        return f"{text}{fault.message}.", "invalid_value"
    code, rest = _BOUNDS[fault.kind]
    bound = fault.context.get("ge", fault.context.get("le"))
    number = "integer" if isinstance(bound, int) else "decimal"
    return text + rest.format(given=fault.given, **fault.context), code.format(number=number)
