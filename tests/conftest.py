"""What all tests share: hypothesis without a deadline, because a shared machine may pause for longer than any example takes."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")
