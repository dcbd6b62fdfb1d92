"""Input items to Chat messages, in the form that strict servers want.

Theory. Chat groups what the Responses API lists: one assistant message holds a turn's text and all its calls, and the outputs stand
directly after it, in call order. So assistant items (reasoning, messages, calls) gather in one `Turn`, which is written out when
anything else arrives: a message of another role, or an output. Which output answers which call is known beforehand (pairing), so an
output is written with its call, wherever it stands in the list. An output whose call is unknown is left out where the caller carries
the history, and refused where the gateway does: then the call can be in no history at all. One that the history itself holds is left
out again: it was accepted when it came, or its call was deleted since. A call without output gets one that says so; what is left out
or made up is named in the notice (docs/decisions/0003).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from gw_extproc.core import compaction, pairing
from gw_extproc.core.approvals import NONE, REQUEST, RESPONSE, UNANSWERED, approvals, refusal
from gw_extproc.core.content import TEXTUAL, Content, ContentReader, Part, compact, joined
from gw_extproc.core.dialects import CallIds, Dialect, Replay, System
from gw_extproc.core.errors import CallerError, encode, quote, unsupported
from gw_extproc.core.hosted import NOTHING, Kit, Told
from gw_extproc.core.notices import Notices
from gw_extproc.core.toolkinds import CALL_KINDS, WHOLE_CALLS, BadArguments, Tool, parse_arguments
from gw_extproc.core.tools import Toolbox

Message = dict[str, Any]
Given = Mapping[str, Any]

NO_OUTPUT = "No output was recorded for this call."

PICTURES_TITLE = "Output of the call"
"""What stands before the pictures that a tool gave: Chat takes them only from the user."""

SUMMARY_TITLE = "Summary of the conversation so far:\n"
"""What stands before a compacted context: the model must not take it for the user's own words."""


class Items(NamedTuple):
    """The context of a request: what the gateway remembers, then what the caller sends.

    References are resolved, reasoning is readable, a compaction item has its `summary`.
    """

    given: Sequence[Given]
    history: Sequence[Given] = ()
    continues: str | None = None
    """The parameter that names the history, where one does."""
    parameter: str = "input"
    """The one that holds the given items."""

    @property
    def all(self) -> Sequence[Given]:
        return [*self.history, *self.given] if self.history else self.given

    def path(self, index: int) -> str:
        """Where the caller said it."""
        number = index - len(self.history)
        return f"{self.parameter}[{number}]" if number >= 0 else str(self.continues)


@dataclass
class Turn:
    """What the model said and called before anybody else spoke."""

    reasoning: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    calls: dict[str, Message] = field(default_factory=dict)
    """In Chat's form, by their ids on the wire."""
    outputs: dict[str, tuple[str, Given]] = field(default_factory=dict)
    """Path and item of the outputs, by the ids of their calls on the wire."""
    told: dict[str, str] = field(default_factory=dict)
    """The outputs of calls that the gateway ran, in the same way."""


