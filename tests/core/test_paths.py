"""Which paths the gateway answers for."""

from __future__ import annotations

import pytest

from gw_extproc.core.paths import is_own


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/responses/resp_1/input_items", "/v1/conversations", "/v1/models/m"])
def test_own_paths_and_all_below_are_own(path: str) -> None:
    assert is_own(path)


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/responsesx", "/v1/chat/completions", "/x/v1/responses", ""])
def test_others_are_not(path: str) -> None:
    assert not is_own(path)
