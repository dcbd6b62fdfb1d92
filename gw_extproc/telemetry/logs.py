"""The log of a process: lines of JSON or lines to read, whoever writes them (we, uvicorn, gRPC, asyncio).

All of them are records of the standard library's `logging`, rendered by structlog. It is imported with the first line: launchers rarely
write any, and shall not start later for it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TextIO

import orjson

if TYPE_CHECKING:
    from structlog.typing import Processor

Format = Literal["auto", "console", "json"]
FORMATS: Mapping[str, Format] = {"auto": "auto", "console": "console", "json": "json"}

FIELDS = "fields"
"""The attribute of a record that holds what stands in its line besides the message: a mapping of names to values."""

_CHATTY = ("httpx2", "httpcore2", "uvicorn.error")
"""They would log the URL of every call, and every step of it; the last that it has started."""

_INDISCREET = ("mcp", "opentelemetry")
"""What goes wrong with a caller's server is told to the caller, and here would show his URLs; a collector that is away is told once."""


def is_json(chosen: Format, stream: TextIO) -> bool:
    """Whether that stream gets JSON: unless somebody reads it."""
    return chosen == "json" or (chosen == "auto" and not stream.isatty())


def configure(level: str, chosen: Format, stream: TextIO | None = None) -> None:
    """Sends the log of this process to that stream (stderr), in that form; lines below the level are left out."""
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Rendered(as_json=is_json(chosen, stream), colors=stream.isatty()))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _INDISCREET:
        logging.getLogger(name).setLevel(logging.CRITICAL)


class _Rendered(logging.Formatter):
    def __init__(self, *, as_json: bool, colors: bool) -> None:
        super().__init__()
        self._as_json = as_json
        self._colors = colors

    def format(self, record: logging.LogRecord) -> str:
        return self._structlog.format(record)

    @cached_property
    def _structlog(self) -> logging.Formatter:
        from structlog.dev import ConsoleRenderer, plain_traceback
        from structlog.processors import JSONRenderer, TimeStamper, format_exc_info
        from structlog.stdlib import ProcessorFormatter, add_log_level, add_logger_name

        rendered: Sequence[Processor] = (
            (format_exc_info, JSONRenderer(serializer=_encoded))
            if self._as_json
            else (ConsoleRenderer(colors=self._colors, exception_formatter=plain_traceback),)
        )
        return ProcessorFormatter(
            foreign_pre_chain=[TimeStamper(fmt="iso"), add_log_level, add_logger_name],
            processors=[_with_fields, ProcessorFormatter.remove_processors_meta, *rendered],
        )


def _with_fields(_: object, __: str, line: Any) -> Any:
    """The line with what its record has besides the message."""
    return line | getattr(line["_record"], FIELDS, {})


def _encoded(line: Any, **_: object) -> str:
    first = {name: line.pop(name) for name in ("timestamp", "level", "logger", "event")}
    return orjson.dumps({**first, **line}, default=str).decode()