class Conversation:
    """Collects messages item by item; `messages()` gives them all."""

    def __init__(self, dialect: Dialect, toolbox: Toolbox, notices: Notices, kit: Kit = NOTHING) -> None:
        self._kit = kit
        self._approvals = NONE
        self._dialect = dialect
        self._toolbox = toolbox
        self._notices = notices
        self._content = ContentReader(dialect, notices)
        self._system: list[str] = []
        self._messages: list[Message] = []
        self._turn = Turn()
        self._outputs: dict[int, tuple[str, Given]] = {}

    def instructions(self, text: str) -> None:
        self._say_system(self._dialect.developer_role, text)

    def add(self, items: Items) -> None:
        """Adds the items, validated or stored; raises CallerError where one cannot be had or written."""
        given = items.all
        self._approvals = approvals(given)
        pairs = pairing.pair(given)
        self._outputs = {call: (items.path(output), given[output]) for call, output in pairs.answers.items()}
        for orphan in pairs.orphans:
            call_id = pairing.answered_id(given[orphan])
            if items.continues is not None and orphan >= len(items.history):
                message = f"No tool call found for function call output with call_id {quote(call_id)}."
                raise CallerError(message, code="tool_call_not_found", param=items.path(orphan))
            self._notices.add("outputs left out for want of their call", call_id)
        for index in compaction.told(given):
            self._item(given[index], items.path(index), index)
        self._end_turn()

    def messages(self) -> list[Message]:
        if not self._system:
            return self._messages
        return [{"role": "system", "content": "\n\n".join(self._system)}, *self._messages]

    def _item(self, item: Given, path: str, index: int) -> None:
        match kind := item.get("type") or "message":
            case "message":
                self._message(item, path)
            case "reasoning":
                self._turn.reasoning.append(_reasoning(item))
            case "function_call":
                self._call(item, index, Tool("function", item["name"], item.get("namespace")), self._legal_arguments(item))
            case "custom_tool_call":
                arguments = orjson.dumps({"input": item["input"]}).decode()
                self._call(item, index, Tool("custom", item["name"], item.get("namespace")), arguments)
            case "compaction":
                self._end_turn()
                self._say_user([{"type": "text", "text": SUMMARY_TITLE + item["summary"]}])
            case "compaction_trigger":
                raise unsupported(path, "this gateway compacts when asked by POST /v1/responses/compact or context_management")
            case "additional_tools":
                pass  # its tools are in the toolbox
            case _ if kind in pairing.OUTPUT_TYPES:
                self._end_turn()
            case _ if kind in CALL_KINDS:
                tool = CALL_KINDS[kind]
                self._call(item, index, Tool(tool, tool), encode(WHOLE_CALLS[tool].arguments(item)).decode())
            case _ if kind in self._kit.forms or (kind == RESPONSE and REQUEST in self._kit.forms):
                self._hosted(item, path)
            case _:
                self._notices.add("items left out", str(kind))

    def _hosted(self, item: Given, path: str) -> None:
        """A call that the gateway ran, and what is said of approvals. Each is a turn of its own: which calls were made at once is not
        known any more, and one may rest on what another gave."""
        approvals, output, kind = self._approvals, self._kit.outputs.get(item.get("id", "")), item["type"]
        if kind == RESPONSE:
            if item["approval_request_id"] not in approvals.requests:  # nor can it be in any history
                message = f"No approval request found with id {quote(item['approval_request_id'])}."
                raise CallerError(message, code="approval_request_not_found", param=f"{path}.approval_request_id")
            request = approvals.refused(item)
            if request is None:
                return
            item, output = request, refusal(item)
        elif kind == REQUEST:
            if not approvals.unanswered(item):
                return
            output = UNANSWERED
        told = self._kit.forms[item["type"]].told(item)
        if isinstance(told, Told):
            call_id = self._wire_id(str(item.get("id") or ""))
            function = {"name": self._toolbox.wire_name(told.tool), "arguments": told.arguments}
            self._turn.calls[call_id] = {"id": call_id, "type": "function", "function": function}
            self._turn.told[call_id] = told.output if output is None else output
            self._end_turn()
        elif told is not None:
            self._end_turn()
            self._say_system("system", told)

    def _message(self, item: Given, path: str) -> None:
        role, content, path = item["role"], item["content"] or (), f"{path}.content"
        if role == "assistant":
            self._say_assistant(content, path)
            return
        self._end_turn()
        if role == "user":
            self._say_user(self._content.parts(content, path))
        else:
            chat_role = self._dialect.developer_role if role == "developer" else "system"
            if chat_role != role:
                self._notices.shape("developer_role", "input[].role")
            self._say_system(chat_role, self._content.text(content, path))

    def _say_assistant(self, content: Content, path: str) -> None:
        if isinstance(content, str):
            self._turn.texts.append(content)
            return
        spoken = [part for part in content if part["type"] != "refusal"]
        self._turn.texts.append(self._content.text(spoken, path))
        refused = [part["refusal"] for part in content if part["type"] == "refusal"]
        if refused and not self._dialect.refusal_parts:
            self._notices.shape("refusal_parts", "input[].content")
        (self._turn.refusals if self._dialect.refusal_parts else self._turn.texts).extend(refused)

    def _say_user(self, parts: Sequence[Part]) -> None:
        if not parts:
            return
        between = self._dialect.between_tool_and_user
        if between is not None and self._messages and self._messages[-1]["role"] == "tool":
            self._notices.shape("between_tool_and_user", "input")
            self._messages.append({"role": "assistant", "content": between})
        self._messages.append({"role": "user", "content": compact(parts)})

    def _say_system(self, role: str, text: str) -> None:
        if not text:
            return
        if self._dialect.system is System.FIRST:
            if self._system or self._messages:
                self._notices.shape("system", "input")
            self._system.append(text)
        else:
            self._messages.append({"role": role, "content": text})

    def _call(self, item: Given, index: int, tool: Tool, arguments: str) -> None:
        call_id = str(item.get("call_id") or item.get("id") or "")
        calls = self._turn.calls
        wire_id, number = self._wire_id(call_id), len(calls)
        while wire_id in calls:
            wire_id, number = self._wire_id(f"{call_id}_{number}"), number + 1
        function = {"name": self._toolbox.wire_name(tool), "arguments": arguments}
        calls[wire_id] = {"id": wire_id, "type": "function", "function": function}
        if index in self._outputs:
            self._turn.outputs[wire_id] = self._outputs[index]
        else:
            self._notices.add("calls without output", call_id)

    def _wire_id(self, call_id: str) -> str:
        legal = legal_call_id(call_id, self._dialect.call_ids)
        if legal != call_id:
            self._notices.shape("call_ids", "input[].call_id")
        return legal

    def _legal_arguments(self, item: Given) -> str:
        """Servers parse the arguments and fail on what is no object, for example on those of a call that was cut off."""
        arguments: str = item["arguments"]
        try:
            parse_arguments(arguments)
        except BadArguments:
            self._notices.add("arguments repaired", item["call_id"])
            return orjson.dumps({"input": arguments}).decode()
        return arguments.strip() or "{}"

    def _end_turn(self) -> None:
        turn = self._turn
        if not (turn.texts or turn.calls or turn.refusals or turn.reasoning):
            return
        self._turn = Turn()
        message = self._assistant_message(turn)
        if message is None:
            return
        self._messages.append(message)
        pictures: list[Part] = []
        for wire_id in turn.calls:
            if wire_id in turn.outputs:
                content = self._output(wire_id, *turn.outputs[wire_id], pictures)
            else:
                content = turn.told.get(wire_id, NO_OUTPUT)
            self._messages.append({"role": "tool", "tool_call_id": wire_id, "content": content})
        self._say_user(pictures)

    def _assistant_message(self, turn: Turn) -> Message | None:
        dialect = self._dialect
        text = "\n".join(text for text in turn.texts if text)
        refusals = [{"type": "refusal", "refusal": refusal} for refusal in turn.refusals if refusal]
        if not (text or refusals or turn.calls):
            return None
        message: Message = {"role": "assistant"}
        if refusals:
            message["content"] = [*([{"type": "text", "text": text}] if text else []), *refusals]
        elif text or dialect.empty_content:
            message["content"] = text
            if not text:
                self._notices.shape("empty_content", "input")
        if (reasoning := self._replayed(turn)) is not None:
            message[dialect.replay_field] = reasoning
        if turn.calls:
            first, *others = turn.calls.values()
            message["tool_calls"] = [{**first, **dialect.first_call_extra}, *others]
            if dialect.first_call_extra:
                self._notices.shape("first_call_extra", "input")
        return message

    def _replayed(self, turn: Turn) -> str | None:
        """The reasoning that the model is told again."""
        dialect = self._dialect
        reasoning = "\n".join(text for text in turn.reasoning if text)
        if reasoning:
            self._notices.shape("replay", "input[].reasoning")
        if dialect.replay is not Replay.ALWAYS and not (dialect.replay is Replay.WITH_CALLS and turn.calls):
            return None
        if not reasoning and dialect.replay_empty and turn.calls:
            self._notices.shape("replay_empty", "input[].reasoning")
            return ""
        return reasoning or None

    def _output(self, wire_id: str, path: str, item: Given, pictures: list[Part]) -> str:
        """The text of an output; what is no text goes to the pictures."""
        parts = self._content.parts(self._output_content(item), f"{path}.output")
        media = [part for part in parts if part["type"] != "text"]
        text = joined(parts)
        if media:  # Chat takes only text from a tool: the rest follows in a message of the user's role
            pictures.extend([{"type": "text", "text": f"{PICTURES_TITLE} {wire_id}:"}, *media])
            text = "\n".join(filter(None, [text, "(see the next message of the user)"]))
        return text

    def _output_content(self, item: Given) -> Content:
        match item["type"]:
            case "shell_call_output":
                return encode(item["output"]).decode()
            case "apply_patch_call_output":
                return orjson.dumps({"status": item.get("status") or "completed", "output": item.get("output") or ""}).decode()
            case "tool_search_output":
                return orjson.dumps({"tools_found": _names_found(item["tools"], self._toolbox)}).decode()
            case _:
                output: Content | None = item["output"]
                return output or ()


