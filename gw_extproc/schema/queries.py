"""Query parameters: what each read takes, and what a caller is told of a wrong one, in OpenAI's words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from gw_extproc.core.errors import CallerError, quote
from gw_extproc.schema.requests import Include


class Query(BaseModel):
    """Parameters come as text, so they are read as what they are to be; those that a read does not know are not looked at."""

    model_config = ConfigDict(extra="ignore")


class Inclusion(Query):
    include: Annotated[list[Include], Field(description="Further fields to show; see docs/api.md.")] = []


class RetrieveQuery(Inclusion):
    stream: Annotated[bool, Field(description="Whether to replay the events of the response.")] = False
    starting_after: Annotated[
        int | None, Field(ge=0, description="The sequence number after which the replay begins; without it, with the first event.")
    ] = None
    include_obfuscation: Annotated[bool | None, Field(description="Accepted; the gateway does not obfuscate.")] = None


class ListQuery(Query):
    limit: Annotated[int, Field(ge=1, le=100, description="How many items to list at most.")] = 20
    order: Annotated[Literal["asc", "desc"], Field(description="Oldest first or newest first.")] = "desc"
    after: Annotated[str | None, Field(description="The id of the item after which, in that order, the list begins.")] = None


class PageQuery(ListQuery, Inclusion):
    """A page of items."""


Q = TypeVar("Q", bound=Query)

_IN_BRACKETS = re.compile(r"(.+?)\[[0-9]*\]")  # lists are written include=a, include[]=a or include[0]=a
_LISTS = frozenset({"include"})
_EXPECTED = {"int_parsing": "an integer", "int_parsing_size": "an integer", "bool_parsing": "a boolean"}


def validate_query(model: type[Q], given: Iterable[tuple[str, str]]) -> Q:
    """Reads the parameters; of one that stands there twice the last counts, and an empty one is as good as absent.

    Raises CallerError for the first that is wrong, with its name in `param`.
    """
    try:
        return model.model_validate(_collected(given))
    except ValidationError as error:
        raise _caller_error(error.errors(include_url=False)[0]) from None


def _collected(given: Iterable[tuple[str, str]]) -> Mapping[str, str | Sequence[str]]:
    values: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    for name, value in given:
        found = _IN_BRACKETS.fullmatch(name)
        name = found[1] if found else name
        if name in _LISTS:
            lists.setdefault(name, []).append(value)
        else:
            values[name] = value
    return {name: value for name, value in values.items() if value} | lists


def _caller_error(details: ErrorDetails) -> CallerError:
    kind, given, context = details["type"], quote(str(details["input"])), details.get("ctx", {})
    name, *index = details["loc"]
    param = str(name) + "".join(f"[{step}]" for step in index)
    match kind:
        case "greater_than_equal":
            code, rest = "integer_below_min_value", f"integer below minimum value. Expected a value >= {context['ge']}"
        case "less_than_equal":
            code, rest = "integer_above_max_value", f"integer above maximum value. Expected a value <= {context['le']}"
        case "literal_error":
            message = f"Invalid value: {given}. Supported values are: {_listed(str(context['expected']))}."
            return CallerError(message, code="invalid_value", param=param)
        case _:
            message = f"Invalid type for '{param}': expected {_EXPECTED[kind]}, but got {given} instead."
            return CallerError(message, code="invalid_type", param=param)
    return CallerError(f"Invalid '{param}': {rest}, but got {details['input']} instead.", code=code, param=param)


def _listed(expected: str) -> str:
    """pydantic's list of values, with an "and" where it has an "or"."""
    values, _, last = expected.rpartition(" or ")
    return f"{values}{',' if ',' in values else ''} and {last}"
