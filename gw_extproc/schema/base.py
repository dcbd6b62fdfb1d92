"""What all models of the schema share: strictness, and unions that are chosen by looking at the value."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Discriminator, Field


class WireModel(BaseModel):
    """An object on the wire: no coercion, fields that it does not name are accepted unread.

    Explicit null is as good as absent wherever a field may be left out, so every optional field is `... | None = None`.
    A model's validator is built when it is first used, with all that it holds: one for each model took a tenth of a worker's start.
    """

    model_config = ConfigDict(strict=True, extra="ignore", defer_build=True)


class SentModel(WireModel):
    """An object that the gateway sends: described, never validated while it runs."""


def absent() -> Any:
    """The default of a field that the gateway leaves out where there is nothing to say, and never sends as null."""
    return Field(default=None, json_schema_extra=_without_default)


def _without_default(schema: dict[str, Any]) -> None:
    del schema["default"]


JsonObject = dict[str, object]
# On every list: without it pydantic reports each of a million wrong elements, and needs seconds to do so.
FAIL_FAST = Field(fail_fast=True)
NonEmpty = Annotated[str, Field(min_length=1)]


class TypedObject(WireModel):
    """An object of which only the `type` matters: a kind that we do not know, or one with nothing else to check."""

    type: NonEmpty


def type_tag(value: object) -> str | None:
    """The union tag of an object: its `type`, in brackets that tell tags from field names in an error's location."""
    kind = value.get("type") if isinstance(value, dict) else None
    return f"<{kind}>" if isinstance(kind, str) else None


def shape_tag(value: object) -> str | None:
    """The union tag of a field that may be a string or something else."""
    for kind, tag in ((str, "<string>"), (list, "<array>"), (dict, "<object>")):
        if isinstance(value, kind):
            return tag
    return None


def string_or_type(value: object) -> str | None:
    """The union tag of a field that may be a string or an object of some type."""
    return "<string>" if isinstance(value, str) else type_tag(value)


def is_tag(step: str | int) -> bool:
    """Whether a step of an error's location is a union's tag, or pydantic's word for "the key itself", and no field."""
    return isinstance(step, str) and (step == "[key]" or (step.startswith("<") and step.endswith(">")))


def tags(union: object) -> frozenset[str]:
    """All tags of a union whose members are `Annotated[model, Tag(...)]`."""
    return frozenset(get_args(member)[1].tag for member in get_args(union))


BY_TYPE = Discriminator(type_tag)
STRING_OR_ARRAY = Discriminator(shape_tag, custom_error_type="shape", custom_error_message="a string or an array")
STRING_OR_OBJECT = Discriminator(shape_tag, custom_error_type="shape", custom_error_message="a string or an object")
