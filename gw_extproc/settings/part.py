"""What the parts of the settings share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """Some of the options: never validated but as a part of all, so that no validator is built for it alone."""

    model_config = ConfigDict(defer_build=True)
