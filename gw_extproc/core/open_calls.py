"""The calls that one answer of the model makes: open to its end, closed in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from gw_extproc.core.calls import GrowingCall, WholeCallBuffer
from gw_extproc.core.drafts import CallDraft, CustomCallDraft, Draft, FunctionCallDraft, Item, Place, WholeCallDraft
from gw_extproc.core.hosted import Form, Hosted
from gw_extproc.core.hosted_draft import HostedCall, HostedDraft
from gw_extproc.core.toolkinds import WHOLE_CALLS, BadArguments, Tool, WholeCall


class OpenCalls:
    """Three kinds: those that stream, those that are announced when they are whole, and those that the gateway runs itself."""

    def __init__(self, place: Callable[[str], Place], drafts: list[Draft], number: int = 0) -> None:
        """`place` gives the next place in the output for an id with that prefix; `drafts` is the output; so many calls came before."""
        self.number = number
        self._place = place
        self._drafts = drafts
        self._streaming: list[CallDraft] = []
        self._whole: list[WholeCallBuffer] = []
        self._hosted: list[HostedCall] = []

    def __len__(self) -> int:
        return len(self._streaming) + len(self._whole) + len(self._hosted)

    @property
    def for_the_caller(self) -> bool:
        """Whether any of them is for the caller to answer."""
        return bool(self._streaming or self._whole or any(not call.hosted.form.runs for call in self._hosted))

    def open(self, call_id: str, tool: Tool, hosted: Hosted | None) -> GrowingCall:
        self.number += 1
        if hosted is not None:
            call = HostedCall(hosted, self._announce_hosted)
            self._hosted.append(call)
            return call
        if kind := WHOLE_CALLS.get(tool.kind):
            buffer = WholeCallBuffer(kind, partial(self._announce_whole, call_id, kind))
            self._whole.append(buffer)
            return buffer
        draft_type, prefix = (CustomCallDraft, "ctc") if tool.kind == "custom" else (FunctionCallDraft, "fc")
        draft = draft_type(self._place(prefix), call_id, tool)
        self._drafts.append(draft)
        self._streaming.append(draft)
        return draft

    @property
    def streaming(self) -> Sequence[CallDraft]:
        return self._streaming

    def judged(self, *, cut: bool) -> Sequence[WholeCallBuffer]:
        """The whole calls, fit to be announced; the last one may have been cut off, and then it is none.

        Raises BadArguments where the model finished one that does not have its tool's form.
        """
        judged: list[WholeCallBuffer] = []
        for call in self._whole:
            try:
                call.judge()
            except BadArguments:
                if not (cut and call is self._whole[-1]):
                    raise
            else:
                judged.append(call)
        return judged

    def settle(self) -> Sequence[HostedCall]:
        """The answer is whole: gives the calls that the gateway now runs."""
        for call in self._hosted:
            call.settle()
        return [call for call in self._hosted if call.hosted.form.runs]

    def cut(self) -> None:
        """The answer was cut off, so that none of its calls is run: one that looks whole may be half."""
        for call in self._hosted:
            call.cut()

    def _announce_whole(self, call_id: str, kind: WholeCall, fields: Item) -> Draft:
        draft = WholeCallDraft(self._place(kind.id_prefix), call_id, kind, fields)
        self._drafts.append(draft)
        return draft

    def _announce_hosted(self, form: Form, fields: Item) -> HostedDraft:
        draft = HostedDraft(self._place(form.id_prefix), form, fields)
        self._drafts.append(draft)
        return draft
