"""The log of a process: lines alike, whoever writes them."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from gw_extproc.telemetry import logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """What `configure` changes is the process's, which other tests share."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    for handler in handlers:  # basicConfig would close those of the test runner
        root.removeHandler(handler)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    for name in ("httpx2", "httpcore2", "uvicorn.error", "mcp", "opentelemetry"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_of_json_is_one_line_whatever_it_says() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    logging.getLogger("gw_extproc.http").info("serving %s", "a\nb\x1b[3m")
    (line,) = lines(stream)
    assert list(line) == ["timestamp", "level", "logger", "event"]
    assert line["timestamp"].endswith("Z")
    assert (line["level"], line["logger"], line["event"]) == ("info", "gw_extproc.http", "serving a\nb\x1b[3m")


def test_what_others_write_comes_out_alike() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    for name in ("asyncio", "grpc"):
        logging.getLogger(name).warning("%s is troubled", name)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert [line["logger"] for line in lines(stream)] == ["asyncio", "grpc", "py.warnings"]


def test_an_exception_is_part_of_its_line() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    try:
        raise LookupError("lost")
    except LookupError:
        logging.getLogger("gw_extproc.api").exception("a request failed")
    (line,) = lines(stream)
    assert line["event"] == "a request failed"
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("LookupError: lost")


def test_fields_stand_beside_the_event() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    logging.getLogger("gw_extproc.exchange").info("exchange", extra={logs.FIELDS: {"status": "completed", "seconds": 0.5}})
    (line,) = lines(stream)
    assert (line["event"], line["status"], line["seconds"]) == ("exchange", "completed", 0.5)


def test_a_level_leaves_out_what_is_below_it() -> None:
    stream = io.StringIO()
    logs.configure("warning", "json", stream)
    logging.getLogger("gw_extproc.http").info("serving")
    logging.getLogger("mcp.client").error("https://of-a-caller/token")
    logging.getLogger("opentelemetry.exporter").error("again and again")
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("chosen", "stream", "is_json"),
    [
        ("auto", io.StringIO(), True),
        ("auto", Terminal(), False),
        ("console", io.StringIO(), False),
        ("json", Terminal(), True),
    ],
)
def test_who_gets_json(chosen: logs.Format, stream: io.StringIO, is_json: bool) -> None:
    assert logs.is_json(chosen, stream) is is_json


def test_lines_to_read() -> None:
    stream = io.StringIO()
    logs.configure("info", "console", stream)
    logging.getLogger("gw_extproc.exchange").info("exchange", extra={logs.FIELDS: {"model": "a b"}})
    (line,) = stream.getvalue().splitlines()
    assert "[info     ] exchange" in line
    assert "[gw_extproc.exchange] model='a b'" in line
