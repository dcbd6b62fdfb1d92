"""Calls that the gateway runs itself, while they grow, run and end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gw_extproc.core.drafts import Draft, Item, Place
from gw_extproc.core.events import delta_prefix
from gw_extproc.core.hosted import Form, Hosted
from gw_extproc.core.trace import RUNNING


class HostedDraft(Draft):
    """An item in the form that its tool gave it; `fields` are all that it will have, as they are at its opening."""

    def __init__(self, place: Place, form: Form, fields: Item) -> None:
        super().__init__(place)
        self.form = form
        self._fields = fields
        self._pieces: list[str] = []
        self._prefix = delta_prefix(f"{form.text_event}.delta", **self._where()) if form.text else b""
        self._open()
        self._announce(form.opened)

    def grow(self, piece: str) -> None:
        """The item's text grows."""
        self._pieces.append(piece)
        self._emitter.delta(self._prefix, self.index, piece)

    def run(self) -> None:
        """The text is whole, the call begins to run."""
        self._trace(RUNNING)
        if self.form.text is not None:
            self._emitter.emit(f"{self.form.text_event}.done", **self._where(**{self.form.text: "".join(self._pieces)}))
        self._announce(self.form.running)

    def end(self, status: str, fields: Mapping[str, Any]) -> None:
        """The item ends with these fields changed."""
        self._fields = {**self._fields, **fields}
        self.close(status)

    def item(self) -> Item:
        fields = self._fields
        if self.form.text is not None:
            fields = {**fields, self.form.text: "".join(self._pieces)}
        return {"id": self.id, "type": self.form.item_type, "status": self.status, **fields}

    def abandon(self) -> None:
        if self.status == "in_progress":
            self.status = self.form.broken_off

    def _finish(self) -> None:
        self._announce(self.form.ended.get(self.status))

    def _announce(self, event: str | None) -> None:
        if event is not None:
            self._emitter.emit(event, **self._where())


class HostedCall:
    """The model's call of a function that the gateway runs: announced at once where its arguments stream, else when they are whole."""

    def __init__(self, hosted: Hosted, announce: Callable[[Form, Item], HostedDraft]) -> None:
        self.hosted = hosted
        self._announce = announce
        self._pieces: list[str] = []
        self._draft = self._opened("") if hosted.streams else None

    @property
    def arguments(self) -> str:
        return "".join(self._pieces)

    @property
    def draft(self) -> HostedDraft:
        assert self._draft is not None, "it was settled"
        return self._draft

    def grow(self, piece: str) -> None:
        self._pieces.append(piece)
        if self._draft is not None:
            self._draft.grow(piece)

    def settle(self) -> None:
        """The arguments are whole: the call runs from now on, or is handed to the caller."""
        if self._draft is None:
            self._draft = self._opened(self.arguments)
        elif not self.arguments.strip():
            self.grow("{}")
        if self.hosted.form.runs:
            self._draft.run()
        else:
            self._draft.close("completed")

    def cut(self) -> None:
        """The answer ended before the arguments did, or the call is not to be run: what was announced of it ends."""
        if self._draft is not None:
            self._draft.close(self.hosted.form.broken_off)

    def _opened(self, arguments: str) -> HostedDraft:
        form, fields = self.hosted.form, self.hosted.fields(arguments)
        draft = self._announce(form, form.opening(fields))
        text = fields.get(form.text) if form.text is not None else None
        if text:
            draft.grow(text)
        return draft
