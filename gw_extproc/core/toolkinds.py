"""The tools of the Responses API that become functions on the wire, as data: how each is offered, called and answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from gw_extproc.core.errors import TooDeep, encode

_LARGEST_NUMBER = 2**53
"""Beyond it JSON's numbers are not exact, and beyond 64 bits they cannot be written."""

Fields = dict[str, Any]
Stream = Iterable[tuple[str, Fields]]


class Tool(NamedTuple):
    """A tool under its function name on the wire: what a call of that function means to the caller."""

    kind: str
    """The tool's `type`: function, custom, apply_patch, shell, local_shell or tool_search."""
    name: str
    namespace: str | None = None


class BadArguments(ValueError):
    """The model's arguments do not have the form of the tool."""


@dataclass(frozen=True)
class WholeCall:
    """A tool whose call is an item of its own type, made from whole arguments."""

    item_type: str
    id_prefix: str
    description: str
    parameters: Mapping[str, Any]
    fields: Callable[[Fields], Fields]
    """From the model's arguments to the item's fields; raises BadArguments."""
    arguments: Callable[[Mapping[str, Any]], Fields]
    """From an item of the history back to the arguments the model had written."""
    stream: Callable[[Fields], Stream] = lambda _: ()
    """Events between `added` and `done`: type, and the fields after sequence_number and output_index."""


def parse_arguments(text: str) -> Fields:
    """The arguments as an object; an empty text is an empty object. Raises BadArguments."""
    try:
        value = orjson.loads(text) if text.strip() else {}
    except orjson.JSONDecodeError:
        raise BadArguments("they are not JSON") from None
    if not isinstance(value, dict):
        raise BadArguments("they are not an object")
    try:
        encode([[[[value]]]])  # as deep as it will stand in an event
    except TooDeep:
        raise BadArguments("they are nested too deeply") from None
    return value


def _object(required: list[str], **properties: Any) -> Fields:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _whole_number(arguments: Fields, name: str) -> int | None:
    value = arguments.get(name)
    return int(value) if isinstance(value, int | float) and abs(value) < _LARGEST_NUMBER else None


def _strings(arguments: Fields, name: str) -> list[str]:
    value = arguments.get(name)
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return value
    raise BadArguments(f"`{name}` is not a list of strings")


def _patch_fields(arguments: Fields) -> Fields:
    operation = arguments.get("operation", arguments)  # some models leave out the outer object
    if not isinstance(operation, dict):
        raise BadArguments("`operation` is not an object")
    type, path, diff = (operation.get(name) for name in ("type", "path", "diff"))
    if type not in ("create_file", "update_file", "delete_file"):
        raise BadArguments("`operation.type` is not create_file, update_file or delete_file")
    if not isinstance(path, str) or not path:
        raise BadArguments("`operation.path` is not a path")
    if type == "delete_file":
        return {"operation": {"type": type, "path": path}}
    if not isinstance(diff, str):
        raise BadArguments("`operation.diff` is not a string")
    return {"operation": {"type": type, "path": path, "diff": diff}}


def _shell_fields(arguments: Fields) -> Fields:
    action = {
        "commands": _strings(arguments, "commands"),
        "timeout_ms": _whole_number(arguments, "timeout_ms"),
        "max_output_length": _whole_number(arguments, "max_output_length"),
    }
    return {"action": action, "environment": None}


def _shell_stream(fields: Fields) -> Stream:
    for index, command in enumerate(fields["action"]["commands"]):
        yield "response.shell_call_command.added", {"command_index": index, "command": ""}
        yield "response.shell_call_command.delta", {"command_index": index, "delta": command}
        yield "response.shell_call_command.done", {"command_index": index, "command": command}


def _local_shell_fields(arguments: Fields) -> Fields:
    env = arguments.get("env")
    action: Fields = {
        "type": "exec",
        "command": _strings(arguments, "command"),
        "env": {str(key): str(value) for key, value in env.items()} if isinstance(env, dict) else {},
    }
    if (timeout := _whole_number(arguments, "timeout_ms")) is not None:
        action["timeout_ms"] = timeout
    for name in ("working_directory", "user"):
        if isinstance(arguments.get(name), str):
            action[name] = arguments[name]
    return {"action": action}


def _present(values: Mapping[str, Any], *names: str) -> Fields:
    return {name: values[name] for name in names if values.get(name) is not None}


_COMMANDS = {"type": "array", "items": {"type": "string"}}

WHOLE_CALLS: Mapping[str, WholeCall] = {
    "apply_patch": WholeCall(
        item_type="apply_patch_call",
        id_prefix="apc",
        description="Creates, updates or deletes one file. `diff` is in the V4A format: for create_file every line of the new file "
        "begins with +; for update_file each hunk begins with @@ and optional context, and its lines begin with a space, - or +.",
        parameters=_object(
            ["operation"],
            operation=_object(
                ["type", "path"],
                type={"type": "string", "enum": ["create_file", "update_file", "delete_file"]},
                path={"type": "string", "description": "Path of the file, relative to the workspace."},
                diff={"type": "string", "description": "V4A diff; not for delete_file."},
            ),
        ),
        fields=_patch_fields,
        arguments=lambda item: _present(item, "operation"),
    ),
    "shell": WholeCall(
        item_type="shell_call",
        id_prefix="sh",
        description="Runs shell commands and returns what each printed and how it ended. The commands may run at the same time.",
        parameters=_object(
            ["commands"],
            commands=_COMMANDS,
            timeout_ms={"type": "integer", "description": "Milliseconds after which the commands are stopped."},
            max_output_length={"type": "integer", "description": "Characters of output to return at most."},
        ),
        fields=_shell_fields,
        arguments=lambda item: _present(item["action"], "commands", "timeout_ms", "max_output_length"),
        stream=_shell_stream,
    ),
    "local_shell": WholeCall(
        item_type="local_shell_call",
        id_prefix="lsh",
        description="Runs one command on the user's machine and returns what it printed.",
        parameters=_object(
            ["command"],
            command={**_COMMANDS, "description": "The program and its arguments."},
            env={"type": "object", "additionalProperties": {"type": "string"}},
            timeout_ms={"type": "integer"},
            working_directory={"type": "string"},
            user={"type": "string"},
        ),
        fields=_local_shell_fields,
        arguments=lambda item: _present(item["action"], "command", "env", "timeout_ms", "working_directory", "user"),
    ),
    "tool_search": WholeCall(
        item_type="tool_search_call",
        id_prefix="tsc",
        description="Searches for tools that are not offered yet; those found can be called afterwards.",
        parameters=_object(["query"], query={"type": "string"}, limit={"type": "integer"}),
        fields=lambda arguments: {"execution": "client", "arguments": arguments},
        arguments=lambda item: dict(item["arguments"]),
    ),
}

CALL_KINDS = {kind.item_type: name for name, kind in WHOLE_CALLS.items()}
"""Item type of a call to the tool's type."""


def custom_description(tool: Mapping[str, Any]) -> str:
    """What the model is told of a free-form tool: its own description, and the form its text must have."""
    parts = [tool.get("description") or "", "Write the text for this tool, as it is, into `input`."]
    form = tool.get("format") or {}
    if form.get("type") == "grammar":
        parts.append(f"The text must match this {form['syntax']} grammar:\n{form['definition']}")
    return "\n\n".join(part for part in parts if part)


CUSTOM_PARAMETERS = _object(["input"], input={"type": "string"})
