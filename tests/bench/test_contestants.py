"""What the benchmarks start."""

from __future__ import annotations

import asyncio
import shutil
import sys

import pytest

from bench.contestants import arena, free_port
from gw_extproc.local.errors import LocalError
from tests.waiting import DEADLINE

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


async def test_a_program_that_ends_while_it_starts_is_not_waited_for() -> None:
    async with arena() as place:
        with pytest.raises(LocalError, match=r"a peer ended unexpectedly \(exit status 3\)"):
            await asyncio.wait_for(place.other("a peer", (sys.executable, "-c", "raise SystemExit(3)"), {}, free_port()), DEADLINE)
