"""code_interpreter: the model writes Python, a sandbox that the operator names runs it.

The gateway runs no code itself. The sandbox is an MCP server; which of its tools takes the code is a setting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from gw_extproc.core.errors import unsupported
from gw_extproc.core.hosted import Form, Hosted, Told
from gw_extproc.core.toolkinds import BadArguments, Tool, parse_arguments
from gw_extproc.engine.tools.guarded import Trust
from gw_extproc.engine.tools.remote import Endpoint, Remote, Result
from gw_extproc.engine.tools.tool import Fields, Given, HostedTool, Outcome, Request, Running, ToolFailure
from gw_extproc.settings import Settings

NAME = "python"
OUTPUTS = "code_interpreter_call.outputs"
CONTAINER = "auto"
"""The `container_id` of all calls: which containers there are is the sandbox's own business."""

DESCRIPTION = (
    "Runs Python code and returns what it prints. Print what you want to see. Within one answer, what one call defines may be there "
    "for the next."
)
PARAMETERS: Fields = {
    "type": "object",
    "properties": {"code": {"type": "string", "description": "The Python code."}},
    "required": ["code"],
    "additionalProperties": False,
}


def _told(item: Given) -> Told:
    logs = [str(each["logs"]) for each in item.get("outputs") or () if isinstance(each, Mapping) and "logs" in each]
    output = "\n".join(logs) or "What this code printed is no longer at hand."
    return Told(Tool("code_interpreter", NAME), orjson.dumps({"code": item.get("code") or ""}).decode(), output)


CALL = Form(
    "code_interpreter_call",
    "ci",
    told=_told,
    opening=lambda fields: {**fields, "code": "", "outputs": None},
    text="code",
    text_event="response.code_interpreter_call_code",
    opened="response.code_interpreter_call.in_progress",
    running="response.code_interpreter_call.interpreting",
    ended={"completed": "response.code_interpreter_call.completed"},
)


class CodeInterpreterTool(HostedTool):
    reads: Mapping[str, Sequence[str]] = {"code_interpreter": ("container", "allowed_callers")}

    def __init__(self, settings: Settings) -> None:
        assert settings.code_interpreter_url is not None, "only then it is switched on"
        key = settings.code_interpreter_key
        headers = {} if key is None else {"authorization": f"Bearer {key.get_secret_value()}"}
        self.endpoint = Endpoint(settings.code_interpreter_url, headers, Trust(private=True))
        self.tool, self.argument = settings.code_interpreter_tool, settings.code_interpreter_argument
        self.most_output = settings.tool_output

    def check(self, definition: Given, path: str) -> None:
        container = definition.get("container")
        if isinstance(container, str) and container != CONTAINER:
            raise unsupported(f"{path}.container", "this gateway keeps no containers; send {'type': 'auto'}")
        if isinstance(container, Mapping):
            for name in ("file_ids", "memory_limit", "network_policy"):
                if container.get(name):
                    raise unsupported(f"{path}.container.{name}", "what the sandbox has is not for a request to say")

    def running(self, request: Request) -> RunningCode:
        return RunningCode(self, request)


class RunningCode(Running):
    def __init__(self, tool: CodeInterpreterTool, request: Request) -> None:
        self._tool = tool
        self._outputs = OUTPUTS in request.include
        self._connection = Remote(tool.endpoint)

    def offers(self, definition: Given) -> Sequence[Hosted]:
        return [Hosted(Tool("code_interpreter", NAME), CALL, DESCRIPTION, PARAMETERS, _fields)]

    async def call(self, hosted: Hosted, arguments: str) -> Outcome:
        code = _code(arguments)
        if not code:
            raise ToolFailure("There is no code: give a text as `code`.")
        try:
            result = await self._connection.call(self._tool.tool, {self._tool.argument: code})
        except ToolFailure as failure:
            raise ToolFailure(f"The sandbox failed: {failure.reason}.") from None
        printed = result.text()
        if len(printed.encode()) > self._tool.most_output:
            raise ToolFailure(f"It printed more than {self._tool.most_output} bytes; print less.")
        fields: Fields = {"outputs": list(_outputs(result))} if self._outputs else {}
        return Outcome("failed" if result.failed else "completed", fields, printed or "(It printed nothing.)")

    def failed(self, hosted: Hosted, arguments: str, reason: str) -> Outcome:
        fields: Fields = {"outputs": [{"type": "logs", "logs": f"Error: {reason}"}]} if self._outputs else {}
        return Outcome("failed", fields, f"Error: {reason}")

    async def close(self) -> None:
        await self._connection.close()


def _fields(arguments: str) -> Fields:
    return {"container_id": CONTAINER, "code": _code(arguments), "outputs": None}


def _code(arguments: str) -> str:
    try:
        code = parse_arguments(arguments).get("code")
    except BadArguments:
        return ""
    return code if isinstance(code, str) else ""


def _outputs(result: Result) -> Sequence[dict[str, Any]]:
    """What the caller is shown."""
    return [
        {"type": "image", "url": f"data:{part['mime_type']};base64,{part['data']}"}
        if part["type"] == "image"
        else {"type": "logs", "logs": part["text"] if part["type"] == "text" else f"({part['type']})"}
        for part in result.parts
    ]
