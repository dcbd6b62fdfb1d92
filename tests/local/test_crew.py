"""The crew's guardian: what it needs, and what a start without it leaves open."""

from __future__ import annotations

import tempfile
from pathlib import Path

import psutil
import pytest

from gw_extproc.local.crew import gathered
from gw_extproc.local.errors import LocalError


async def test_without_a_place_for_its_directory_nothing_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/tmp/t-nowhere")
    before = psutil.Process().num_fds()
    with pytest.raises(LocalError, match=r"^no private directory can be made in /"):
        async with gathered():
            pass
    assert psutil.Process().num_fds() == before


async def test_it_removes_its_directory_and_what_was_adopted(tmp_path: Path) -> None:
    ours, others = tmp_path / "ours\n1", tmp_path / "others"
    for path in (ours, others):
        path.touch()
    async with gathered() as crew:
        crew.adopt([ours])
        crew.adopt([crew.directory / "never.sock"])
    assert not crew.directory.exists()
    assert list(tmp_path.iterdir()) == [others]