def _reasoning(item: Given) -> str:
    """The reasoning's own text where there is one, else its summary."""
    for part_list in (item.get("content"), item.get("summary")):
        text = "\n".join(part["text"] for part in part_list or () if part["type"] in TEXTUAL)
        if text:
            return text
    return ""


def _names_found(tools: Sequence[Given], toolbox: Toolbox) -> list[str]:
    found: list[str] = []
    for tool in tools:
        members = tool["tools"] if tool["type"] == "namespace" else [tool]
        namespace = tool["name"] if tool["type"] == "namespace" else None
        found += [
            toolbox.wire_name(Tool(member["type"], member["name"], namespace))
            for member in members
            if member["type"] in ("function", "custom")
        ]
    return found


_PLAIN = re.compile(r"[a-zA-Z0-9]+")


def legal_call_id(call_id: str, rule: CallIds) -> str:
    """The id in a form that the server takes: itself where it can be, else a digest that is the same for the same id every time."""
    fits = len(call_id) == rule.longest if rule.exact else 0 < len(call_id) <= rule.longest
    if fits and (not rule.plain or _PLAIN.fullmatch(call_id)):
        return call_id
    digest = hashlib.sha256(call_id.encode()).hexdigest()
    return digest[: rule.longest] if rule.plain else f"call_{digest[: min(rule.longest, 32) - 5]}"
