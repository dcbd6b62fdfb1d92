"""Labels have few values, whatever callers and upstreams say."""

from __future__ import annotations

import pytest

from gw_extproc.schema.requests import CreateResponse
from gw_extproc.telemetry.bounds import FIELDS, LEARNED, ModelNames, error_type, field_of, status_class


def test_fields_are_those_of_the_api() -> None:
    assert set(CreateResponse.model_fields) | {"usage"} == FIELDS | {"usage"}


@pytest.mark.parametrize(
    ("heading", "name", "field"),
    [
        ("not sent", "text.verbosity", "text"),
        ("fields not sent", "tools[0].invented", "tools"),
        ("fields not sent", "invented", "other"),
        ("tools left out", "web_search", "tools"),
        ("arguments repaired", "call_1", "input"),
        ("estimated", "usage", "usage"),
        ("not sent", "image detail", "other"),
        ("fields not sent", "\n", "other"),
    ],
)
def test_a_notice_is_about_a_field(heading: str, name: str, field: str) -> None:
    assert field_of(heading, name) == field


def test_models_that_are_named_are_told_apart_from_all_others() -> None:
    names = ModelNames(["mine"])
    names.answered("yours")
    assert [names.label(name) for name in ("mine", "yours", "")] == ["mine", "other", "other"]


def test_models_are_learned_from_success_and_not_for_ever() -> None:
    names = ModelNames(())
    assert names.label("m0") == "other"
    for number in range(2 * LEARNED):
        names.answered(f"m{number}")
    names.answered("")
    assert [names.label(name) for name in ("m0", f"m{LEARNED - 1}", f"m{LEARNED}", "")] == ["m0", f"m{LEARNED - 1}", "other", "other"]


def test_a_name_that_is_too_long_is_not_learned() -> None:
    names = ModelNames(())
    names.answered("m" * 101)
    assert names.label("m" * 101) == "other"


def test_errors_and_statuses() -> None:
    assert [error_type(word) for word in ("upstream_error", "GeneratorExit", "secret")] == ["upstream_error", "cancelled", "other"]
    assert [status_class(status) for status in (200, 429, None)] == ["2xx", "4xx", "none"]
