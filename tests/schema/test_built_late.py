"""Validators are built when they are used, and the one that every request needs before the first of them comes."""

from __future__ import annotations

import subprocess
import sys

from gw_extproc.api.operations import OPERATIONS

_LOOK = "from gw_extproc.schema import requests, validation; {}; print(requests.CreateResponse.__pydantic_complete__)"


def _is_built_after(step: str) -> bool:
    printed = subprocess.run([sys.executable, "-c", _LOOK.format(step)], check=True, capture_output=True, text=True).stdout
    return printed == "True\n"


def test_importing_builds_no_validator() -> None:
    assert not _is_built_after("pass")


def test_a_worker_builds_that_of_requests() -> None:
    assert _is_built_after("validation.prepare()")


def test_each_body_of_the_table_can_be_built() -> None:
    for operation in OPERATIONS:
        if operation.body is not None:
            operation.body.model_rebuild(raise_errors=True)
            assert operation.body.__pydantic_complete__
