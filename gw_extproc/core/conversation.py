"""Input items to Chat messages, in the form that strict servers want.

Theory. Chat groups what the Responses API lists: one assistant message holds a turn's text and all its calls, and the outputs stand
directly after it, in call order. So assistant items (reasoning, messages, calls) gather in one `Turn`, which is written out when
anything else arrives: a message of another role, or an output. Outputs are looked up by call id when their turn is written, wherever
they stand in the list; the n-th output of an id answers the n-th call of that id, because some servers number calls from zero in
every turn. An output whose call is unknown is left out and a call without output gets one that says so (pitfalls, rows 21 and 22);
both are named in the notice.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from gw_extproc.core.content import TEXT_TYPES, ContentReader, Part, compact, joined
from gw_extproc.core.dialects import CallIds, Dialect, Replay, System
from gw_extproc.core.errors import quote, unsupported
from gw_extproc.core.notices import Notices
from gw_extproc.core.toolkinds import CALL_KINDS, WHOLE_CALLS, BadArguments, Tool, parse_arguments
from gw_extproc.core.tools import Toolbox

Message = dict[str, Any]
Given = Mapping[str, Any]

NO_OUTPUT = "No output was recorded for this call."

OUTPUT_TYPES = frozenset(
    {
        "function_call_output",
        "custom_tool_call_output",
        "shell_call_output",
        "apply_patch_call_output",
        "local_shell_call_output",
        "tool_search_output",
    }
)


@dataclass
class Turn:
    """What the model said and called before anybody else spoke."""

    reasoning: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    calls: dict[str, tuple[str, Message]] = field(default_factory=dict)
    """By their ids on the wire: the caller's call id, and the call in Chat's form."""


class Conversation:
    """Collects messages item by item; `messages()` gives them all."""

    def __init__(self, dialect: Dialect, toolbox: Toolbox, notices: Notices) -> None:
        self._dialect = dialect
        self._toolbox = toolbox
        self._notices = notices
        self._content = ContentReader(dialect, notices)
        self._system: list[str] = []
        self._messages: list[Message] = []
        self._turn = Turn()
        self._outputs: dict[str, deque[tuple[str, Given]]] = defaultdict(deque)

    def instructions(self, text: str) -> None:
        self._say_system(self._dialect.developer_role, text)

    def add(self, items: Sequence[Given], path: str = "input") -> None:
        """Adds validated items; raises CallerError where one cannot be had."""
        places = [f"{path}[{index}]" for index in range(len(items))]
        for place, item in zip(places, items, strict=True):
            if item.get("type") in OUTPUT_TYPES:
                self._outputs[_answered(item)].append((place, item))
        for place, item in zip(places, items, strict=True):
            self._item(item, place)
        self._end_turn()
        for call_id, left in self._outputs.items():
            if left:
                self._notices.add("outputs left out for want of their call", call_id)

    def messages(self) -> list[Message]:
        if not self._system:
            return self._messages
        return [{"role": "system", "content": "\n\n".join(self._system)}, *self._messages]

    def _item(self, item: Given, path: str) -> None:
        match kind := item.get("type") or ("item_reference" if item.get("role") is None else "message"):
            case "message":
                self._message(item, path)
            case "reasoning":
                self._turn.reasoning.append(_reasoning(item))
            case "function_call":
                self._call(item, Tool("function", item["name"], item.get("namespace")), self._legal_arguments(item))
            case "custom_tool_call":
                arguments = orjson.dumps({"input": item["input"]}).decode()
                self._call(item, Tool("custom", item["name"], item.get("namespace")), arguments)
            case "item_reference":
                raise unsupported(path, f"this gateway keeps no items yet, so it cannot find {quote(item['id'])}; send the item itself")
            case "compaction_trigger":
                raise unsupported(path, "this gateway cannot compact yet")
            case "additional_tools":
                pass  # its tools are in the toolbox
            case _ if kind in OUTPUT_TYPES:
                self._end_turn()
            case _ if kind in CALL_KINDS:
                tool = CALL_KINDS[kind]
                self._call(item, Tool(tool, tool), orjson.dumps(WHOLE_CALLS[tool].arguments(item)).decode())
            case _:
                self._notices.add("items left out", str(kind))

    def _message(self, item: Given, path: str) -> None:
        role, content, path = item["role"], item["content"], f"{path}.content"
        if role == "assistant":
            self._say_assistant(content, path)
            return
        self._end_turn()
        if role == "user":
            self._say_user(self._content.parts(content, path))
        else:
            chat_role = self._dialect.developer_role if role == "developer" else "system"
            self._say_system(chat_role, self._content.text(content, path))

    def _say_assistant(self, content: str | Sequence[Given], path: str) -> None:
        if isinstance(content, str):
            self._turn.texts.append(content)
            return
        spoken = [part for part in content if part["type"] != "refusal"]
        self._turn.texts.append(self._content.text(spoken, path))
        refused = [part["refusal"] for part in content if part["type"] == "refusal"]
        (self._turn.refusals if self._dialect.refusal_field else self._turn.texts).extend(refused)

    def _say_user(self, parts: Sequence[Part]) -> None:
        if parts:
            self._messages.append({"role": "user", "content": compact(parts)})

    def _say_system(self, role: str, text: str) -> None:
        if not text:
            return
        if self._dialect.system is System.FIRST:
            self._system.append(text)
        else:
            self._messages.append({"role": role, "content": text})

    def _call(self, item: Given, tool: Tool, arguments: str) -> None:
        call_id = self._call_id(item)
        calls, rule = self._turn.calls, self._dialect.call_ids
        wire_id, number = legal_call_id(call_id, rule), len(calls)
        while wire_id in calls:
            wire_id, number = legal_call_id(f"{call_id}_{number}", rule), number + 1
        function = {"name": self._toolbox.wire_name(tool), "arguments": arguments}
        calls[wire_id] = (call_id, {"id": wire_id, "type": "function", "function": function})

    def _call_id(self, item: Given) -> str:
        """The id under which the call's output waits: a local shell's output may name the item (OpenAI's document), not the call."""
        if item["type"] == "tool_search_call":
            return item.get("call_id") or ""
        ids = [str(each) for each in (item.get("call_id"), item.get("id")) if each]
        return next((each for each in ids if each in self._outputs), ids[0])

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
        turn, self._turn = self._turn, Turn()
        message = self._assistant_message(turn)
        if message is None:
            return
        self._messages.append(message)
        pictures: list[Part] = []
        for wire_id, (call_id, _) in turn.calls.items():
            self._messages.append(self._output(call_id, wire_id, pictures))
        self._say_user(pictures)

    def _assistant_message(self, turn: Turn) -> Message | None:
        text = "\n".join(text for text in turn.texts if text)
        refusal = "\n".join(turn.refusals)
        if not (text or refusal or turn.calls):
            return None
        message: Message = {"role": "assistant"}
        if text:
            message["content"] = text
        if refusal:
            message["refusal"] = refusal
        dialect = self._dialect
        if dialect.replay is Replay.ALWAYS or (dialect.replay is Replay.WITH_CALLS and turn.calls):
            reasoning = "\n".join(text for text in turn.reasoning if text)
            if reasoning or (dialect.replay_empty and turn.calls):
                message[dialect.replay_field] = reasoning
        if turn.calls:
            message["tool_calls"] = [call for _, call in turn.calls.values()]
        return message

    def _output(self, call_id: str, wire_id: str, pictures: list[Part]) -> Message:
        waiting = self._outputs.get(call_id)
        if not waiting:
            self._notices.add("calls without output", call_id)
            return {"role": "tool", "tool_call_id": wire_id, "content": NO_OUTPUT}
        path, item = waiting.popleft()
        parts = self._content.parts(self._output_content(item), f"{path}.output")
        media = [part for part in parts if part["type"] != "text"]
        text = joined(parts)
        if media:  # Chat takes only text from a tool: the rest follows in a message of the user's role
            pictures.extend([{"type": "text", "text": f"Output of the call {wire_id}:"}, *media])
            text = "\n".join(filter(None, [text, "(see the next message of the user)"]))
        return {"role": "tool", "tool_call_id": wire_id, "content": text}

    def _output_content(self, item: Given) -> str | Sequence[Given]:
        match item["type"]:
            case "shell_call_output":
                return orjson.dumps(item["output"]).decode()
            case "apply_patch_call_output":
                return orjson.dumps({"status": item.get("status") or "completed", "output": item.get("output") or ""}).decode()
            case "tool_search_output":
                return orjson.dumps({"tools_found": _names_found(item["tools"], self._toolbox)}).decode()
            case _:
                output: str | Sequence[Given] = item["output"]
                return output


def _answered(item: Given) -> str:
    """The id of the call that an output answers: a local shell's may be its `id`; searches without one are answered in order."""
    own = item.get("id") if item["type"] == "local_shell_call_output" else None
    return str(item.get("call_id") or own or "")


def _reasoning(item: Given) -> str:
    """The reasoning's own text where there is one, else its summary."""
    for part_list in (item.get("content"), item.get("summary")):
        text = "\n".join(part["text"] for part in part_list or () if part["type"] in TEXT_TYPES)
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
    digest = hashlib.sha256(call_id.encode("utf-8", "surrogatepass")).hexdigest()
    return digest[: rule.longest] if rule.plain else f"call_{digest[: min(rule.longest, 32) - 5]}"
