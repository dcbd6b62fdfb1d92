"""Conversations: what may be sent to make, change and fill one, and what is answered."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gw_extproc.schema.base import WireModel
from gw_extproc.schema.items import InputItem
from gw_extproc.schema.requests import Metadata

MOST_ITEMS = 20
"""Items that may be sent at once, by OpenAI's document."""

Items = Annotated[list[InputItem], Field(fail_fast=True, max_length=MOST_ITEMS)]


class CreateConversation(WireModel):
    metadata: Metadata | None = None
    items: Items | None = None


class UpdateConversation(WireModel):
    """Null is as good as none at all, but leaving it out would change nothing."""

    metadata: Metadata | None


class CreateItems(WireModel):
    items: Items


class Conversation(WireModel):
    id: str
    object: Literal["conversation"]
    created_at: int
    metadata: dict[str, str]


class DeletedConversation(WireModel):
    id: str
    object: Literal["conversation.deleted"]
    deleted: Literal[True]
