"""The contents of one exchange, where the settings allow to keep them for a while: never more than so much."""

from __future__ import annotations

LARGEST = 256 * 1024
"""Bytes of each of: the request, the Chat requests together, the events together, the answer."""


class Captured:
    """What was said; `cut` where something of it is not here because it was too much."""

    __slots__ = ("_chat_room", "_event_room", "answer", "chats", "cut", "events", "request")

    def __init__(self) -> None:
        self.request = b""
        self.chats: list[bytes] = []
        self.events: list[tuple[float, bytes]] = []
        """Each with its time (of `time.perf_counter`): as they were handed over, so one may be several events of the API."""
        self.answer = b""
        self.cut = False
        self._chat_room = self._event_room = LARGEST

    def asks(self, request: bytes) -> None:
        """The Responses request."""
        self.request = self._fit(request, LARGEST)

    def sends(self, chat: bytes) -> None:
        """A Chat request."""
        if self._chat_room > 0:
            self.chats.append(self._fit(chat, self._chat_room))
        self._chat_room -= len(chat)

    def says(self, now: float, events: bytes) -> None:
        """Events on their way to the caller."""
        if self._event_room > 0:
            self.events.append((now, self._fit(events, self._event_room)))
        self._event_room -= len(events)

    def tells(self, answer: bytes) -> None:
        """The response object at its end, or the error in its place."""
        self.answer = self._fit(answer, LARGEST)

    def _fit(self, data: bytes, room: int) -> bytes:
        self.cut = self.cut or len(data) > room
        return bytes(data[:room])
