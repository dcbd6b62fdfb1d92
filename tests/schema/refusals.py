"""Words of the schema tests: a request with some fields, and the refusal that it meets."""

from __future__ import annotations

from typing import Any

import pytest

from gw_extproc.core.errors import CallerError
from gw_extproc.schema.validation import validate


def request(**fields: object) -> dict[str, Any]:
    return {"model": "m", **fields}


def accept(**fields: object) -> None:
    payload = request(**fields)
    assert validate(payload) is payload


def refuse(**fields: object) -> tuple[str | None, str | None]:
    """The path and the code of the error that these fields cause."""
    error = refusal(request(**fields))
    return error.param, error.code


def refusal(payload: object) -> CallerError:
    with pytest.raises(CallerError) as caught:
        validate(payload)
    assert caught.value.status == 400
    return caught.value
