"""What can go wrong between the gateway and its store, in the gateway's own words."""

from __future__ import annotations

from collections.abc import Mapping

from gw_extproc.core.errors import CallerError, GatewayError


class StoreDown(GatewayError):
    """The store cannot be reached, is full or refuses; `reason` is for the log."""

    status = 503

    def __init__(self, reason: str) -> None:
        super().__init__("The gateway's store is not available. Try again.", code="store_unavailable")
        self.reason = reason
        self.headers = {"retry-after": "1"}


class TooMuchStored(CallerError):
    """The history is larger than one load may return."""

    def __init__(self) -> None:
        super().__init__("The stored history is too large to be loaded.", code="context_length_exceeded")


class NotStored(Exception):
    """No such response, conversation or prompt, or one of its ancestors was deleted."""


class ConversationGone(Exception):
    """The conversation was deleted while a response was being made in it."""


class LostRun(Exception):
    """Somebody else has taken up the background response, or cancelled it."""


class DuplicateEntry(Exception):
    """The background response has another entry in the queue."""


class QueueFull(GatewayError):
    """As many background responses wait as may."""

    status = 429
    type = "rate_limit_error"

    def __init__(self) -> None:
        message = "Too many background responses are waiting. Try again later."
        super().__init__(message, code="background_queue_full", param="background")
        self.headers = {"retry-after": "5"}


class UnknownItem(Exception):
    """A page was to begin after an item that the conversation does not list; or a prompt has no such version."""


class Changed(Exception):
    """Somebody else has changed it since it was read."""


class BadSeal(Exception):
    """Not sealed by this gateway, not for this tenant and purpose, altered, or older than the keys that are kept."""


REFUSALS: Mapping[bytes, type[Exception]] = {
    b"missing": NotStored,
    b"gone": ConversationGone,
    b"unknown": UnknownItem,
    b"large": TooMuchStored,
    b"changed": Changed,
    b"lost": LostRun,
    b"duplicate": DuplicateEntry,
    b"full": QueueFull,
}
"""What a script answers instead of ok."""
